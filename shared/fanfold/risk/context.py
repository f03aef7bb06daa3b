"""The figures that the rules see: those of an account at one moment, updated with every approved order."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from fanfold.messages import Order, Target, TradingState
from fanfold.money import ZERO, exact, ratio
from fanfold.risk import slicing
from fanfold.risk.exposure import FLAT, AccountSnapshot, Exposure, Mark, PositionKey, priced
from fanfold.risk.policy import AccountPolicy, PositionPolicy
from fanfold.risk.sizing import holds_only_dust
from fanfold.risk.valuation import at_cost, roll, valuation


class Candidate(msgspec.Struct, frozen=True):
    """An order under check, with the figures that several rules need.

    ``quantity`` is signed; ``notional`` is at the expected price; ``slices`` are the quantities that it is sent in. The
    last four are in quote units or exposures: the position with the order live, and what that adds to the extremes of
    exposure.
    """

    order: Order
    leg: PositionKey
    policy: PositionPolicy
    held: Exposure
    mark: Mark
    quantity: Decimal
    notional: Decimal
    slices: list[Decimal]
    after: Exposure
    largest: Decimal
    lowest: Decimal
    highest: Decimal

    @property
    def notional_of_largest(self) -> Decimal:
        """The notional of the largest slice."""
        largest, quantity = max(self.slices), self.order.quantity
        # What is not divided is not multiplied and divided again, so that its figure stays as it is.
        return self.notional if largest == quantity else ratio(self.notional * largest, quantity)


class Context(msgspec.Struct, kw_only=True):
    """The running figures of one decision, in quote units.

    ``equities`` is what each instance is worth, never moved by an approval; ``largest`` is the largest position an
    instrument's live orders can lead to, summed over instances; ``quantities`` is what each leg is to hold; ``stale``
    has the ages in seconds of prices that are too old and that equity counts, at a real venue for more than dust;
    ``signal_ages`` those of signals that are decided on for the first time, by their id; the orders of legs that are
    ``at_once`` are not divided into slices, and those of legs that are ``stopped_out`` go out at market.
    """

    terms: AccountPolicy
    book: AccountSnapshot
    now_s: float
    unmarked: frozenset[str]
    stale: dict[str, float]
    equity: Decimal
    equities: dict[str, Decimal]
    held: dict[PositionKey, Exposure]
    largest: dict[str, Decimal]
    gross: Decimal
    net_lowest: Decimal
    net_highest: Decimal
    reserved: Decimal
    orders_in_minute: int
    signal_ages: dict[str, float]
    quantities: dict[PositionKey, Decimal]
    legs_decided: set[PositionKey]
    ids_decided: set[str]
    at_once: frozenset[PositionKey] = frozenset()
    stopped_out: frozenset[PositionKey] = frozenset()
    priced: frozenset[str]

    def position_policy(self, leg: PositionKey) -> PositionPolicy:
        """Return how a leg is sized; one that the desk does not know any more can be closed all the same.

        FLATTENING waits for no limit, nor does a protection: what they close goes out at market.
        """
        known = self.terms.legs.get(leg)
        if known is not None:
            if self.book.trading_state is TradingState.FLATTENING or leg in self.stopped_out:
                return msgspec.structs.replace(known, order="market", slices=1)
            return msgspec.structs.replace(known, slices=1) if known.slices > 1 and leg in self.at_once else known
        held, mark = self.held.get(leg, FLAT), self.book.marks[leg[1]]
        return self.terms.exit(leg, held.quantity, mark.price)

    def plain_policy(self, target: Target, leg: PositionKey) -> PositionPolicy | None:
        """Return how a leg is sized whose target surely passes the TARGET_RULES of ``fanfold.risk.rules``.

        Nearly all do; None where they are to be asked.
        """
        policy, weight, terms = self.terms.legs.get(leg), target.weight, self.terms
        if (
            policy is None
            or terms.lacks
            or target.instance not in terms.capital
            or not -1.0 <= weight <= 1.0
            or target.instrument not in self.priced
            or (weight != 0.0 and (self.unmarked or policy.volatility))
        ):
            return None
        # As ``position_policy`` says, which is asked only where it may say something else.
        particular = policy.slices > 1 or self.stopped_out or self.book.trading_state is TradingState.FLATTENING
        return self.position_policy(leg) if particular else policy

    def candidate(self, order: Order) -> Candidate:
        """Weigh an order against the account as it stands, with all orders approved before it."""
        leg = order.leg
        held, mark = self.held.get(leg, FLAT), self.book.marks[order.instrument]
        quantity = order.quantity if order.side == "buy" else -order.quantity
        # At market the reference counts, not the limit of its band.
        limit = order.limit_price if order.time_in_force != "ioc" else None
        notional = order.quantity * (order.reference_price if limit is None else limit)
        after, price, policy = held.ordered(quantity), mark.price, self.position_policy(leg)
        return Candidate(
            order=order,
            leg=leg,
            policy=policy,
            held=held,
            mark=mark,
            quantity=quantity,
            notional=notional,
            slices=slicing.quantities(order.quantity, order.side, policy, order.reference_price),
            after=after,
            largest=(after.largest - held.largest) * price,
            lowest=(after.lowest - held.lowest) * price,
            highest=(after.highest - held.highest) * price,
        )

    def passes_entries(self, leg: PositionKey, held: Exposure, quantity: Decimal = ZERO) -> bool:
        """Return whether an order of a signed quantity may go out while entries of its leg are live.

        An exit may, at a live venue, if the position covers it and all other exits and still leaves what the leg is to
        hold: the outcome of an entry may never be learned. On paper an entry ends with its bar, and the exit follows.
        """
        wanted = self.quantities.get(leg, ZERO)
        if not self.terms.real or wanted * held.quantity < 0 or quantity * held.quantity > 0:
            return False
        return abs(wanted) + abs(quantity) <= abs(held.least)

    @property
    def gross_max(self) -> Decimal:
        return self.terms.limits.gross_max * self.equity

    @property
    def net_max(self) -> Decimal:
        return self.terms.limits.net_max * self.equity

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
        return msgspec.structs.replace(self, held=dict(self.held), largest=dict(self.largest))

    def restore(self, before: "Context") -> None:
        """Forget the approvals since ``before`` was saved."""
        for name in ("held", "largest", "gross", "net_lowest", "net_highest", "reserved", "orders_in_minute"):
            setattr(self, name, getattr(before, name))

    def approve(self, candidate: Candidate) -> None:
        """Count an order as live: later rules see its cash as spent and its position as taken."""
        order = candidate.order
        self.held[candidate.leg] = candidate.after
        self.largest[order.instrument] = self.largest.get(order.instrument, ZERO) + candidate.largest
        self.gross += candidate.largest
        self.net_lowest += candidate.lowest
        self.net_highest += candidate.highest
        self.reserved += order.reserved
        self.orders_in_minute += len(candidate.slices)

    def decided(self, candidate: Candidate) -> None:
        """Remember an order that was checked, whatever came of it: a second one like it is a duplicate."""
        self.legs_decided.add(candidate.leg)
        self.ids_decided.add(candidate.order.order_id)

    def closing_book(self) -> AccountSnapshot:
        """Return the book with all approved orders in it."""
        return msgspec.structs.replace(
            self.book, held=self.held, reserved=self.reserved, orders_in_minute=self.orders_in_minute
        )


def _stale(ages: Mapping[str, float], book: AccountSnapshot, terms: AccountPolicy) -> dict[str, float]:
    """Return the ages of prices that are too old to enter by.

    Fees at a real venue leave dust that can never be sold. It blocks no entry when its instrument has no more bars.
    """
    old = {instrument: age for instrument, age in ages.items() if age > terms.limits.bar_age_s_max}
    if not (old and terms.real):
        return old
    return {instrument: age for instrument, age in old.items() if not holds_only_dust(instrument, book, terms)}


@exact
def survey(book: AccountSnapshot, terms: AccountPolicy, signal_ages: dict[str, float], now: datetime) -> Context:
    """Compute the figures of an account as of now."""
    value, now_s = valuation(book), now.timestamp()
    book = roll(book, value, now)
    ages = {instrument: now_s - closes_at_s for instrument, closes_at_s in value.marked_at_s.items()}
    sound = value.priced
    if book.trading_state is TradingState.FLATTENING:
        # It closes what has no price, too; nothing of what the account is worth is taken from that.
        book = at_cost(book)
        sound = frozenset(instrument for instrument, mark in book.marks.items() if priced(mark))
    return Context(
        terms=terms,
        book=book,
        priced=sound,
        now_s=now_s,
        unmarked=value.unmarked,
        stale=_stale(ages, book, terms),
        equity=value.equity,
        equities={name: capital + value.profits.get(name, ZERO) for name, capital in terms.capital.items()},
        held=dict(book.held),
        largest=value.largest,
        gross=value.gross,
        net_lowest=value.lowest,
        net_highest=value.highest,
        reserved=book.reserved,
        orders_in_minute=book.orders_in_minute,
        signal_ages=signal_ages,
        quantities={},
        legs_decided=set(),
        ids_decided=set(),
    )
