"""Both sides of a parity, and how far their books are apart at the decision that is compared."""

from collections.abc import Mapping
from decimal import Decimal

from fanfold.audit.parity import Explained, ParityReason
from fanfold.audit.trading_log import OrderKey, RunningBooks, TradingLog
from fanfold.desk import Desk
from fanfold.market import timeframes
from fanfold.money import ZERO, exact
from fanfold.risk.policy import NOTHING_RESTS


class Comparison:
    """Both sides of a desk's history, with their books at the time that is compared.

    ``rests`` has, by live account, the kinds of orders that protect a position at its venue.
    """

    def __init__(
        self, desk: Desk, traded: TradingLog, tested: TradingLog, rests: Mapping[str, frozenset[str]] = NOTHING_RESTS
    ) -> None:
        self.desk = desk
        self.rests = rests
        self.traded, self.tested = traded, tested
        self.books, self.tested_books = RunningBooks(traded), RunningBooks(tested)
        self.prices: dict[str, Decimal] = {}

    def decisions(self) -> list[OrderKey]:
        """Return the decisions of either side in order of time."""
        keys = {*self.traded.orders, *self.tested.orders, *self.traded.refusals, *self.tested.refusals}
        return sorted(keys)

    def come_to(self, key: OrderKey) -> None:
        """Book what filled by a decision, and note its prices."""
        self.books.advance(key.at)
        self.tested_books.advance(key.at)
        for log in (self.tested, self.traded):
            for order in log.orders.get(key, []):
                self.prices[order.instrument] = order.reference_price

    @exact
    def held_apart(self, key: OrderKey) -> Decimal:
        """Return how much more of the leg the desk holds than the back-test."""
        return self.books.held[key.leg] - self.tested_books.held[key.leg]

    @exact
    def worth_apart(self, key: OrderKey) -> Decimal:
        """Return how far what sizes the leg is apart, at the newest prices of orders.

        That is the worth of its instance; on spot of the whole account, whose cash pays for an order.
        """
        spot = self.desk.accounts[key.account].kind == "spot"
        return self._worth(self.books, key, spot=spot) - self._worth(self.tested_books, key, spot=spot)

    def costs(self, key: OrderKey) -> tuple[Decimal | None, Decimal | None]:
        """Return what a unit of the leg cost the desk, and the back-test; None where nothing is held."""
        return self.books.cost(key.leg), self.tested_books.cost(key.leg)

    def bar_length(self, account: str) -> int:
        """Return the seconds of a bar of an account's venue."""
        return timeframes.seconds(self.desk.venues[self.desk.accounts[account].venue].timeframe)

    def is_live(self, account: str) -> bool:
        return self.desk.accounts[account].mode == "live"

    def gain(self, key: OrderKey) -> Decimal:
        """Return what the instance earned so far."""
        return self._worth(self.books, key, spot=False)

    def _worth(self, books: RunningBooks, key: OrderKey, *, spot: bool) -> Decimal:
        owner = (key.account,) if spot else (key.account, key.instance)
        flow = sum((flow for each, flow in books.flow.items() if each[: len(owner)] == owner), ZERO)
        held = (leg for leg in books.held if leg[: len(owner)] == owner)
        return flow + sum((books.held[leg] * self.prices.get(leg[2], ZERO) for leg in held), ZERO)

    def odd_bar(self, venue: str, instrument: str, closes_at_s: int) -> Explained | None:
        """Return why the desk did not have a bar at the time at which the back-test had it; None where it did."""
        known = self.traded.known_at[venue, instrument].get(closes_at_s)
        if known is None:
            return ParityReason.MISSING_BAR, f"{instrument}'s bar of {closes_at_s} never came"
        if known > self.tested.known_at[venue, instrument][closes_at_s]:
            return ParityReason.LATE_BAR, f"{instrument}'s bar of {closes_at_s} came {known - closes_at_s} s late"
        return None

    def account_apart(self, account: str) -> bool:
        """Return whether any book of an account differs."""
        flows = {*self.books.flow, *self.tested_books.flow}
        legs = {*self.books.held, *self.tested_books.held}
        return any(
            self.books.flow[owner] != self.tested_books.flow[owner] for owner in flows if owner[0] == account
        ) or any(self.books.held[leg] != self.tested_books.held[leg] for leg in legs if leg[0] == account)
