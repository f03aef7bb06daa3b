"""The differences of stops that rest: at a real venue trades reach them, in the back-test bars do.

A live stop has a limit, the account's collar below it; one on paper is at market. That alone is no difference.
"""

from collections.abc import Iterator
from decimal import Decimal

from fanfold.audit.parity import UNEXPLAINED, Explained, ParityDifference, ParityReason
from fanfold.audit.parity_books import Comparison
from fanfold.audit.parity_exits import NO_PAIR, StopExit, exit_of, profit_of, why_other_exit
from fanfold.audit.parity_fills import (
    ENDED_BY_US,
    Filled,
    cost_of,
    difference,
    filled,
    of_amounts,
    of_fees,
    of_prices,
    short,
    why_less,
)
from fanfold.audit.parity_reasons import Reasons
from fanfold.audit.trading_log import OrderKey
from fanfold.messages import Order
from fanfold.money import ZERO, exact
from fanfold.risk.resting_stops import OCO, STEPS


class Stops:
    """Compares a stop of the desk with that of the back-test."""

    def __init__(self, of: Comparison, reasons: Reasons) -> None:
        self._of = of
        self._reasons = reasons

    def differences(self, key: OrderKey, order: Order, tested: Order) -> Iterator[ParityDifference]:
        """Yield how two stops of a decision, and their fills, differ."""
        if order.stop_price != tested.stop_price:
            yield self._level(key, "stop", order.stop_price, tested.stop_price)
        if profit_of(order) != profit_of(tested):
            yield self._level(key, "profit", profit_of(order), profit_of(tested))
        own, other = filled(self._of.traded.fills_of(order)), filled(self._of.tested.fills_of(tested))
        exits = _exit(order, own, self._live_bar(key, own)), _exit(tested, other, int(other.first_s))
        if exits == (None, None):
            yield from self._ended(key, order, tested)
        elif exits[0] is None or exits[1] is None:
            reason, why = why_other_exit(self._of, key, order, tested, *exits)
            yield of_amounts(key, (order, tested), own, other, reason, why)
        else:
            yield from self._exits(key, order, tested, (own, other), (exits[0], exits[1]))

    def _level(self, key: OrderKey, what: str, own: Decimal | None, other: Decimal | None) -> ParityDifference:
        texts = [f"no {what}" if price is None else f"{what} {price:f}" for price in (own, other)]
        reason, why = self._why_level(key, own, other) if own and other else self._why_missing(key, own)
        return difference(key, reason, texts[0], texts[1], why)

    def _why_missing(self, key: OrderKey, own: Decimal | None) -> Explained:
        """Explain a profit that one side alone has."""
        if own is None and OCO not in self._of.rests.get(key.account, ()):
            return ParityReason.RESTING_STOP, NO_PAIR
        rejected = self._reasons.rejected_before(key) if own is None else ""
        return (ParityReason.REFUSED, f"its venue rejected the pair: {rejected}") if rejected else UNEXPLAINED

    @exact
    def _why_level(self, key: OrderKey, own: Decimal, other: Decimal) -> Explained:
        """Explain another level by what the position cost, of which both are the same share."""
        changed, cost, tested_cost = self._reasons.of_leg(key), *self._of.costs(key)
        if changed[0] is ParityReason.CHANGED_RULES:
            return changed
        if cost is None or tested_cost is None or cost == tested_cost:
            return self._reasons.of_bars(key)
        rule, instance = self._of.desk.instruments.get(key.instrument), self._of.desk.strategies.get(key.instance)
        slack = 2 * rule.tick if rule is not None else ZERO
        # A trail moves in steps from the level that stands, and that differs.
        if key.leg in self._of.traded.protected or (instance is not None and instance.trail):
            slack += other / STEPS
        if (abs(own - other) - slack) * tested_cost <= abs(cost - tested_cost) * max(own, other):
            return ParityReason.EARLIER, f"the position cost {short(cost)}, in the back-test {short(tested_cost)}"
        return UNEXPLAINED

    def _exits(
        self,
        key: OrderKey,
        order: Order,
        tested: Order,
        fills: tuple[Filled, Filled],
        exits: tuple[StopExit, StopExit],
    ) -> Iterator[ParityDifference]:
        (own, other), (own_exit, other_exit) = fills, exits
        if own_exit == other_exit:
            yield from of_prices(key, order, own, other)
        else:
            reason, why = why_other_exit(self._of, key, order, tested, own_exit, other_exit)
            bars = (own_exit.bar - other_exit.bar) // self._of.bar_length(key.account)
            when = f", {abs(bars):,} bars {'later' if bars > 0 else 'earlier'}" if bars else ""
            texts = f"{own_exit.name} at {short(own.price)}{when}", f"{other_exit.name} at {short(other.price)}"
            yield difference(key, reason, *texts, why, cost_of(order, own, other))
        yield from of_fees(key, own, other)
        if order.quantity == tested.quantity and own.quantity != other.quantity:
            less = own.quantity < other.quantity
            more = ParityReason.PARTIAL_FILL, "the back-test's own filled less"
            yield of_amounts(key, (order, tested), own, other, *(why_less(self._of, key, order) if less else more))

    def _live_bar(self, key: OrderKey, own: Filled) -> int:
        """Return the close of the bar of the desk's fill: a trade at a close is of the bar that opens then."""
        length = self._of.bar_length(key.account)
        # On paper a fill is dated by the close of its bar.
        return int(own.first_s // length + 1) * length if self._of.is_live(key.account) else int(own.first_s)

    def _ended(self, key: OrderKey, order: Order, tested: Order) -> Iterator[ParityDifference]:
        """Yield a stop that its venue did not take, while that of the back-test rested."""
        update, other = (
            log.updates.get(each.order_id) for log, each in ((self._of.traded, order), (self._of.tested, tested))
        )
        if update is not None and update.state in ENDED_BY_US and (other is None or other.state is not update.state):
            why = update.reason or str(update.state)
            yield difference(key, ENDED_BY_US[update.state], f"its stop was {update.state}", "its stop rested", why)


def _exit(order: Order, fills: Filled, bar: int) -> StopExit | None:
    return exit_of(order, fills, bar) if fills.quantity else None
