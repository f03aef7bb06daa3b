"""Execution's side of the ledger: claims, acknowledgements and fills, each a transaction with the report that tells of it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from fanfold import names, orders, positions
from fanfold.aws import ledger
from fanfold.aws.ledger import AccountItem, Books
from fanfold.aws.outbox import Outbox
from fanfold.aws.tables import Refused, Table, Write
from fanfold.fills import Resolution
from fanfold.messages import ExecutionReport, Fill, Halt, Holding
from fanfold.money import ZERO, exact
from fanfold.orders import OrderRecord
from fanfold.positions import Position
from fanfold.refusals import BadInput, Conflict
from fanfold.risk.exposure import Leg

Step = tuple[OrderRecord, OrderRecord]
TRIES = 5
# A transaction takes 100 writes: an order's own, its fills' and its position's, and the account's and the outbox's.
CHUNK = 24


class Bookings:
    """The ledger as execution uses it."""

    def __init__(self, table: Table, outbox: Outbox) -> None:
        self._table = table
        self._outbox = outbox

    def records(self, order_ids: Sequence[str]) -> dict[str, OrderRecord]:
        """The orders that are in the ledger, by id."""
        return ledger.records(self._table, list(order_ids))

    def claim(self, account: str, claims: Sequence[Step]) -> bool:
        """Claim orders if the account's halt state lets every one of them out; all or none."""
        reduces = all(before.order.reduce_only for before, _ in claims)
        states = (Halt.ACTIVE, Halt.REDUCE_ONLY, Halt.FLATTEN) if reduces else (Halt.ACTIVE,)
        writes = [ledger.permitting(self._table, account, states)]
        writes += [ledger.moving(self._table, before, after) for before, after in claims]
        try:
            self._table.write(writes)
        except Refused as refused:
            if refused.failed:
                return False
            raise
        return True

    def move(self, steps: Sequence[Step], told: ExecutionReport) -> None:
        """Orders' steps that no fill is part of, with what they set free, and their report, which is published."""
        writes = [ledger.moving(self._table, before, after) for before, after in steps]
        writes += self._freeing(told.account, steps)
        self._table.write([*writes, self._outbox.holding(told)])
        self._outbox.publish([told])

    def book(self, account: str, resolutions: Sequence[Resolution], told: ExecutionReport) -> list[ExecutionReport]:
        """Book what is not booked yet; the reports that the outbox now holds, empty where all was booked before."""
        held = []
        for start in range(0, len(resolutions), CHUNK):
            part = resolutions[start : start + CHUNK]
            last = start + CHUNK >= len(resolutions)
            report = self._book(account, part, told if last else msgspec.structs.replace(told, settled=False))
            held += [report] if report else []
        return held

    def publish(self, held: Sequence[ExecutionReport], others: Sequence[ExecutionReport]) -> None:
        """Publish reports that the outbox holds, and others that it need not hold."""
        self._outbox.publish(held, others)

    def _book(
        self, account: str, resolutions: Sequence[Resolution], told: ExecutionReport
    ) -> ExecutionReport | None:
        for _ in range(TRIES):
            records = self.records([one.resting.order.order_id for one in resolutions])
            books = ledger.read(self._table, account)
            if books.account is None:
                raise BadInput(f"account {account!r} was never opened, yet it has orders")
            changes = _changes(resolutions, records, books)
            if not changes.steps:
                return None
            report = _report(told, changes, books.account)
            try:
                self._table.write([*self._writes(account, books, changes), self._outbox.holding(report)])
            except Refused:
                continue
            return report
        raise Conflict(f"the books of {account} changed in {TRIES} tries")

    def _writes(self, account: str, books: Books, changes: "Changes") -> list[Write]:
        assert books.account is not None
        writes = [ledger.filling(self._table, fill.trade_id) for fill in changes.fills]
        writes += [ledger.moving(self._table, before, after) for before, after in changes.steps]
        for leg, after in changes.positions.items():
            before = _position(books, leg)
            writes.append(ledger.positioning(self._table, account, leg, before, after, changes.unfilled[leg]))
        writes.append(ledger.settling(self._table, books.account, changes.cash, changes.reserved))
        return writes

    def _freeing(self, account: str, steps: Sequence[Step]) -> list[Write]:
        """The account's and the positions' side of orders that ended without a fill."""
        ended = [(before, after) for before, after in steps if after.state in orders.TERMINAL]
        if not ended:
            return []
        books = ledger.read(self._table, account)
        if books.account is None:
            raise BadInput(f"account {account!r} was never opened, yet it has orders")
        freed = sum((orders.released(before, after) for before, after in ended), ZERO)
        writes = [ledger.settling(self._table, books.account, books.account.cash, books.account.reserved - freed)]
        for leg, quantity in _unfilled(ended).items():
            writes.append(ledger.expecting(self._table, account, leg, quantity))
        return writes


class Changes(NamedTuple):
    """What resolutions change in the books: fills that were not booked, order steps, and the figures after them."""

    fills: list[Fill]
    steps: list[Step]
    positions: dict[Leg, Position]
    unfilled: dict[Leg, Decimal]
    cash: Decimal
    reserved: Decimal


@exact
def _changes(resolutions: Sequence[Resolution], records: Mapping[str, OrderRecord], books: Books) -> Changes:
    account = books.account
    assert account is not None
    fills: list[Fill] = []
    steps: list[Step] = []
    for one in resolutions:
        before = records[one.resting.order.order_id]
        fresh = _fresh(before, one)
        after = before
        for fill in fresh:
            after = orders.fill(after, fill)
        if one.state in orders.TERMINAL and after.state not in orders.TERMINAL:
            after = orders.close(after, one.state, "it expired at the venue")
        if after != before:
            fills += fresh
            steps.append((before, after))
    held: dict[Leg, Position] = {}
    for fill in fills:
        leg = fill.instance, fill.instrument
        held[leg] = positions.apply(held.get(leg) or _position(books, leg), fill)
    unfilled = _unfilled(steps)
    return Changes(
        fills=fills,
        steps=steps,
        positions={leg: held.get(leg) or _position(books, leg) for leg in unfilled},
        unfilled=unfilled,
        cash=account.cash + sum((positions.cash_flow(fill) for fill in fills), ZERO),
        reserved=account.reserved - sum((orders.released(before, after) for before, after in steps), ZERO),
    )


def _fresh(record: OrderRecord, resolution: Resolution) -> list[Fill]:
    """The fills that the record has not counted: a crash may have come between booking and the venue's commit."""
    total = resolution.resting.filled
    booked = record.filled - (total - sum((fill.quantity for fill in resolution.fills), ZERO))
    fresh = []
    for fill in resolution.fills:
        if booked >= fill.quantity:
            booked -= fill.quantity
        else:
            fresh.append(fill)
    return fresh


def _unfilled(steps: Sequence[Step]) -> dict[Leg, Decimal]:
    """By leg, the signed change of what live orders have still to fill."""
    found: dict[Leg, Decimal] = {}
    for before, after in steps:
        order = before.order
        gone = _remaining(after) - _remaining(before)
        leg = order.instance, order.instrument
        found[leg] = found.get(leg, ZERO) + (gone if order.side == "buy" else -gone)
    return found


def _remaining(record: OrderRecord) -> Decimal:
    return ZERO if record.state in orders.TERMINAL else record.remaining


def _position(books: Books, leg: Leg) -> Position:
    item = books.positions.get(leg)
    return item.position if item else Position()


def _report(told: ExecutionReport, changes: Changes, account: AccountItem) -> ExecutionReport:
    return msgspec.structs.replace(
        told,
        id=names.name("booked", told.id, *(fill.trade_id for fill in changes.fills),
                      *(f"{after.order.order_id} {after.state}" for _, after in changes.steps)),
        updates=[orders.update(after) for _, after in changes.steps],
        fills=changes.fills,
        holdings=[_holding(leg, position) for leg, position in changes.positions.items() if position.version],
        cash=changes.cash,
        version=account.version + 1,
    )


def _holding(leg: Leg, position: Position) -> Holding:
    return Holding(
        instance=leg[0],
        instrument=leg[1],
        quantity=position.quantity,
        cost=position.cost,
        realised=position.realised,
        fees=position.fees,
        version=position.version,
    )
