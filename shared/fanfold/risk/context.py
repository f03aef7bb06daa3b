"""What the rules see: the figures of an account at one moment, updated with every approved order."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from fanfold.messages import Order, TradingState
from fanfold.money import ZERO, exact
from fanfold.risk.exposure import (
    FLAT,
    AccountSnapshot,
    Exposure,
    Mark,
    PositionKey,
    at_cost,
    equity,
    gross,
    instance_equity,
    net,
    priced,
    roll,
    stale,
    unmarked,
)
from fanfold.risk.policy import AccountPolicy, PositionPolicy


class Effect(NamedTuple):
    """The leg with an order live, and what that adds to the extremes of exposure, in quote units."""

    after: Exposure
    largest: Decimal
    lowest: Decimal
    highest: Decimal


class Context(msgspec.Struct, kw_only=True):
    """The running figures of one decision, in quote units.

    ``equities`` is what each instance is worth, never moved by an approval; ``stakes`` is the largest position an
    instrument's live orders can lead to, summed over instances; ``quantities`` is what each leg is to hold; ``stale``
    has the ages in seconds of prices that equity counts and that are too old; ``signal_ages`` those of signals that are
    decided on for the first time, by their id.
    """

    terms: AccountPolicy
    book: AccountSnapshot
    now_s: float
    unmarked: frozenset[str]
    stale: dict[str, float]
    equity: Decimal
    equities: dict[str, Decimal]
    held: dict[PositionKey, Exposure]
    stakes: dict[str, Decimal]
    gross: Decimal
    net_lowest: Decimal
    net_highest: Decimal
    reserved: Decimal
    orders_in_minute: int
    signal_ages: dict[str, float]
    quantities: dict[PositionKey, Decimal]
    legs_decided: set[PositionKey]
    ids_decided: set[str]
    # The order asked about last: several rules ask in a row, and it is most of what they cost.
    weighed: tuple[Order, Effect] | None = None

    def leg(self, order: Order) -> Exposure:
        return self.held.get((order.instance, order.instrument), FLAT)

    def leg_terms(self, instance: str, instrument: str) -> PositionPolicy:
        """How a leg is sized; one that the desk does not know any more can be closed all the same. FLATTENING waits for
        no limit: what it closes goes out at market."""
        known = self.terms.legs.get((instance, instrument))
        if known is not None:
            return (
                msgspec.structs.replace(known, order="market")
                if self.book.trading_state is TradingState.FLATTENING
                else known
            )
        held, mark = self.held.get((instance, instrument), FLAT), self.book.marks[instrument]
        return self.terms.exit((instance, instrument), held.quantity, mark.price)

    def mark(self, order: Order) -> Mark:
        return self.book.marks[order.instrument]

    def effect(self, order: Order) -> Effect:
        if self.weighed is None or self.weighed[0] is not order:
            self.weighed = (order, _effect(self.leg(order), signed(order), self.mark(order).price))
        return self.weighed[1]

    @property
    def daily_loss(self) -> Decimal:
        return self.book.day_start_equity - self.equity

    @property
    def daily_loss_max(self) -> Decimal:
        return self.terms.limits.daily_loss_max * self.book.day_start_equity

    @property
    def drawdown(self) -> Decimal:
        return self.book.peak_equity - self.equity

    @property
    def drawdown_max(self) -> Decimal:
        return self.terms.limits.drawdown_max * self.book.peak_equity

    def bars_entries(self) -> bool:
        """Return whether only reductions may pass, so that an order across zero is cut at zero."""
        return (
            self.book.trading_state is not TradingState.ACTIVE
            or bool(self.stale)
            or self.daily_loss > self.daily_loss_max
            or self.drawdown > self.drawdown_max
        )

    @property
    def breach(self) -> str:
        """Return the loss limit that is broken, or ""."""
        if self.daily_loss > self.daily_loss_max:
            return f"the day's loss {self.daily_loss:f} is over {self.daily_loss_max:f}"
        if self.drawdown > self.drawdown_max:
            return f"the loss from the peak {self.drawdown:f} is over {self.drawdown_max:f}"
        return ""

    def saved(self) -> "Context":
        """Save the figures, to restore them if an order of the bundle is refused."""
        return msgspec.structs.replace(self, held=dict(self.held), stakes=dict(self.stakes), weighed=None)

    def restore(self, before: "Context") -> None:
        """Forget the approvals since ``before`` was saved."""
        for name in ("held", "stakes", "gross", "net_lowest", "net_highest", "reserved", "orders_in_minute", "weighed"):
            setattr(self, name, getattr(before, name))

    def approve(self, order: Order) -> None:
        """Count an order as live: later rules see its cash as spent and its position as taken."""
        effect = self.effect(order)
        self.held[order.instance, order.instrument] = effect.after
        self.stakes[order.instrument] = self.stakes.get(order.instrument, ZERO) + effect.largest
        self.gross += effect.largest
        self.net_lowest += effect.lowest
        self.net_highest += effect.highest
        self.reserved += order.reserved
        self.orders_in_minute += 1
        self.weighed = None

    def decided(self, order: Order) -> None:
        self.legs_decided.add((order.instance, order.instrument))
        self.ids_decided.add(order.order_id)

    def closing_book(self) -> AccountSnapshot:
        """The book with all approved orders in it."""
        return msgspec.structs.replace(
            self.book, held=self.held, reserved=self.reserved, orders_in_minute=self.orders_in_minute
        )


def signed(order: Order) -> Decimal:
    return order.quantity if order.side == "buy" else -order.quantity


@exact
def survey(book: AccountSnapshot, terms: AccountPolicy, signal_ages: dict[str, float], now: datetime) -> Context:
    """Compute the figures of an account as of now."""
    book = roll(book, now)
    lowest, highest = net(book)
    return Context(
        terms=terms,
        # FLATTENING closes what has no price, too; nothing of what the account is worth is taken from that.
        book=at_cost(book) if book.trading_state is TradingState.FLATTENING else book,
        now_s=now.timestamp(),
        unmarked=unmarked(book),
        stale=stale(book, now.timestamp(), terms.limits.bar_age_s_max),
        equity=equity(book),
        equities={name: instance_equity(book, name, capital) for name, capital in terms.capital.items()},
        held=dict(book.held),
        stakes=_stakes(book),
        gross=gross(book),
        net_lowest=lowest,
        net_highest=highest,
        reserved=book.reserved,
        orders_in_minute=book.orders_in_minute,
        signal_ages=signal_ages,
        quantities={},
        legs_decided=set(),
        ids_decided=set(),
    )


def _effect(before: Exposure, quantity: Decimal, price: Decimal) -> Effect:
    after = before.ordered(quantity)
    return Effect(
        after=after,
        largest=(after.largest - before.largest) * price,
        lowest=(after.lowest - before.lowest) * price,
        highest=(after.highest - before.highest) * price,
    )


def _stakes(book: AccountSnapshot) -> dict[str, Decimal]:
    stakes: dict[str, Decimal] = {}
    for (_, instrument), held in book.held.items():
        if priced(book.marks.get(instrument)):
            stake = held.largest * book.marks[instrument].price
            stakes[instrument] = stakes.get(instrument, ZERO) + stake
    return stakes
