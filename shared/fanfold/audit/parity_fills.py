"""The differences between the fills of an order and those of the same order in the back-test."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from fanfold.audit.parity import ParityDifference, ParityReason
from fanfold.audit.parity_books import Comparison
from fanfold.audit.trading_log import OrderKey, TradingLog
from fanfold.messages import Fill, Order, OrderState, OrderUpdate, TradingState
from fanfold.money import ZERO, exact, ratio

_ENDED_BY_US = {
    OrderState.STALE: ParityReason.STALE,
    OrderState.BLOCKED: ParityReason.HALTED,
    OrderState.REJECTED: ParityReason.REFUSED,
}
# An order of the desk fills within the bar that the back-test fills it at; later is late.
_ON_TIME_S = 60


class Filled(NamedTuple):
    """The fills of an order together; ``last_s`` is the time of the last, in epoch seconds."""

    quantity: Decimal
    notional: Decimal
    fee: Decimal
    last_s: float


@exact
def _filled(fills: Sequence[Fill]) -> Filled:
    return Filled(
        sum((fill.quantity for fill in fills), ZERO),
        sum((fill.quantity * fill.price for fill in fills), ZERO),
        sum((fill.fee for fill in fills), ZERO),
        max((fill.at.timestamp() for fill in fills), default=0.0),
    )


def differences_of_fills(of: Comparison, key: OrderKey, order: Order, tested: Order) -> Iterator[ParityDifference]:
    """Yield how the fills of an order that both sides sent differ."""
    own, other = _filled(of.traded.fills_of(order)), _filled(of.tested.fills_of(tested))
    same_size = order.quantity == tested.quantity
    if same_size and own.quantity != other.quantity:
        yield _quantity(of, key, order, own, other)
    if not own.quantity or not other.quantity:
        return
    if own.notional * other.quantity != other.notional * own.quantity:
        yield _price(key, order, own, other)
    elif same_size and own.quantity == other.quantity and own.fee != other.fee:
        texts = f"fee {own.fee:f}", f"fee {other.fee:f}"
        yield difference(key, ParityReason.FEE, *texts, cost=own.fee - other.fee)
    if own.last_s > other.last_s + _ON_TIME_S:
        late = own.last_s - other.last_s
        yield difference(key, ParityReason.LATENCY, f"filled {late:.0f} s later", "filled", "the order was on its way")


def _quantity(of: Comparison, key: OrderKey, order: Order, own: Filled, other: Filled) -> ParityDifference:
    update = of.traded.updates.get(order.order_id)
    if own.quantity < other.quantity:
        venue = of.desk.accounts[key.account].venue
        odd = of.odd_bar(venue, key.instrument, int(other.last_s)) if not own.quantity else None
        reason, why = odd or _why_less(of.traded, key, update)
    else:
        reason, why = ParityReason.PARTIAL_FILL, "the back-test's own filled less"
    whole = f"of {order.quantity:f}"
    texts = f"filled {own.quantity:f} {whole}", f"filled {other.quantity:f} {whole}"
    return difference(key, reason, *texts, why)


def _why_less(log: TradingLog, key: OrderKey, update: OrderUpdate | None) -> tuple[ParityReason, str]:
    """Return why less of an order filled than in the back-test."""
    if update is None:
        return ParityReason.LATENCY, "nothing was heard of the order yet"
    if update.state in _ENDED_BY_US and not update.filled:
        return _ENDED_BY_US[update.state], update.reason or str(update.state)
    if (
        update.state is OrderState.CANCELED
        and log.state_at(key.account, key.at + _ON_TIME_S) is not TradingState.ACTIVE
    ):
        return ParityReason.HALTED, update.reason or "canceled"
    return ParityReason.PARTIAL_FILL, update.reason or f"the order ended {update.state}"


@exact
def _price(key: OrderKey, order: Order, own: Filled, other: Filled) -> ParityDifference:
    paid, expected = ratio(own.notional, own.quantity), ratio(other.notional, other.quantity)
    side = 1 if order.side == "buy" else -1
    apart = ratio((paid - expected) * side * 10_000, expected)
    cost = ratio((own.notional * other.quantity - other.notional * own.quantity) * side, other.quantity)
    texts = f"{order.side} at {_short(paid)}", f"{order.side} at {_short(expected)}"
    return difference(key, ParityReason.FILL_PRICE, *texts, f"{apart:+.2f} bps against the back-test", cost=cost)


def _short(price: Decimal) -> str:
    return f"{float(price):.10g}"


def difference(
    key: OrderKey, reason: ParityReason, desk: str, backtest: str, detail: str = "", cost: Decimal = ZERO
) -> ParityDifference:
    """Return a difference of a decision."""
    return ParityDifference(
        at=key.at, account=key.account, instance=key.instance, instrument=key.instrument, reason=reason, desk=desk,
        backtest=backtest, detail=detail, cost=cost,
    )  # fmt: skip
