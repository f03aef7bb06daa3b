"""Value an account at its marks: its equity, its exposure, and the figures that its days and its peak begin with."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

import msgspec

from fanfold.market import timeframes
from fanfold.money import ZERO, exact, ratio
from fanfold.risk.exposure import AccountSnapshot, Mark, priced, significant


class Valuation(msgspec.Struct, frozen=True, kw_only=True):
    """The value of an account's positions at their marks, in quote units.

    ``equity`` is cash plus positions, less fees that were paid in third currencies; a position without a price above
    zero counts as zero there, and its instrument is ``unmarked``: while there is one, equity is unknown. ``profits``
    are realised and unrealised less fees, by instance. ``gross`` is the largest gross exposure that live orders can
    lead to, of which ``largest`` is each instrument's, for legs do not offset each other; ``lowest`` and ``highest``
    are the extremes of the net one. ``marked_at_s`` is when the prices that count were closed, by instrument.
    ``priced`` are the instruments whose mark has a price above zero, held or not.
    """

    equity: Decimal
    unmarked: frozenset[str]
    profits: dict[str, Decimal]
    gross: Decimal
    lowest: Decimal
    highest: Decimal
    largest: dict[str, Decimal]
    marked_at_s: dict[str, int]
    priced: frozenset[str]


@exact
def valuation(book: AccountSnapshot) -> Valuation:
    """Value an account, in one pass over its positions."""
    worth = gross = lowest = highest = ZERO
    unmarked: set[str] = set()
    profits: dict[str, Decimal] = {}
    largest: dict[str, Decimal] = {}
    marked_at_s: dict[str, int] = {}
    # As ``priced``, and below as ``live``, without their calls for each leg at each bar.
    sound = {name: mark for name, mark in book.marks.items() if mark.price.is_finite() and mark.price > ZERO}
    for (instance, instrument), held in book.held.items():
        quantity, opened, profit = held.quantity, held.open or held.both_sides, held.realised
        mark = sound.get(instrument)
        if mark is not None:
            value = least = most = quantity * mark.price
            if quantity:
                worth += value
                profit += value - held.cost
            if quantity or opened:
                marked_at_s[instrument] = mark.closes_at_s
            if opened:
                least, most = held.lowest * mark.price, held.highest * mark.price
            at_most = max(abs(least), abs(most)) if opened else abs(value)
            gross += at_most
            largest[instrument] = largest.get(instrument, ZERO) + at_most
            lowest += least
            highest += most
        elif quantity or opened:
            unmarked.add(instrument)
        profits[instance] = profits.get(instance, ZERO) + profit - held.fees
        if held.other_fees:
            worth -= held.other_fees
    return Valuation(
        equity=book.cash + worth,
        unmarked=frozenset(unmarked),
        profits=profits,
        gross=gross,
        lowest=lowest,
        highest=highest,
        largest=largest,
        marked_at_s=marked_at_s,
        priced=frozenset(sound),
    )


@exact
def at_cost(book: AccountSnapshot) -> AccountSnapshot:
    """Return the book with the cost of its lots as the mark of each instrument that has a position and no mark.

    It is a mark of no bar, to bound the orders that close a position by, and says nothing about the account's value.
    """
    costs = {
        instrument: Mark(price=significant(ratio(held.cost, held.quantity)), closes_at_s=0)
        for (_, instrument), held in sorted(book.held.items())
        if held.quantity and held.cost and not priced(book.marks.get(instrument))
    }
    return msgspec.structs.replace(book, marks=book.marks | costs) if costs else book


@cache
def _date(days: int) -> str:
    """Return the UTC date so many days after 1970-01-01."""
    return datetime.fromtimestamp(days * timeframes.DAY_S, UTC).date().isoformat()


def roll(book: AccountSnapshot, value: Valuation, now: datetime) -> AccountSnapshot:
    """Update day, peak and minute of an account of this value to now. A clock that steps back changes nothing."""
    seconds = int(now.timestamp())
    minute, day = seconds // 60, _date(seconds // timeframes.DAY_S)
    if minute > book.minute:
        book = msgspec.structs.replace(book, minute=minute, orders_in_minute=0)
    # With equity unknown the day waits: a start that left a position out would bar or free entries for a whole day.
    if value.unmarked:
        return book
    worth = value.equity
    if book.rearmed:
        return msgspec.structs.replace(
            book, day=max(day, book.day), day_start_equity=worth, peak_equity=worth, last_equity=worth, rearmed=False
        )
    if day > book.day:
        # A day starts with what the last one ended with: what a night without a decision lost is lost today.
        start = worth if book.last_equity is None else book.last_equity
        book = msgspec.structs.replace(book, day=day, day_start_equity=start)
    return msgspec.structs.replace(book, peak_equity=max(book.peak_equity, worth), last_equity=worth)
