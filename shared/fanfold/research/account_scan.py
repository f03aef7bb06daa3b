"""An account's bars in one compiled scan: match, value, guard, decide, as its risk and its paper venue do live.

At each time first the orders of the time before meet its bars, by the rules of ``matching.fills`` for an order that
takes what there is at the open within its limit and expires; then risk decides on the closes.
"""

from functools import cache
from math import inf, isnan
from typing import Any, NamedTuple

from numba import njit

from fanfold.market.timeframes import DAY_S
from fanfold.research.account_book import (
    FLOW,
    FRESH,
    LARGEST,
    NOTHING,
    SIZED,
    UNTOLD_LOTS,
    WORTH,
    BarPlace,
    Book,
    LegPlace,
    PollTable,
    RulePlace,
    Sized,
    Sum,
    Term,
    Terms,
    Wanted,
)
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
            _come_to(at, kept, bars, of, targets, guarded)
        if abs(float(kept.sums[Sum.EQUITY])) + float(kept.sums[Sum.GROSS]) > money_max:
            return End(OVERFLOW, at, 0)
        leg = _propose(at, kept, bars, of, targets)
        if leg >= 0:
            return End(UNTOLD_LOTS, at, leg)
        _judge_all(at, kept, bars, of)
        if guarded and of.account[Term.RESTS]:
            keep_stops(at, kept, bars, of, targets)
        _remain(at, kept)
        at, midway = at + 1, False
        if not guarded or (of.account[Term.RESTS] and targets.protection.shape[0] == 1):
            at = pass_idle_bars(at, kept, bars, of, targets, money_max, guarded)
    return End(DONE, bars.time.size, 0)


@cache
def cached_scan() -> Any:
    """Return the scan, compiled before where that was kept."""
    return keep(scan, ACCOUNT)


@piece
def _come_to(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted, guarded: bool) -> None:
    """Take all that a time brings, up to the decision."""
    if book.sums[Sum.LIVE] > 0 or book.sums[Sum.RESTING] > 0:
        match(at, book, market, terms)
    _take_targets(at, book, market, wanted, terms)
    if guarded:
        protect(at, book, market, terms, wanted)
    _value(at, book, market, terms)


@piece
def _take_targets(at: int, book: Book, market: PollTable, wanted: Wanted, terms: Terms) -> None:
    """Let new targets stand in the place of older ones, and drop entries that lapsed."""
    now = market.time[at]
    for leg in range(len(book.leg)):
        weight = wanted.weight[leg, at]
        if not isnan(weight):
            book.leg[leg, LegPlace.STATE], book.weight[leg], book.leg[leg, LegPlace.AT] = FRESH, weight, at
            book.leg[leg, LegPlace.CODE], book.leg[leg, LegPlace.EXIT] = 0, 0
        elif book.leg[leg, LegPlace.STATE] != NOTHING and book.weight[leg] != 0.0:
            length = terms.leg[leg, Sized.LENGTH_S]
            if now > market.time[book.leg[leg, LegPlace.AT]] + length + terms.account[Term.SIGNAL_AGE_S]:
                book.leg[leg, LegPlace.STATE] = NOTHING


@piece
def _value(at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Value the account at its closes, and move its day, its peak and its minute."""
    sums = book.sums
    worth, gross, exposure, lowest, highest, stale = sums[Sum.CASH], 0, 0, 0, 0, 0
    book.instrument[LARGEST, :] = 0
    for instance in range(book.instance.shape[1]):
        book.instance[WORTH, instance] = terms.capital[instance] + book.instance[FLOW, instance]
    for leg in range(len(book.leg)):
        quantity, live = book.leg[leg, LegPlace.QUANTITY], book.leg[leg, LegPlace.OPEN]
        if quantity == 0 and live == 0:
            continue
        instrument = terms.leg[leg, Sized.INSTRUMENT]
        unit = market.bars[BarPlace.CLOSE, instrument, at] * terms.rule[instrument, RulePlace.WORTH]
        size, low, high = extremes(quantity, live)
        worth += quantity * unit
        book.instance[WORTH, terms.leg[leg, Sized.INSTANCE]] += quantity * unit
        exposure += abs(quantity) * unit
        gross += size * unit
        book.instrument[LARGEST, instrument] += size * unit
        lowest += low * unit
        highest += high * unit
        stale |= is_late(instrument, at, market, terms)
    sums[Sum.EQUITY], sums[Sum.GROSS], sums[Sum.STALE] = worth, gross, stale
    sums[Sum.LOWEST], sums[Sum.HIGHEST] = lowest, highest
    book.curve[at, 0], book.curve[at, 1] = worth, exposure
    _roll(market.time[at], worth, sums)


@piece
def _roll(now: int, worth: int, sums: Integers) -> None:
    """Move day, peak and minute. A day starts with what the last one ended with."""
    if now // MINUTE_S > sums[Sum.MINUTE]:
        sums[Sum.MINUTE], sums[Sum.ORDERS] = now // MINUTE_S, 0
    if now // DAY_S > sums[Sum.DAY]:
        sums[Sum.DAY_START] = worth if sums[Sum.DAY] < 0 else sums[Sum.LAST]
        sums[Sum.DAY] = now // DAY_S
    sums[Sum.PEAK], sums[Sum.LAST] = max(sums[Sum.PEAK], worth), worth


@piece
def _propose(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted) -> int:
    """Work out the order of each leg that has a target; return a leg whose quantity has to be told, else -1."""
    for leg in range(len(book.leg)):
        mine = book.leg[leg]
        mine[LegPlace.OUTCOME], mine[LegPlace.REDUCES], mine[LegPlace.REFUSAL] = ON_TARGET, 0, 0
        if mine[LegPlace.STATE] == NOTHING:
            continue
        if not _propose_leg(leg, at, book, market, terms, wanted):
            return leg
    return -1


@piece
def _propose_leg(leg: int, at: int, book: Book, market: PollTable, terms: Terms,
                 wanted: Wanted) -> bool:  # fmt: skip
    mine = book.leg[leg]
    sized = terms.leg[leg]
    instrument, weight, held = sized[Sized.INSTRUMENT], book.weight[leg], mine[LegPlace.QUANTITY]
    price = market.bars[BarPlace.CLOSE, instrument, at]
    code = _unsizeable(leg, at, weight, price, market, terms)
    if code != 0:
        mine[LegPlace.OUTCOME], mine[LegPlace.REFUSAL] = REFUSED, code
        return True
    lots = standing_lots(leg, at, price, book, market, terms, wanted)
    if lots == UNTOLD:
        return False
    # The far side of a flip may be closed to us; to stay where we are because of it would be the worst of the three.
    if oppose(lots, held) and (terms.account[Term.SPOT] or bars_entries(book, terms)):
        lots = 0
    mine[LegPlace.PROPOSED] = lots
    outcome, missing = change(lots, leg, book.instance[WORTH, sized[Sized.INSTANCE]], price, book, terms)
    mine[LegPlace.OUTCOME] = outcome
    if outcome == ORDERED:
        mine[LegPlace.ORDER] = affordable(missing, price, instrument, book, terms)
        mine[LegPlace.REDUCES] = reduces(held, mine[LegPlace.OPEN], mine[LegPlace.ORDER])
    return True


@piece
def _unsizeable(leg: int, at: int, weight: float, price: int, market: PollTable, terms: Terms) -> int:
    """Return the number of the code for which a target cannot be sized, or 0."""
    if not -1.0 <= weight <= 1.0:
        return BAD_TARGET
    if price <= 0:
        return MISSING_DATA
    if weight != 0.0 and terms.volatility[leg] != 0.0:
        return 0 if 0.0 < market.variance[at, terms.leg[leg, Sized.INSTRUMENT]] < inf else MISSING_DATA
    return 0


@piece
def _judge_all(at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Judge reductions, then entries; the orders of a bundle that adds to a position at the place of the first."""
    for turn in (REDUCTIONS, BUNDLES_THAT_REDUCE, ENTRIES):
        for leg in range(len(book.leg)):
            if book.leg[leg, LegPlace.OUTCOME] == ORDERED and book.leg[leg, LegPlace.JUDGED] <= at:
                _judge_in_turn(turn, leg, at, book, market, terms)


@piece
def _judge_in_turn(turn: int, leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    mine, bundle = book.leg[leg], terms.leg[leg, Sized.BUNDLE]
    adding = bundle >= 0 and _adds(bundle, book, terms)
    its_turn = ENTRIES
    if mine[LegPlace.REDUCES] != 0:
        its_turn = BUNDLES_THAT_REDUCE if adding else REDUCTIONS
    if turn != its_turn:
        return
    if adding:
        _mark(bundle, at, book, terms)
        judge_bundle(bundle, at, book, market, terms)
        return
    mine[LegPlace.JUDGED] = at + 1
    mine[LegPlace.REFUSAL] = judge(leg, at, book, market, terms)
    if mine[LegPlace.REFUSAL] != 0:
        mine[LegPlace.OUTCOME] = REFUSED


@piece
def _adds(bundle: int, book: Book, terms: Terms) -> bool:
    """Return whether any order of a bundle adds to a position."""
    for leg in range(len(book.leg)):
        adds = book.leg[leg, LegPlace.OUTCOME] == ORDERED and book.leg[leg, LegPlace.REDUCES] == 0
        if terms.leg[leg, Sized.BUNDLE] == bundle and adds:
            return True
    return False


@piece
def _mark(bundle: int, at: int, book: Book, terms: Terms) -> None:
    """Note that the orders of a bundle are judged."""
    for leg in range(len(book.leg)):
        if terms.leg[leg, Sized.BUNDLE] == bundle:
            book.leg[leg, LegPlace.JUDGED] = at + 1


@piece
def _remain(at: int, book: Book) -> None:
    """Keep the targets that still stand, and write the refusals whose reason is new."""
    for leg in range(len(book.leg)):
        mine = book.leg[leg]
        if mine[LegPlace.STATE] == NOTHING:
            continue
        code = mine[LegPlace.REFUSAL]
        if mine[LegPlace.OUTCOME] == REFUSED:
            if code != mine[LegPlace.CODE]:
                _write(at, leg, code, book)
            stands = PASSES[code] or (book.weight[leg] == 0.0 and not OVERTAKES[code])
        else:
            stands = mine[LegPlace.OUTCOME] == ORDERED or mine[LegPlace.OPEN] != 0
        if not stands:
            mine[LegPlace.STATE] = NOTHING
        elif code not in (BAD_TARGET, MISSING_DATA):
            mine[LegPlace.STATE], mine[LegPlace.TARGET] = SIZED, mine[LegPlace.PROPOSED]
        mine[LegPlace.CODE] = code


@piece
def _write(at: int, leg: int, code: int, book: Book) -> None:
    row = book.refused[book.sums[Sum.REFUSALS]]
    row[0], row[1], row[2] = at, leg, code
    book.sums[Sum.REFUSALS] += 1
