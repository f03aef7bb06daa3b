"""An account's bars in one compiled scan: match, value, guard, decide, as its risk and its paper venue do live.

At each time first the orders of the time before meet its bars, by the rules of ``matching.fills`` for an order that
takes what there is at the open within its limit and expires; then risk decides on the closes.
"""

from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

from numba import njit

from fanfold.market.timeframes import DAY_S
from fanfold.research.account_book import (
    FLOW,
    GROSSES,
    LARGEST,
    UNTOLD_LOTS,
    WORTH,
    WORTHS,
    AccountField,
    AccountTerm,
    BarField,
    Book,
    LegField,
    LegTerm,
    PollTable,
    RuleField,
    Terms,
    Wanted,
)
from fanfold.research.account_changes import take_targets
from fanfold.research.account_decision import judge_all, propose, remain
from fanfold.research.account_idle import pass_idle_bars
from fanfold.research.account_matching import match
from fanfold.research.account_protection import protect
from fanfold.research.account_resting_stops import keep_stops
from fanfold.research.account_rules import (
    extremes,
    is_late,
)
from fanfold.research.columns import Integers, borrow
from fanfold.research.compile_cache import ACCOUNT, keep
from fanfold.research.tape import DONE, OVERFLOW, piece

MINUTE_S = 60
# Bound anew in each copy of the scan.
one_leg = False


class End(NamedTuple):
    """The end of a scan, and its time; where a quantity has to be told, its leg."""

    code: int
    at: int
    leg: int


def _scan(
    market: PollTable, terms: Terms, wanted: Wanted, book: Book, money_max: float, resumed: tuple[int, bool],
    guarded: bool,
) -> End:  # fmt: skip
    """Trade an account; ``guarded`` says whether any leg asks for a protection.

    ``money_max`` is the largest figure of money whose products fit into 64 bits. ``resumed`` is the time to begin with,
    and whether a scan of this book stopped there to be told a quantity.
    """
    bars, of, targets, kept = borrow(market), borrow(terms), borrow(wanted), borrow(book)
    if one_leg and not (is_of_one_leg(kept, bars, of) and len(targets.weight) == 1):
        return End(OVERFLOW, 0, 0)
    at, midway = resumed
    while at < bars.time.size:
        if not midway:
            # Stops meet a bar that may reach them, orders any; one that they leave with nothing to do is idle, too.
            if not guarded and kept.sums[AccountField.LIVE] > 0:
                match(at, kept, bars, of)
            if not guarded or (of.account[AccountTerm.RESTS] and targets.protection.shape[0] == 1):
                at = pass_idle_bars(at, kept, bars, of, targets, money_max, guarded)
            if at == bars.time.size:
                break
            _come_to(at, kept, bars, of, targets, guarded)
        if abs(float(kept.sums[AccountField.EQUITY])) + float(kept.sums[AccountField.GROSS]) > money_max:
            return End(OVERFLOW, at, 0)
        leg = propose(at, kept, bars, of, targets)
        if leg >= 0:
            return End(UNTOLD_LOTS, at, leg)
        judge_all(at, kept, bars, of)
        if guarded and of.account[AccountTerm.RESTS]:
            keep_stops(at, kept, bars, of, targets)
        remain(at, kept)
        at, midway = at + 1, False
    return End(DONE, bars.time.size, 0)


@cache
def cached_scan(*, one_leg: bool) -> Any:
    """Return the scan, compiled before where that was kept; one for accounts of one leg takes less time a fill."""
    copy = FunctionType(_scan.__code__, _scan.__globals__ | {"one_leg": one_leg})
    return keep(njit(error_model="numpy", nogil=True)(copy), ACCOUNT, "one" if one_leg else "several")


@piece
def is_of_one_leg(book: Book, market: PollTable, terms: Terms) -> bool:
    """Return whether an account has one leg; to ask lets code that follows be made without loops over legs."""
    by_leg = len(book.leg) == 1 and len(book.stop) == 1 and len(book.bound) == 1 and len(book.bound_weight) == 1
    by_instance = len(terms.leg) == 1 and len(terms.capital) == 1 and book.instance.shape[1] == 1
    by_instrument = len(terms.rule) == 1 and book.instrument.shape[1] == 1 and market.bars.shape[1] == 1
    return by_leg and by_instance and by_instrument and len(market.seen) == 1 and market.span.shape[1] == 1


@piece
def _come_to(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted, guarded: bool) -> None:
    """Take all that a time brings, up to the decision, but for what orders met where no stop rests."""
    if guarded and (book.sums[AccountField.LIVE] > 0 or book.sums[AccountField.RESTING] > 0):
        match(at, book, market, terms)
    take_targets(at, book, market, wanted, terms, guarded)
    if guarded:
        protect(at, book, market, terms, wanted)
    exposure = value(at, book, market, terms)
    book.curve[WORTHS, at], book.curve[GROSSES, at] = book.sums[AccountField.EQUITY], exposure


@piece
def value(at: int, book: Book, market: PollTable, terms: Terms) -> int:
    """Value the account at its closes, move its day, its peak and its minute; return the gross worth of positions."""
    sums = book.sums
    worth, gross, exposure, lowest, highest, stale = sums[AccountField.CASH], 0, 0, 0, 0, 0
    book.instrument[LARGEST, :] = 0
    for instance in range(book.instance.shape[1]):
        book.instance[WORTH, instance] = terms.capital[instance] + book.instance[FLOW, instance]
    for leg in range(len(book.leg)):
        quantity, live = book.leg[leg, LegField.QUANTITY], book.leg[leg, LegField.OPEN]
        if quantity == 0 and live == 0:
            continue
        instrument = terms.leg[leg, LegTerm.INSTRUMENT]
        unit = market.bars[BarField.CLOSE, instrument, at] * terms.rule[instrument, RuleField.WORTH]
        size, low, high = extremes(quantity, live)
        worth += quantity * unit
        book.instance[WORTH, terms.leg[leg, LegTerm.INSTANCE]] += quantity * unit
        exposure += abs(quantity) * unit
        gross += size * unit
        book.instrument[LARGEST, instrument] += size * unit
        lowest += low * unit
        highest += high * unit
        stale |= is_late(instrument, at, market, terms)
    sums[AccountField.EQUITY], sums[AccountField.GROSS], sums[AccountField.STALE] = worth, gross, stale
    sums[AccountField.LOWEST], sums[AccountField.HIGHEST] = lowest, highest
    _roll(market.time[at], worth, sums)
    return exposure


@piece
def _roll(now: int, worth: int, sums: Integers) -> None:
    """Move day, peak and minute. A day starts with what the last one ended with."""
    if now // MINUTE_S > sums[AccountField.MINUTE]:
        sums[AccountField.MINUTE], sums[AccountField.ORDERS] = now // MINUTE_S, 0
    if now // DAY_S > sums[AccountField.DAY]:
        sums[AccountField.DAY_START] = worth if sums[AccountField.DAY] < 0 else sums[AccountField.LAST]
        sums[AccountField.DAY] = now // DAY_S
    sums[AccountField.PEAK], sums[AccountField.LAST] = max(sums[AccountField.PEAK], worth), worth
