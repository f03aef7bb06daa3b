"""Exposure of an account: its positions, its equity, and the largest positions that live orders can lead to."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal

import msgspec

from fanfold.market import timeframes
from fanfold.market.bars import Series
from fanfold.messages import TradingState
from fanfold.money import ZERO, exact, ratio

# Weight of history in the variance: half of it fades in 231 bars, near four hours of minutes.
VARIANCE_DECAY = 0.997

# A strategy instance and an instrument: the place where a position is kept.
PositionKey = tuple[str, str]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The last close of an instrument, its epoch second, and the variance of returns per bar (0: unknown)."""

    price: Decimal
    closes_at_s: int
    variance: float = 0.0


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """The sub-ledger of a leg in base and quote units, below zero for short.

    ``open`` is what live orders have still to fill, all on one side; ``cost`` sums quantity by price of the open
    lots; ``realised`` is before fees.
    """

    quantity: Decimal = ZERO
    open: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO

    @property
    def highest(self) -> Decimal:
        """Return the largest signed quantity that live orders can lead to."""
        return self.quantity + self.open if self.open > 0 else self.quantity

    @property
    def lowest(self) -> Decimal:
        return self.quantity + self.open if self.open < 0 else self.quantity

    @property
    def largest(self) -> Decimal:
        """Return the largest absolute quantity, whether live orders fill or not."""
        return max(abs(self.quantity), abs(self.quantity + self.open))

    def ordered(self, quantity: Decimal) -> "Exposure":
        """Return the exposure with one more live order of a signed quantity."""
        return msgspec.structs.replace(self, open=self.open + quantity)

    def reduces(self, quantity: Decimal) -> bool:
        """Return whether an order only takes the position towards zero, however live orders fill."""
        if self.quantity * quantity >= 0:
            return False
        pending = self.open if self.open * quantity > 0 else ZERO
        return abs(pending + quantity) <= abs(self.quantity)


FLAT = Exposure()


class AccountSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """An account as risk reads it: scalars of the account item, its legs, and the marks.

    ``trading_state`` is None where the state is missing; ``trading_state_cause`` is the id of the message that told of
    it; ``breach`` is the loss limit that was broken at the decision before. ``day`` is a UTC date, ``minute`` minutes
    since the epoch; ``version`` is the stored item's, which the store alone moves on. ``last_equity`` is that of the
    decision before, None before the first; ``rearmed`` says that an operator wants day and peak to begin anew with
    this decision.
    """

    account: str
    trading_state: TradingState | None
    trading_state_cause: str = ""
    breach: str = ""
    cash: Decimal
    reserved: Decimal = ZERO
    peak_equity: Decimal = ZERO
    day: str = ""
    day_start_equity: Decimal = ZERO
    last_equity: Decimal | None = None
    rearmed: bool = False
    minute: int = 0
    orders_in_minute: int = 0
    held: dict[PositionKey, Exposure] = {}
    marks: dict[str, Mark] = {}
    version: int = 0


def mark(previous: Mark | None, closes_at_s: int, price: Decimal, length_s: int) -> Mark:
    """Return the mark after a bar of ``length_s`` seconds. A bar that is not newer changes nothing.

    The first return is taken as the variance; a return over several bars is spread over them.
    """
    if previous is None:
        return Mark(price=price, closes_at_s=closes_at_s)
    if closes_at_s <= previous.closes_at_s:
        return previous
    bars = max(1, (closes_at_s - previous.closes_at_s) // length_s)
    return Mark(price=price, closes_at_s=closes_at_s, variance=_variance(previous, price, bars))


def _variance(previous: Mark, price: Decimal, bars: int) -> float:
    if previous.price <= 0 or price <= 0:
        return previous.variance
    squared = (float(price) / float(previous.price) - 1.0) ** 2 / bars
    known = previous.variance if previous.variance > 0.0 else squared
    return VARIANCE_DECAY * known + (1.0 - VARIANCE_DECAY) * squared


def marked(marks: Mapping[str, Mark], series: Iterable[Series], timeframe: str) -> dict[str, Mark]:
    """Return the marks after series of the venue's own timeframe. Other series are ignored."""
    length_s = timeframes.seconds(timeframe)
    after = dict(marks)
    for one in series:
        for bar in one.bars if one.timeframe == timeframe else ():
            after[one.instrument] = mark(after.get(one.instrument), bar.closes_at_s, one.price(bar.close), length_s)
    return after


def unmarked(book: AccountSnapshot) -> frozenset[str]:
    """Return instruments held or on order without a price above zero. While there is one, equity is unknown."""
    return frozenset(
        instrument
        for (_, instrument), held in book.held.items()
        if (held.quantity or held.open) and not priced(book.marks.get(instrument))
    )


def stale(book: AccountSnapshot, now_s: float, age_s_max: int) -> dict[str, float]:
    """Return the age in seconds, by instrument, of prices in equity that are too old."""
    ages = {
        instrument: now_s - book.marks[instrument].closes_at_s
        for (_, instrument), held in book.held.items()
        if (held.quantity or held.open) and priced(book.marks.get(instrument))
    }
    return {instrument: age for instrument, age in ages.items() if age > age_s_max}


@exact
def at_cost(book: AccountSnapshot) -> AccountSnapshot:
    """The book with what its lots came for as the mark of each instrument that is held and has none.

    It is a mark of no bar, to bound the orders that close a position by, and says nothing of what the account is worth.
    """
    costs = {
        instrument: Mark(price=_significant(ratio(held.cost, held.quantity)), closes_at_s=0)
        for (_, instrument), held in sorted(book.held.items())
        if held.quantity and held.cost and not priced(book.marks.get(instrument))
    }
    return msgspec.structs.replace(book, marks=book.marks | costs) if costs else book


def _significant(price: Decimal) -> Decimal:
    """Round a price to twelve significant digits, as many as a venue's price has."""
    return Context(prec=12).plus(price).normalize()


def priced(found: Mark | None) -> bool:
    return found is not None and found.price.is_finite() and found.price > 0


@exact
def equity(book: AccountSnapshot) -> Decimal:
    """Return cash plus positions at their marks. Call ``unmarked`` first: a position without a mark counts as zero."""
    return book.cash + sum(
        (held.quantity * book.marks[key[1]].price for key, held in book.held.items() if _counts(book, key, held)), ZERO
    )


@exact
def instance_equity(book: AccountSnapshot, instance: str, capital: Decimal) -> Decimal:
    """Return an instance's equity: its allocated capital plus realised and unrealised profit, less fees."""
    return capital + sum((_result(book, key, held) for key, held in book.held.items() if key[0] == instance), ZERO)


@exact
def gross(book: AccountSnapshot) -> Decimal:
    """Return the largest gross exposure that live orders can lead to. Legs do not offset each other."""
    return sum((held.largest * book.marks[key[1]].price for key, held in book.held.items() if _priced(book, key)), ZERO)


@exact
def net(book: AccountSnapshot) -> tuple[Decimal, Decimal]:
    """Return the lowest and the highest net exposure that live orders can lead to."""
    at_marks = [(held, book.marks[key[1]].price) for key, held in book.held.items() if _priced(book, key)]
    return (
        sum((held.lowest * price for held, price in at_marks), ZERO),
        sum((held.highest * price for held, price in at_marks), ZERO),
    )


def roll(book: AccountSnapshot, now: datetime) -> AccountSnapshot:
    """Update day, peak and minute of the account to now. A clock that steps back changes nothing."""
    minute, day = int(now.timestamp()) // 60, now.astimezone(UTC).date().isoformat()
    if minute > book.minute:
        book = msgspec.structs.replace(book, minute=minute, orders_in_minute=0)
    # With equity unknown the day waits: a start that left a position out would bar or free entries for a whole day.
    if unmarked(book):
        return book
    worth = equity(book)
    if book.rearmed:
        return msgspec.structs.replace(
            book, day=max(day, book.day), day_start_equity=worth, peak_equity=worth, last_equity=worth, rearmed=False
        )
    if day > book.day:
        # A day starts with what the last one ended with: what a night without a decision lost is lost today.
        start = worth if book.last_equity is None else book.last_equity
        book = msgspec.structs.replace(book, day=day, day_start_equity=start)
    return msgspec.structs.replace(book, peak_equity=max(book.peak_equity, worth), last_equity=worth)


def _priced(book: AccountSnapshot, key: PositionKey) -> bool:
    return priced(book.marks.get(key[1]))


def _counts(book: AccountSnapshot, key: PositionKey, held: Exposure) -> bool:
    return bool(held.quantity) and _priced(book, key)


def _result(book: AccountSnapshot, key: PositionKey, held: Exposure) -> Decimal:
    unrealised = held.quantity * book.marks[key[1]].price - held.cost if _counts(book, key, held) else ZERO
    return held.realised + unrealised - held.fees
