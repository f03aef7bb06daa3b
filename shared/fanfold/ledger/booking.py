"""Book fills and ends of orders into an account: exact, and idempotent."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from fanfold import ids
from fanfold.ledger import orders, positions
from fanfold.ledger.account_books import AccountBooks, StoredAccount, position
from fanfold.ledger.orders import OrderRecord, Step
from fanfold.ledger.positions import Position
from fanfold.matching.fills import MatchResult, Resolution
from fanfold.messages import ExecutionReport, Fill, Order, OrderState, PositionSnapshot, Side, TradingState
from fanfold.money import ZERO, exact
from fanfold.records import TERMINAL
from fanfold.risk.exposure import AccountSnapshot, PositionKey

# Venue, instrument, the venue's id.
Trade = tuple[str, str, str]


@exact
def reserving(before: AccountSnapshot, approved: Sequence[Order]) -> Decimal:
    """Return the reserved cash including newly approved orders."""
    return before.reserved + sum((order.reserved for order in approved), ZERO)


class Pending(NamedTuple):
    """The signed quantity that live orders of a leg may still fill, of which ``sales``, or a change of the two."""

    quantity: Decimal = ZERO
    sales: Decimal = ZERO

    @exact
    def moved(self, side: Side, quantity: Decimal) -> "Pending":
        """Return it with so much more to fill on a side."""
        if side == "buy":
            return Pending(self.quantity + quantity, self.sales)
        return Pending(self.quantity - quantity, self.sales - quantity)


def expected(approved: Iterable[Order]) -> dict[PositionKey, Pending]:
    """Return, by leg, what orders may fill; a resting stop is none of it."""
    expected: dict[PositionKey, Pending] = {}
    for order in approved:
        if not order.protects:
            expected[order.leg] = expected.get(order.leg, Pending()).moved(order.side, order.quantity)
    return expected


class BookingResult(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of the books by resolutions: fills that were not booked, order steps, and the figures after them.

    ``odd`` are fills that were told with another quantity than before, or with more than the order had left.
    """

    fills: list[Fill]
    steps: list[Step]
    positions: dict[PositionKey, Position]
    unfilled: dict[PositionKey, Pending]
    cash: Decimal
    reserved: Decimal
    odd: list[Fill]


def trade(fill: Fill) -> Trade:
    """Return the key of a fill. Venues number the trades of each instrument separately."""
    return fill.venue, fill.instrument, fill.trade_id


def unbooked(resolutions: Sequence[Resolution], booked: Collection[Trade]) -> list[Fill]:
    """Return the fills that may not be booked yet."""
    return [fill for resolution in resolutions for fill in resolution.fills if trade(fill) not in booked]


@exact
def apply(
    resolutions: Sequence[Resolution],
    records: Mapping[str, OrderRecord],
    books: AccountBooks,
    booked: Mapping[Trade, Decimal],
) -> BookingResult:
    """Return what resolutions change in the books. A fill that is booked already, as in a redelivery, changes nothing.

    ``booked`` has the quantities of the trades that were. They may be told in any order, a part of them at a time.
    """
    account = books.account
    assert account is not None
    known = dict(booked)
    fills: list[Fill] = []
    odd: list[Fill] = []
    steps: list[Step] = []
    for resolution in resolutions:
        before = records[resolution.resting.order.order_id]
        placed = resolution.venue_order_id
        after, fresh = _filled(orders.acknowledge(before, placed) if placed else before, resolution.fills, known, odd)
        if resolution.state in TERMINAL and after.state not in TERMINAL:
            after = _closed(after, resolution)
        if after != before:
            fills += fresh
            steps.append((before, after))
    held: dict[PositionKey, Position] = {}
    for fill in fills:
        leg = fill.instance, fill.instrument
        held[leg] = positions.apply(held.get(leg) or position(books, leg), fill)
    pending = pending_of(steps)
    return BookingResult(
        fills=fills,
        steps=steps,
        positions={leg: held.get(leg) or position(books, leg) for leg in pending},
        unfilled=pending,
        cash=account.cash + sum((positions.cash_flow(fill) for fill in fills), ZERO),
        reserved=reserved(account, steps),
        odd=odd,
    )


def paying(fills: Sequence[Fill], books: AccountBooks) -> BookingResult:
    """Return what fills change by which positions pay fees: no order, and no cash."""
    account = books.account
    assert account is not None
    held: dict[PositionKey, Position] = {}
    for fill in fills:
        leg = fill.instance, fill.instrument
        held[leg] = positions.apply(held.get(leg) or position(books, leg), fill)
    return BookingResult(
        fills=list(fills), steps=[], positions=held, unfilled={}, cash=account.cash, reserved=account.reserved, odd=[]
    )


def _filled(
    record: OrderRecord, reported: Sequence[Fill], known: dict[Trade, Decimal], odd: list[Fill]
) -> tuple[OrderRecord, list[Fill]]:
    """Apply the fills that are not booked yet, up to what the order has left; return the record and those fills."""
    fresh = []
    for fill in reported:
        quantity = min(fill.quantity, record.remaining)
        if known.get(trade(fill), quantity) != fill.quantity:
            odd.append(fill)
        if trade(fill) in known or not quantity:
            continue
        known[trade(fill)] = quantity
        fresh.append(fill if quantity == fill.quantity else msgspec.structs.replace(fill, quantity=quantity))
        record = orders.fill(record, fresh[-1])
    return record, fresh


def _closed(record: OrderRecord, resolution: Resolution) -> OrderRecord:
    if resolution.state is OrderState.FILLED:
        reason = f"its venue counts it as filled; booked are {record.filled} of {record.order.quantity}"
        return orders.close(record, OrderState.EXPIRED, reason)
    return orders.close(record, resolution.state, resolution.resting.reason or "it expired at the venue")


def agreed(result: MatchResult, filled: Mapping[str, Decimal], ended: Collection[str]) -> MatchResult:
    """Return a match whose orders have filled what the ledger says, and have ended where it says so."""

    def agree(resolution: Resolution) -> Resolution:
        before, order_id = resolution.resting, resolution.resting.order.order_id
        resting = msgspec.structs.replace(before, filled=filled.get(order_id, before.filled))
        over = order_id in ended and resolution.state not in TERMINAL
        state = OrderState.EXPIRED if over else resolution.state
        return msgspec.structs.replace(resolution, resting=resting, state=state)

    return msgspec.structs.replace(result, resolutions=[agree(resolution) for resolution in result.resolutions])


@exact
def reserved(account: StoredAccount, steps: Sequence[Step]) -> Decimal:
    """Return the reserved cash after the steps of orders."""
    return account.reserved - sum((orders.released(before, after) for before, after in steps), ZERO)


@exact
def pending_of(steps: Sequence[Step]) -> dict[PositionKey, Pending]:
    """Return, by leg, the change of what live orders may still fill."""
    pending: dict[PositionKey, Pending] = {}
    for before, after in steps:
        order = before.order
        # A resting stop is none of what live orders may still fill.
        change = ZERO if order.protects else _remaining(after) - _remaining(before)
        pending[order.leg] = pending.get(order.leg, Pending()).moved(order.side, change)
    return pending


def _remaining(record: OrderRecord) -> Decimal:
    return ZERO if record.state in TERMINAL else record.remaining


def permitted(claims: Sequence[Step]) -> tuple[TradingState, ...]:
    """Return the trading states under which all these orders may be sent."""
    reduces = all(before.order.reduce_only for before, _ in claims)
    return (
        (TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.FLATTENING) if reduces else (TradingState.ACTIVE,)
    )


def report(matched: ExecutionReport, result: BookingResult, account: StoredAccount) -> ExecutionReport:
    """Return the report of what was booked and of the books after it, with an id derived from its contents."""
    return msgspec.structs.replace(
        matched,
        id=ids.derive(
            "booked",
            matched.id,
            *(fill.trade_id for fill in result.fills),
            *(f"{after.order.order_id} {after.state}" for _, after in result.steps),
        ),
        updates=[orders.update(step) for step in result.steps],
        fills=result.fills,
        positions=[_snapshot(leg, after) for leg, after in result.positions.items() if after.version],
        cash=result.cash,
        version=account.version + 1,
    )


def _snapshot(leg: PositionKey, position: Position) -> PositionSnapshot:
    quantity, cost = position.totals
    return PositionSnapshot(
        instance=leg[0],
        instrument=leg[1],
        quantity=quantity,
        cost=cost,
        realised=position.realised,
        fees=position.fees,
        version=position.version,
    )
