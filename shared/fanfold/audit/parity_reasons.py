"""The reasons for which a decision of the desk differs from that of its back-test."""

from decimal import Decimal
from functools import cached_property

from fanfold.audit.parity import UNEXPLAINED, Explained, ParityReason
from fanfold.audit.parity_books import Comparison
from fanfold.audit.trading_log import OrderKey, TradingLog
from fanfold.codes import Code
from fanfold.market import timeframes
from fanfold.messages import LegCode, Order, OrderState, TradingState
from fanfold.money import ZERO, exact
from fanfold.strategy import contract

_OF_CODES = {
    Code.KILL_STATE: ParityReason.HALTED,
    Code.STALE_SIGNAL: ParityReason.STALE,
    Code.STALE_BAR: ParityReason.STALE,
    Code.MISSING_DATA: ParityReason.MISSING_BAR,
}
# A leg that has not all its bars.
_SHORT_OF_BARS = {LegCode.MISSING_BARS, LegCode.WARMING_UP, LegCode.STARTED_AFRESH}


class Reasons:
    """Finds reasons in what both sides knew; each method returns UNEXPLAINED where it has none."""

    def __init__(self, of: Comparison) -> None:
        self._of = of

    def desk_alone(self, key: OrderKey, order: Order) -> Explained:
        """Explain an order that the back-test did not send."""
        if gone := self.gone(key):
            return ParityReason.CHANGED_DESK, gone
        instance = self._of.desk.strategies.get(key.instance)
        if instance is not None and instance.strategy == contract.EXTERNAL:
            return ParityReason.EXTERNAL_SIGNAL, "its target came by webhook"
        account = self._of.desk.accounts.get(order.account)
        if order.protects and (account is None or account.stops == "closes"):
            return ParityReason.RESTING_STOP, "a stop rests at the venue; a back-test holds it against closes"
        rejected = self.rejected_before(key) if order.protects else ""
        if rejected:
            return ParityReason.REFUSED, f"the stop is placed anew: its venue rejected the one before: {rejected}"
        return _first(self.halted(key), self.of_bars(key), self._of_order(key, order, self._of.tested))

    def backtest_alone(self, key: OrderKey, order: Order) -> Explained:
        """Explain an order that the desk did not send."""
        refusal = self._of.traded.refusals.get(key)
        if refusal is not None:
            return _OF_CODES.get(refusal.code, ParityReason.REFUSED), f"{refusal.code}: {refusal.detail}"
        resting = self._of_resting(key, order) if order.protects else UNEXPLAINED
        late = self.halted(key), resting, self.of_leg(key), self.of_bars(key)
        return _first(*late, self._of_order(key, order, self._of.traded))

    def _of_resting(self, key: OrderKey, order: Order) -> Explained:
        """Explain a stop of the back-test by what a live account's venue takes."""
        if not self._of.is_live(key.account):
            return UNEXPLAINED
        state = self._of.traded.leg_at(key.leg, key.at, of_signals=False)
        if not self._of.rests.get(key.account):
            return ParityReason.RESTING_STOP, "no stop rests at its venue: risk holds it against closes"
        if order.stop_price is None:
            return ParityReason.RESTING_STOP, "a profit alone does not rest at a real venue: risk takes it at closes"
        if state is not None and state.code is LegCode.UNPROTECTED:
            return ParityReason.REFUSED, state.detail
        rejected = self.rejected_before(key)
        return (ParityReason.REFUSED, f"its venue rejected the stop before: {rejected}") if rejected else UNEXPLAINED

    def rejected_before(self, key: OrderKey) -> str:
        """Return why the venue rejected the leg's last stop before a decision; "" where it did not."""
        earlier = [order for at, order in self._of.traded.orders_of(key.leg) if order.protects and at < key.at]
        update = self._of.traded.updates.get(earlier[-1].order_id) if earlier else None
        if update is None or update.state is not OrderState.REJECTED:
            return ""
        return update.reason or str(update.state)

    def _of_order(self, key: OrderKey, order: Order, other: TradingLog) -> Explained:
        """Explain an order by what an earlier difference left, where ``other`` sent none."""
        return _first(self.of_presence(key, order), self.of_protection(key, order), self.of_account(key, other))

    def other_size(self, key: OrderKey, order: Order, tested: Order) -> Explained:
        """Explain an order of another side or quantity."""
        return _first(self.of_leg(key), self.of_bars(key), self.of_size(key, order, tested), self.halted(key))

    def refused_alone(self, key: OrderKey) -> Explained:
        """Explain a refusal of one side where neither sent an order."""
        if gone := self.gone(key):
            return ParityReason.CHANGED_DESK, gone
        log = self._of.traded if key in self._of.traded.refusals else self._of.tested
        return _first(self.halted(key), self.of_leg(key), self.of_bars(key), self.of_account(key, log))

    def gone(self, key: OrderKey) -> str:
        """Return what of a decision the desk file does not have any more; "" where it has all."""
        instance = self._of.desk.strategies.get(key.instance)
        if key.account not in self._of.desk.accounts:
            return f"account {key.account} is not in the desk file any more"
        if instance is None or instance.account != key.account:
            return f"{key.instance} is no strategy of account {key.account} any more"
        return "" if key.instrument in instance.instruments else f"{key.instance} does not trade it any more"

    def halted(self, key: OrderKey) -> Explained:
        state = self._of.traded.state_at(key.account, key.at)
        return (
            UNEXPLAINED if state in (TradingState.ACTIVE, None) else (ParityReason.HALTED, f"the account was {state}")
        )

    def of_leg(self, key: OrderKey) -> Explained:
        """Explain by what the desk reported of the leg itself."""
        rules = self._of.traded.leg_at(key.leg, key.at, of_signals=False)
        if rules is not None and rules.code is LegCode.RULES_CHANGED:
            return ParityReason.CHANGED_RULES, rules.detail
        state = self._of.traded.leg_at(key.leg, key.at, of_signals=True)
        if state is None:
            return UNEXPLAINED
        tested = self._of.tested.leg_at(key.leg, key.at, of_signals=True)
        if state.code in _SHORT_OF_BARS and (tested is None or tested.code is not state.code):
            return ParityReason.MISSING_BAR, f"{state.code}: {state.detail}"
        return UNEXPLAINED

    def of_account(self, key: OrderKey, log: TradingLog) -> Explained:
        """Explain by the other books of the account, which its limits are of, where ``log`` refused the leg before."""
        if log.refused_before(key) and self._of.account_apart(key.account):
            return ParityReason.EARLIER, f"a limit refused it, and the books of {key.account} were apart"
        return UNEXPLAINED

    @exact
    def of_presence(self, key: OrderKey, order: Order) -> Explained:
        """Explain an order of one side by the books that let the other be on its target without one."""
        slack = self._rounding(key, order.reference_price)
        instance, rule = self._of.desk.strategies.get(key.instance), self._of.desk.instruments.get(key.instrument)
        if instance is not None and rule is not None:
            worth = instance.allocation * self._of.desk.accounts[key.account].cash + self._of.gain(key)
            slack += instance.band * max(worth, ZERO) + rule.notional_min
        return self._of_books(key, order.quantity, order.reference_price, slack)

    def of_protection(self, key: OrderKey, order: Order) -> Explained:
        """Explain an order that closes a protected position, whose entry was at another price."""
        instance = self._of.desk.strategies.get(key.instance)
        protected = instance is not None and (instance.stop or instance.take_profit or instance.trail)
        closes = _signed(order) * (self._of.books.held[key.leg] + self._of.tested_books.held[key.leg]) < 0
        if closes and self._of.worth_apart(key) and (protected or key.leg in self._of.traded.protected):
            return ParityReason.EARLIER, "its protection is held against what the position cost"
        return UNEXPLAINED

    @exact
    def of_size(self, key: OrderKey, order: Order, tested: Order) -> Explained:
        """Explain as much of a size as follows from the books."""
        apart = abs(_signed(order) - _signed(tested))
        return self._of_books(key, apart, tested.reference_price, self._rounding(key, tested.reference_price))

    def _of_books(self, key: OrderKey, apart: Decimal, price: Decimal, slack: Decimal) -> Explained:
        """Explain a quantity as far as the books are apart: as a weight is 1 at most, the worth bounds it."""
        held, worth = self._of.held_apart(key), self._of.worth_apart(key)
        if (held or worth) and (apart - abs(held)) * price <= abs(worth) + slack:
            return (
                ParityReason.EARLIER,
                f"the desk held {held.normalize():+f} more, and {key.instance} was worth {worth:+,.2f} more",
            )
        return UNEXPLAINED

    def _rounding(self, key: OrderKey, price: Decimal) -> Decimal:
        """Return the worth of what sizes are rounded by: a lot on each side."""
        rule = self._of.desk.instruments.get(key.instrument)
        return 2 * rule.lot * price if rule is not None else ZERO

    def of_bars(self, key: OrderKey) -> Explained:
        """Explain by bars of the instance that the desk did not have, or had too late, as far as it looks back."""
        instance = self._of.desk.strategies.get(key.instance)
        if instance is None:
            return UNEXPLAINED
        venue = self._of.desk.accounts[instance.account].venue
        reach = timeframes.seconds(instance.timeframe) * (self._lookbacks.get(key.instance, 0) + 1)
        for instrument in instance.instruments:
            for close in self._odd_bars.get((venue, instrument), []):
                odd = self._of.odd_bar(venue, instrument, close)
                known = self._of.traded.known_at[venue, instrument].get(close, close)
                if odd is not None and close <= key.at <= known + reach:
                    return odd
        return UNEXPLAINED

    @cached_property
    def _lookbacks(self) -> dict[str, int]:
        return {
            name: contract.bind(instance.strategy, instance.params, len(instance.instruments)).lookback
            for name, instance in self._of.desk.strategies.items()
            if instance.strategy != contract.EXTERNAL
        }

    @cached_property
    def _odd_bars(self) -> dict[tuple[str, str], list[int]]:
        """Return the closes of bars that the back-test knew before the desk did."""
        return {
            series: [close for close in sorted(known) if self._of.odd_bar(*series, close) is not None]
            for series, known in self._of.tested.known_at.items()
        }


def _first(*explanations: Explained) -> Explained:
    return next((each for each in explanations if each[0] is not ParityReason.UNEXPLAINED), UNEXPLAINED)


def _signed(order: Order) -> Decimal:
    return order.quantity if order.side == "buy" else -order.quantity
