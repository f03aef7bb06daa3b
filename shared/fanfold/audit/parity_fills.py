"""The differences between the fills of an order and those of the same order in the back-test."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from fanfold.audit.parity import Explained, ParityDifference, ParityReason
from fanfold.audit.parity_books import Comparison
from fanfold.audit.trading_log import OrderKey
from fanfold.ledger import positions
from fanfold.messages import Fill, Order, OrderState, TradingState
from fanfold.money import CASH_STEP, ZERO, exact, ratio

ENDED_BY_US = {
    OrderState.STALE: ParityReason.STALE,
    OrderState.BLOCKED: ParityReason.HALTED,
    OrderState.REJECTED: ParityReason.REFUSED,
}
# An order of the desk fills within the bar that the back-test fills it at; later is late.
_ON_TIME_S = 60


class Filled(NamedTuple):
    """The fills of an order together; ``first_s`` and ``last_s`` are the times of the first and last, in epoch seconds.

    ``fee`` is in the account's currency, whatever it was taken in, rounded by at most ``rounding``; ``unvalued`` names
    charges of which nobody knew the worth.
    """

    quantity: Decimal
    notional: Decimal
    fee: Decimal
    rounding: Decimal
    first_s: float
    last_s: float
    unvalued: str

    @property
    def price(self) -> Decimal:
        """The average price of what filled."""
        return ratio(self.notional, self.quantity)


@exact
def filled(fills: Sequence[Fill]) -> Filled:
    """Return the fills of an order together."""
    charges = [charge for fill in fills for charge in positions.unvalued(fill)]
    return Filled(
        sum((fill.quantity for fill in fills), ZERO),
        sum((fill.quantity * fill.price for fill in fills), ZERO),
        sum((positions.fee_of(fill) for fill in fills), ZERO),
        # A fee is rounded to a step of the currency in which it is taken.
        sum((CASH_STEP * (fill.price if fill.fee_base else 1) for fill in fills), ZERO),
        min((fill.at.timestamp() for fill in fills), default=0.0),
        max((fill.at.timestamp() for fill in fills), default=0.0),
        ", ".join(f"{charge.amount:f} {charge.currency}" for charge in charges),
    )


def differences_of_fills(of: Comparison, key: OrderKey, order: Order, tested: Order) -> Iterator[ParityDifference]:
    """Yield how the fills of an order that both sides sent differ."""
    own, other = filled(of.traded.fills_of(order)), filled(of.tested.fills_of(tested))
    if order.quantity == tested.quantity and own.quantity != other.quantity:
        yield of_amounts(key, (order, tested), own, other, *_why_amounts(of, key, order, own, other))
    if own.quantity and other.quantity:
        yield from of_prices(key, order, own, other)
        yield from of_fees(key, own, other)
        yield from _late(key, own, other)


def _late(key: OrderKey, own: Filled, other: Filled) -> Iterator[ParityDifference]:
    if own.last_s > other.last_s + _ON_TIME_S:
        late = own.last_s - other.last_s
        yield difference(key, ParityReason.LATENCY, f"filled {late:.0f} s later", "filled", "the order was on its way")


def _why_amounts(of: Comparison, key: OrderKey, order: Order, own: Filled, other: Filled) -> Explained:
    venue = of.desk.accounts[key.account].venue
    if own.quantity > other.quantity:
        next_bar = key.at + of.bar_length(key.account)
        if not other.quantity and of.tested.candle(venue, key.instrument, next_bar) is None:
            return ParityReason.MISSING_BAR, f"{key.instrument}'s bar of {next_bar} has not come"
        return ParityReason.PARTIAL_FILL, "the back-test's own filled less"
    odd = of.odd_bar(venue, key.instrument, int(other.last_s)) if not own.quantity else None
    return odd or why_less(of, key, order)


def of_amounts(
    key: OrderKey, orders: tuple[Order, Order], own: Filled, other: Filled, reason: ParityReason, why: str
) -> ParityDifference:
    """Return a difference of what filled of an order of both sides."""
    amounts = zip((own, other), orders, strict=True)
    texts = [f"filled {fills.quantity:f} of {order.quantity:f}" for fills, order in amounts]
    return difference(key, reason, texts[0], texts[1], why)


def why_less(of: Comparison, key: OrderKey, order: Order) -> Explained:
    """Return why less of an order filled than in the back-test."""
    log, update = of.traded, of.traded.updates.get(order.order_id)
    if update is None:
        return ParityReason.LATENCY, "nothing was heard of the order yet"
    if update.state is OrderState.BLOCKED and order.replaces is not msgspec.UNSET:
        # What it takes the place of filled first, and what follows from that is decided anew.
        return ParityReason.EARLIER, update.reason or "the stop that it replaces had filled"
    if update.state in ENDED_BY_US and not update.filled:
        return ENDED_BY_US[update.state], update.reason or str(update.state)
    if (
        update.state is OrderState.CANCELED
        and log.state_at(key.account, key.at + _ON_TIME_S) is not TradingState.ACTIVE
    ):
        return ParityReason.HALTED, update.reason or "canceled"
    return ParityReason.PARTIAL_FILL, update.reason or f"the order ended {update.state}"


@exact
def of_prices(key: OrderKey, order: Order, own: Filled, other: Filled) -> Iterator[ParityDifference]:
    """Yield the difference of the average prices of two fills."""
    if own.notional * other.quantity == other.notional * own.quantity:
        return
    paid, expected = own.price, other.price
    side = 1 if order.side == "buy" else -1
    apart = ratio((paid - expected) * side * 10_000, expected)
    texts = f"{order.side} at {short(paid)}", f"{order.side} at {short(expected)}"
    detail = f"{apart:+.2f} bps against the back-test"
    yield difference(key, ParityReason.FILL_PRICE, *texts, detail, cost=cost_of(order, own, other))


@exact
def cost_of(order: Order, own: Filled, other: Filled) -> Decimal:
    """Return what the desk paid more for what it filled than at the back-test's price."""
    side = 1 if order.side == "buy" else -1
    return ratio((own.notional * other.quantity - other.notional * own.quantity) * side, other.quantity)


@exact
def of_fees(key: OrderKey, own: Filled, other: Filled) -> Iterator[ParityDifference]:
    """Yield the difference of the fees, which are shares of what was traded."""
    if own.unvalued:
        detail = f"nobody knew what {own.unvalued} was worth"
        yield difference(key, ParityReason.FEE, f"fee {own.unvalued}", f"fee {other.fee:f}", detail)
        return
    expected = ratio(other.fee * own.notional, other.notional)
    if abs(own.fee - expected) > own.rounding + ratio(other.rounding * own.notional, other.notional):
        texts = f"fee {own.fee:f}", f"fee {other.fee:f}"
        rates = f"{_bps(own):.2f} bps, {_bps(other):.2f} in the back-test"
        yield difference(key, ParityReason.FEE, *texts, rates, cost=own.fee - expected)


def _bps(of: Filled) -> Decimal:
    return ratio(of.fee * 10_000, of.notional)


def short(price: Decimal) -> str:
    """Return a price in ten digits."""
    return f"{float(price):.10g}"


def difference(
    key: OrderKey, reason: ParityReason, desk: str, backtest: str, detail: str = "", cost: Decimal = ZERO
) -> ParityDifference:
    """Return a difference of a decision."""
    return ParityDifference(
        at=key.at, account=key.account, instance=key.instance, instrument=key.instrument, reason=reason, desk=desk,
        backtest=backtest, detail=detail, cost=cost,
    )  # fmt: skip
