"""Explain exits of resting stops that differ, by the bars and by the levels of both sides."""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from fanfold.audit.parity import UNEXPLAINED, Explained, ParityReason
from fanfold.audit.parity_books import Comparison
from fanfold.audit.parity_fills import Filled, short, why_less
from fanfold.audit.trading_log import Candle, OrderKey, TradingLog
from fanfold.messages import Order, OrderState
from fanfold.risk.resting_stops import STEPS

NO_PAIR = "its venue takes no profit beside a stop: risk holds it against closes"
MOVED: Explained = ParityReason.EARLIER, "one side alone moved its trail: a step was reached from its level alone"


class StopExit(NamedTuple):
    """The end of a stop: the close of the bar in which it began to fill, and whether that was by its profit."""

    bar: int
    by_profit: bool

    @property
    def name(self) -> str:
        return "profit" if self.by_profit else "stop"


def exit_of(order: Order, fills: Filled, bar: int) -> StopExit:
    """Return what filled of a stop: the price of the two to which its fills are nearer."""
    stop, profit = order.stop_price, profit_of(order)
    if stop is None or profit is None:
        return StopExit(bar, by_profit=stop is None)
    return StopExit(bar, by_profit=abs(fills.price - profit) < abs(fills.price - stop))


def profit_of(order: Order) -> Decimal | None:
    """Return the price at which an order takes its profit; None where it has none."""
    return None if order.profit_price is msgspec.UNSET else order.profit_price


def level_of(order: Order, *, profit: bool) -> Decimal | None:
    """Return the price of an order's stop, or of its profit."""
    return profit_of(order) if profit else order.stop_price


def why_other_exit(
    of: Comparison, key: OrderKey, order: Order, tested: Order, own: StopExit | None, other: StopExit | None
) -> Explained:
    """Explain another exit by the bar in which the first of the two sides had its own; None is a stop that rests."""
    if own is not None and (other is None or own.bar < other.bar):
        why = _why_desk_first(of, key, order, tested, own)
        return MOVED if why == UNEXPLAINED and _moved(of.tested, key, (tested, order), own.bar) else why
    if other is not None and (own is None or other.bar < own.bar):
        why = _why_desk_later(of, key, order, tested, other)
        return MOVED if why == UNEXPLAINED and _moved(of.traded, key, (order, tested), other.bar) else why
    if own is None:
        return UNEXPLAINED
    candle = _candle(of, key, own.bar)
    both = [reaches(tested, candle, profit=profit) for profit in (False, True)] if candle else []
    if all(both):
        return ParityReason.RESTING_STOP, "a bar that reaches both fills the stop, whichever the price came to first"
    return _by_levels(order, tested, profit=own.by_profit)


def _why_desk_first(of: Comparison, key: OrderKey, order: Order, tested: Order, own: StopExit) -> Explained:
    """Explain a fill in a bar in which the back-test's stop did not fill."""
    candle, level = _candle(of, key, own.bar), level_of(tested, profit=own.by_profit)
    if _replaced(of, key, tested, own.bar):
        return ParityReason.LATENCY, "it filled before the order that replaces it had withdrawn it"
    if candle is None:
        return ParityReason.MISSING_BAR, f"{key.instrument}'s bar of {own.bar} never came"
    if level is None or not reaches(tested, candle, profit=own.by_profit):
        return _by_levels(order, tested, profit=own.by_profit)
    if own.by_profit and level == (candle.high if tested.side == "sell" else candle.low):
        return ParityReason.RESTING_STOP, "a bar has to trade beyond a profit; at its venue others were not in front"
    if not candle.volume:
        return ParityReason.MISSING_BAR, f"{key.instrument}'s bar of {own.bar} has no volume"
    return UNEXPLAINED


def _why_desk_later(of: Comparison, key: OrderKey, order: Order, tested: Order, other: StopExit) -> Explained:
    """Explain that the desk's stop did not fill in the bar in which the back-test's did."""
    level, candle = level_of(order, profit=other.by_profit), _candle(of, key, other.bar)
    update = of.traded.updates.get(order.order_id)
    if level is None:
        return ParityReason.RESTING_STOP, NO_PAIR
    if update is None or update.state in (OrderState.REJECTED, OrderState.STALE, OrderState.BLOCKED):
        return why_less(of, key, order)
    if candle is None or not reaches(order, candle, profit=other.by_profit):
        return _by_levels(order, tested, profit=other.by_profit)
    if not other.by_profit and order.limit_price is not None and _beyond(order, candle, order.limit_price):
        return ParityReason.PARTIAL_FILL, f"the price fell through its limit of {short(order.limit_price)}"
    reason, why = why_less(of, key, order)
    if reason is ParityReason.HALTED:
        return reason, why
    # At its venue a stop that is moved goes at once; in the back-test it rests in one bar more.
    ended_at = of.traded.ended_at.get(order.order_id, 0)
    just_ended = other.bar - of.bar_length(key.account) <= ended_at <= other.bar
    withdrawn = update.state is OrderState.CANCELED and just_ended
    return (ParityReason.RESTING_STOP, f"it was withdrawn first: {why}") if withdrawn else UNEXPLAINED


def _by_levels(order: Order, tested: Order, *, profit: bool) -> Explained:
    """Explain by levels that are apart, whose own difference has its reason."""
    own, other = level_of(order, profit=profit), level_of(tested, profit=profit)
    if own == other or own is None or other is None:
        return UNEXPLAINED
    what = "profit" if profit else "stop"
    return ParityReason.EARLIER, f"the bar came to one {what} alone, of {short(own)} and {short(other)}"


def _replaced(of: Comparison, key: OrderKey, tested: Order, bar: int) -> bool:
    """Return whether the back-test replaced its stop before a bar."""
    since = bar - of.bar_length(key.account)
    return any(
        order.replaces is not msgspec.UNSET and order.replaces.order_id == tested.order_id and at <= since
        for at, order in of.tested.orders_of(key.leg)
    )


def _moved(log: TradingLog, key: OrderKey, orders: tuple[Order, Order], bar: int) -> bool:
    """Return whether one side placed its stop anew before a bar, less than a step from where the other's rests on."""
    own, other = (order.stop_price for order in orders)
    later = [order.stop_price for at, order in log.orders_of(key.leg) if order.protects and key.at < at <= bar]
    if not later or own is None or other is None or later[0] is None or own == other:
        return False
    return (abs(later[0] - other) - abs(own - other)) * STEPS <= later[0]


def _candle(of: Comparison, key: OrderKey, closes_at_s: int) -> Candle | None:
    return of.tested.candle(of.desk.accounts[key.account].venue, key.instrument, closes_at_s)


def reaches(order: Order, candle: Candle, *, profit: bool) -> bool:
    """Return whether a bar reaches the stop of an order, or its profit."""
    level = level_of(order, profit=profit)
    if level is None:
        return False
    falls = (order.side == "sell") is not profit
    return candle.low <= level if falls else candle.high >= level


def _beyond(order: Order, candle: Candle, limit: Decimal) -> bool:
    """Return whether a bar went to where an order's limit does not follow."""
    return candle.low < limit if order.side == "sell" else candle.high > limit
