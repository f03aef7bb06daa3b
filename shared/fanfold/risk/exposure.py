"""Exposure of an account: its positions, its marks, and the largest positions that live orders can lead to."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Context, Decimal

import msgspec

from fanfold.market import timeframes
from fanfold.market.bars import Frame, closes_of
from fanfold.messages import Side, TradingState
from fanfold.money import ZERO
from fanfold.risk.venue_rules import RulesInForce

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

    ``open`` is what live orders have still to fill, buys less sales; ``both_sides`` is what is live on either side
    beyond that, where an exit went out past an entry. ``cost`` sums quantity by price of the open lots; ``realised`` is
    before fees, of which no cash of the account paid ``other_fees``.
    """

    quantity: Decimal = ZERO
    open: Decimal = ZERO
    both_sides: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    other_fees: Decimal = ZERO

    @property
    def live(self) -> bool:
        """Return whether any order of the leg is live."""
        return bool(self.open or self.both_sides)

    @property
    def buying(self) -> Decimal:
        """Return what live purchases have still to fill."""
        return self.both_sides + self.open if self.open > 0 else self.both_sides

    @property
    def selling(self) -> Decimal:
        """Return what live sales have still to fill, as a positive quantity."""
        return self.both_sides - self.open if self.open < 0 else self.both_sides

    @property
    def adding(self) -> Decimal:
        """Return what live orders may add to the position, unsigned; 0 where there is none."""
        return self.buying if self.quantity > 0 else self.selling if self.quantity < 0 else ZERO

    @property
    def reducing(self) -> Decimal:
        """Return what live orders may take from the position, unsigned; 0 where there is none."""
        return self.selling if self.quantity > 0 else self.buying if self.quantity < 0 else ZERO

    @property
    def highest(self) -> Decimal:
        """Return the largest signed quantity that live orders can lead to."""
        return self.quantity + self.buying if self.buying else self.quantity

    @property
    def lowest(self) -> Decimal:
        return self.quantity - self.selling if self.selling else self.quantity

    @property
    def least(self) -> Decimal:
        """Return the signed quantity that is left however live orders fill, 0 where they may close it."""
        return max(self.lowest, ZERO) if self.quantity > 0 else min(self.highest, ZERO)

    @property
    def largest(self) -> Decimal:
        """Return the largest absolute quantity, whether live orders fill or not."""
        return max(abs(self.lowest), abs(self.highest)) if self.live else abs(self.quantity)

    def ordered(self, quantity: Decimal) -> "Exposure":
        """Return the exposure with one more live order of a signed quantity."""
        opposed = min(abs(self.open), abs(quantity)) if self.open * quantity < 0 else ZERO
        both_sides = self.both_sides + opposed if opposed else self.both_sides
        return msgspec.structs.replace(self, open=self.open + quantity, both_sides=both_sides)

    def without_entries(self) -> "Exposure":
        """Return the exposure without the live orders that add to the position."""
        sign = 1 if self.quantity > 0 else -1
        return msgspec.structs.replace(self, open=-sign * self.reducing, both_sides=ZERO)

    def reduces(self, quantity: Decimal) -> bool:
        """Return whether an order only takes the position towards zero, however live orders fill."""
        if self.quantity * quantity >= 0:
            return False
        return self.reducing + abs(quantity) <= abs(self.quantity)


FLAT = Exposure()


class RestingStop(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stop that rests at its venue for a leg, from its approval on: the order's quantity, and its stop price.

    Where ``profit`` is above 0, a limit order at that price rests beside it, or, with a ``price`` of 0, alone. The stop
    is noted as long as the order is live, and where some of it ``filled`` until risk has taken notice. One that is
    ``withdrawn`` is to be cancelled. Of one that the venue rejected ``rejected_at`` is when it was decided.
    """

    order_id: str
    quantity: Decimal
    price: Decimal
    profit: Decimal = ZERO
    filled: Decimal = ZERO
    ended: bool = False
    withdrawn: bool = False
    rejected_at: datetime | None = None
    side: Side = "sell"

    @property
    def sign(self) -> int:
        """Return the sign of the position that it closes."""
        return 1 if self.side == "sell" else -1


class AccountSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """An account as risk reads it: scalars of the account item, its legs, and the marks.

    ``trading_state`` is None where the state is missing; ``trading_state_cause`` is the id of the message that told of
    it; ``breach`` is the loss limit that was broken at the decision before. ``day`` is a UTC date, ``minute`` minutes
    since the epoch; ``version`` is the stored item's, which the store alone moves on. ``last_equity`` is that of the
    decision before, None before the first; ``rearmed`` says that an operator wants day and peak to begin anew with
    this decision. ``frozen`` is, by instrument, why its books are in doubt; ``rules`` are those of a venue that count
    in the place of the desk file's; ``stops`` are those that rest at the venue.
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
    frozen: dict[str, str] = {}
    rules: dict[str, RulesInForce] = {}
    stops: dict[PositionKey, RestingStop] = {}
    version: int = 0


def mark(previous: Mark | None, closes_at_s: int, price: Decimal, length_s: int) -> Mark:
    """Return the mark after a bar of ``length_s`` seconds. A bar that is not newer changes nothing.

    The first return is taken as the variance; a return over several bars is spread over them.
    """
    if previous is None:
        return Mark(price=price, closes_at_s=closes_at_s)
    if closes_at_s <= previous.closes_at_s:
        return previous
    bars = (closes_at_s - previous.closes_at_s) // length_s or 1
    # As floats they are compared quicker, and a price that a bar can have is none that comes to zero as one.
    before, now, variance = float(previous.price), float(price), previous.variance
    if before > 0.0 and now > 0.0:
        squared = (now / before - 1.0) ** 2 / bars
        variance = VARIANCE_DECAY * (variance if variance > 0.0 else squared) + (1.0 - VARIANCE_DECAY) * squared
    return Mark(price=price, closes_at_s=closes_at_s, variance=variance)


def own_closes(frames: Iterable[Frame], timeframe: str) -> list[tuple[str, int, Decimal]]:
    """Return the closes of the frames of one timeframe: longer bars close at the same prices again."""
    return [close for frame in frames if frame.timeframe == timeframe for close in closes_of(frame)]


def marked(marks: Mapping[str, Mark], closes: Iterable[tuple[str, int, Decimal]], timeframe: str) -> dict[str, Mark]:
    """Return the marks after closes of a timeframe: instruments, epoch seconds and prices."""
    length_s = timeframes.seconds(timeframe)
    after = dict(marks)
    for instrument, closes_at_s, price in closes:
        after[instrument] = mark(after.get(instrument), closes_at_s, price, length_s)
    return after


def significant(price: Decimal) -> Decimal:
    """Round a price to twelve significant digits, as many as a venue's price has."""
    return Context(prec=12).plus(price).normalize()


def priced(mark: Mark | None) -> bool:
    return mark is not None and mark.price.is_finite() and mark.price > 0
