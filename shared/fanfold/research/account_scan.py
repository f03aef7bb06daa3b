"""An account's bars in one compiled scan: match, value, guard, decide, as its risk and its paper venue do live.

At each time first the orders of the time before meet its bars, by the rules of ``matching.fills`` for an order that
takes what there is at the open within its limit and expires; then risk decides on the closes.
"""

from functools import cache
from math import inf
from typing import Any, NamedTuple

from numba import njit

from fanfold.market.timeframes import DAY_S
from fanfold.research.account_book import (
    FLOW,
    GROSSES,
    LARGEST,
    NOTHING,
    SIZED,
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
from fanfold.research.account_idle import pass_idle_bars
from fanfold.research.account_matching import match
from fanfold.research.account_protection import protect
from fanfold.research.account_resting_stops import keep_stops
from fanfold.research.account_rules import (
    BAD_TARGET,
    MISSING_DATA,
    OVERTAKES,
    PASSES,
    bars_entries,
    extremes,
    is_late,
    judge,
    judge_bundle,
    reduces,
)
from fanfold.research.account_sizing import (
    ON_TARGET,
    ORDERED,
    REFUSED,
    UNTOLD,
    affordable,
    change,
    standing_lots,
)
from fanfold.research.columns import Integers, borrow
from fanfold.research.compile_cache import ACCOUNT, keep
from fanfold.research.tape import DONE, OVERFLOW, oppose, piece

MINUTE_S = 60
REDUCTIONS, BUNDLES_THAT_REDUCE, ENTRIES = 0, 1, 2


class End(NamedTuple):
    """The end of a scan, and its time; where a quantity has to be told, its leg."""

    code: int
    at: int
    leg: int


@njit(error_model="numpy", nogil=True)
def scan(
    market: PollTable, terms: Terms, wanted: Wanted, book: Book, money_max: float, resumed: tuple[int, bool],
    guarded: bool,
) -> End:  # fmt: skip
    """Trade an account; ``guarded`` says whether any leg asks for a protection.

    ``money_max`` is the largest figure of money whose products fit into 64 bits. ``resumed`` is the time to begin with,
    and whether a scan of this book stopped there to be told a quantity.
    """
    bars, of, targets, kept = borrow(market), borrow(terms), borrow(wanted), borrow(book)
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
def cached_scan() -> Any:
    """Return the scan, compiled before where that was kept."""
    return keep(scan, ACCOUNT)


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


@piece
def propose(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted) -> int:
    """Work out the order of each leg that has a target; return a leg whose quantity has to be told, else -1."""
    for leg in range(len(book.leg)):
        mine = book.leg[leg]
        mine[LegField.OUTCOME], mine[LegField.REDUCES], mine[LegField.REFUSAL] = ON_TARGET, 0, 0
        if mine[LegField.STATE] == NOTHING:
            continue
        if not _propose_leg(leg, at, book, market, terms, wanted):
            return leg
    return -1


@piece
def _propose_leg(leg: int, at: int, book: Book, market: PollTable, terms: Terms,
                 wanted: Wanted) -> bool:  # fmt: skip
    mine = book.leg[leg]
    sized = terms.leg[leg]
    instrument, weight, held = sized[LegTerm.INSTRUMENT], book.weight[leg], mine[LegField.QUANTITY]
    price = market.bars[BarField.CLOSE, instrument, at]
    code = _unsizeable(leg, at, weight, price, market, terms)
    if code != 0:
        mine[LegField.OUTCOME], mine[LegField.REFUSAL] = REFUSED, code
        return True
    lots = standing_lots(leg, at, price, book, market, terms, wanted)
    if lots == UNTOLD:
        return False
    # The far side of a flip may be closed to us; to stay where we are because of it would be the worst of the three.
    if oppose(lots, held) and (terms.account[AccountTerm.SPOT] or bars_entries(book, terms)):
        lots = 0
    mine[LegField.PROPOSED] = lots
    outcome, missing = change(lots, leg, book.instance[WORTH, sized[LegTerm.INSTANCE]], price, book, terms)
    mine[LegField.OUTCOME] = outcome
    if outcome == ORDERED:
        mine[LegField.ORDER] = affordable(missing, price, instrument, book, terms)
        mine[LegField.REDUCES] = reduces(held, mine[LegField.OPEN], mine[LegField.ORDER])
    return True


@piece
def _unsizeable(leg: int, at: int, weight: float, price: int, market: PollTable, terms: Terms) -> int:
    """Return the number of the code for which a target cannot be sized, or 0."""
    if not -1.0 <= weight <= 1.0:
        return BAD_TARGET
    if price <= 0:
        return MISSING_DATA
    if weight != 0.0 and terms.volatility[leg] != 0.0:
        return 0 if 0.0 < market.variance[at, terms.leg[leg, LegTerm.INSTRUMENT]] < inf else MISSING_DATA
    return 0


@piece
def judge_all(at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Judge reductions, then entries; the orders of a bundle that adds to a position at the place of the first."""
    for turn in (REDUCTIONS, BUNDLES_THAT_REDUCE, ENTRIES):
        for leg in range(len(book.leg)):
            if book.leg[leg, LegField.OUTCOME] == ORDERED and book.leg[leg, LegField.JUDGED] <= at:
                _judge_in_turn(turn, leg, at, book, market, terms)


@piece
def _judge_in_turn(turn: int, leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    mine, bundle = book.leg[leg], terms.leg[leg, LegTerm.BUNDLE]
    adding = bundle >= 0 and _adds(bundle, book, terms)
    its_turn = ENTRIES
    if mine[LegField.REDUCES] != 0:
        its_turn = BUNDLES_THAT_REDUCE if adding else REDUCTIONS
    if turn != its_turn:
        return
    if adding:
        _mark(bundle, at, book, terms)
        judge_bundle(bundle, at, book, market, terms)
        return
    mine[LegField.JUDGED] = at + 1
    mine[LegField.REFUSAL] = judge(leg, at, book, market, terms)
    if mine[LegField.REFUSAL] != 0:
        mine[LegField.OUTCOME] = REFUSED


@piece
def _adds(bundle: int, book: Book, terms: Terms) -> bool:
    """Return whether any order of a bundle adds to a position."""
    for leg in range(len(book.leg)):
        adds = book.leg[leg, LegField.OUTCOME] == ORDERED and book.leg[leg, LegField.REDUCES] == 0
        if terms.leg[leg, LegTerm.BUNDLE] == bundle and adds:
            return True
    return False


@piece
def _mark(bundle: int, at: int, book: Book, terms: Terms) -> None:
    """Note that the orders of a bundle are judged."""
    for leg in range(len(book.leg)):
        if terms.leg[leg, LegTerm.BUNDLE] == bundle:
            book.leg[leg, LegField.JUDGED] = at + 1


@piece
def remain(at: int, book: Book) -> None:
    """Keep the targets that still stand, and write the refusals whose reason is new."""
    for leg in range(len(book.leg)):
        mine = book.leg[leg]
        if mine[LegField.STATE] == NOTHING:
            continue
        code = mine[LegField.REFUSAL]
        if mine[LegField.OUTCOME] == REFUSED:
            if code != mine[LegField.CODE]:
                _write(at, leg, code, book)
            stands = PASSES[code] or (book.weight[leg] == 0.0 and not OVERTAKES[code])
        else:
            stands = mine[LegField.OUTCOME] == ORDERED or mine[LegField.OPEN] != 0
        if not stands:
            mine[LegField.STATE] = NOTHING
        elif code not in (BAD_TARGET, MISSING_DATA):
            mine[LegField.STATE], mine[LegField.TARGET] = SIZED, mine[LegField.PROPOSED]
        mine[LegField.CODE] = code


@piece
def _write(at: int, leg: int, code: int, book: Book) -> None:
    row = book.refused[book.sums[AccountField.REFUSALS]]
    row[0], row[1], row[2] = at, leg, code
    book.sums[AccountField.REFUSALS] += 1
