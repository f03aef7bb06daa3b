"""The pre-trade checks of ``risk.rules`` in compiled code, in their order, for an account that is ACTIVE on paper.

A check that cannot object there is left out: of unknown names, of frozen books, of duplicates, and of steps and bands
that the sizing keeps.
"""

from fanfold.codes import Code
from fanfold.research.account_book import (
    LARGEST,
    BarPlace,
    Book,
    LegPlace,
    PollTable,
    Rate,
    RulePlace,
    Sized,
    Sum,
    Term,
    Terms,
)
from fanfold.research.account_sizing import ON_TARGET, ORDERED, REFUSED, limit_of, reservation
from fanfold.research.tape import agree, oppose, piece, share_of
from fanfold.risk.remaining import OVERTAKEN, PASSING

CODES = tuple(Code)
# The number of each code, from 1 on, in their order.
(
    UNKNOWN_ACCOUNT, UNKNOWN_INSTANCE, UNKNOWN_INSTRUMENT, BAD_TARGET, MISSING_DATA, KILL_STATE, FROZEN, STALE_SIGNAL,
    STALE_BAR, DUPLICATE_INTENT, OPPOSING_ORDER, SPOT_SHORT, LOT_STEP, TICK_STEP, NOTIONAL_MIN, AMOUNT_MIN,
    PRICE_COLLAR, NO_CASH, ORDER_NOTIONAL, POSITION_NOTIONAL, GROSS_EXPOSURE, NET_EXPOSURE, ORDER_RATE, DAILY_LOSS,
    DRAWDOWN, BUNDLE,
) = range(1, len(CODES) + 1)  # fmt: skip
# By the number of a code: whether a target that was refused for it stands, and whether an exit does not.
PASSES = (False, *(code in PASSING for code in CODES))
OVERTAKES = (False, *(code in OVERTAKEN for code in CODES))


@piece
def over(figure: int, limit: int, terms: Terms, of: int) -> bool:
    """Return whether a figure is over a limit's share of another."""
    return figure > share_of(of, terms.rate[limit, 0], terms.rate[limit, 1])


@piece
def bars_entries(book: Book, terms: Terms) -> bool:
    """Return whether only reductions may pass."""
    sums = book.sums
    return (
        sums[Sum.STALE] != 0
        or over(sums[Sum.DAY_START] - sums[Sum.EQUITY], Rate.DAILY_LOSS, terms, sums[Sum.DAY_START])
        or over(sums[Sum.PEAK] - sums[Sum.EQUITY], Rate.DRAWDOWN, terms, sums[Sum.PEAK])
    )


@piece
def is_late(instrument: int, at: int, market: PollTable, terms: Terms) -> bool:
    """Return whether the newest bar of an instrument is too old; one of this time is not."""
    if market.seen[instrument, at]:
        return False
    closed_at = market.bars[BarPlace.CLOSED_AT, instrument, at]
    return market.time[at] - closed_at > terms.account[Term.BAR_AGE_S]


@piece
def reduces(held: int, live: int, lots: int) -> bool:
    """Return whether an order only takes a position towards zero, however live orders fill."""
    pending = live if agree(live, lots) else 0
    return oppose(held, lots) and abs(pending + lots) <= abs(held)


@piece
def extremes(held: int, live: int) -> tuple[int, int, int]:
    """Return the largest size that live orders can lead to, the lowest and the highest quantity."""
    filled = held + live
    return max(abs(held), abs(filled)), min(held, filled), max(held, filled)


@piece
def _moved(leg: int, lots: int, unit: int, book: Book) -> tuple[int, int, int]:
    """Return what an order adds to the worth of the largest, the lowest and the highest position."""
    mine = book.leg[leg]
    held, live = mine[LegPlace.QUANTITY], mine[LegPlace.OPEN]
    size, low, high = extremes(held, live)
    size_after, low_after, high_after = extremes(held, live + lots)
    return (size_after - size) * unit, (low_after - low) * unit, (high_after - high) * unit


@piece
def judge(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> int:
    """Return the number of the code that refuses a leg's order; 0, and it is live, where none does."""
    mine = book.leg[leg]
    lots, reduction = mine[LegPlace.ORDER], mine[LegPlace.REDUCES] != 0
    instrument = terms.leg[leg, Sized.INSTRUMENT]
    price = market.bars[BarPlace.CLOSE, instrument, at]
    unit = price * terms.rule[instrument, RulePlace.WORTH]
    code = _of_order(leg, at, lots, reduction, unit, book, market, terms)
    reserved = reservation(lots, price, instrument, terms) if terms.account[Term.SPOT] and lots > 0 else 0
    if code == 0 and reserved > 0 and reserved > book.sums[Sum.CASH] - book.sums[Sum.RESERVED]:
        code = NO_CASH
    if code == 0 and not reduction:
        code = _of_account(leg, lots, unit, book, terms)
    if code == 0:
        _count(leg, lots, unit, 1, book, terms)
        mine[LegPlace.LIMIT] = limit_of(lots, price, terms.rule[instrument, RulePlace.TICK], terms)
        mine[LegPlace.RESERVED], mine[LegPlace.DECIDED_AT] = reserved, market.time[at]
        mine[LegPlace.ARRIVED] = book.sums[Sum.ARRIVALS]
        book.sums[Sum.ARRIVALS] += 1
        book.sums[Sum.LIVE] += 1
        book.sums[Sum.RESERVED] += reserved
    return code


@piece
def _of_order(
    leg: int, at: int, lots: int, reduction: bool, unit: int, book: Book, market: PollTable, terms: Terms
) -> int:  # fmt: skip
    mine = book.leg[leg]
    instrument = terms.leg[leg, Sized.INSTRUMENT]
    if not reduction and (book.sums[Sum.STALE] != 0 or is_late(instrument, at, market, terms)):
        return STALE_BAR
    if oppose(mine[LegPlace.OPEN], lots):
        return OPPOSING_ORDER
    there = min(mine[LegPlace.QUANTITY], mine[LegPlace.QUANTITY] + mine[LegPlace.OPEN])
    if terms.account[Term.SPOT] and lots < 0 and -lots > there:
        return SPOT_SHORT
    if abs(lots) * unit < terms.rule[instrument, RulePlace.NOTIONAL_MIN]:
        return NOTIONAL_MIN
    return AMOUNT_MIN if abs(lots) < terms.rule[instrument, RulePlace.LOTS_MIN] else 0


@piece
def _of_account(leg: int, lots: int, unit: int, book: Book, terms: Terms) -> int:
    sums, account = book.sums, terms.account
    largest, lowest, highest = _moved(leg, lots, unit, book)
    position = book.instrument[LARGEST, terms.leg[leg, Sized.INSTRUMENT]] + largest
    extreme = sums[Sum.HIGHEST] + highest if lots > 0 else -sums[Sum.LOWEST] - lowest
    code = 0
    if abs(lots) * unit > account[Term.ORDER_MAX]:
        code = ORDER_NOTIONAL
    elif position > account[Term.POSITION_MAX]:
        code = POSITION_NOTIONAL
    elif over(sums[Sum.GROSS] + largest, Rate.GROSS, terms, sums[Sum.EQUITY]):
        code = GROSS_EXPOSURE
    elif over(extreme, Rate.NET, terms, sums[Sum.EQUITY]):
        code = NET_EXPOSURE
    elif sums[Sum.ORDERS] + 1 > account[Term.ORDERS_A_MINUTE]:
        code = ORDER_RATE
    elif over(sums[Sum.DAY_START] - sums[Sum.EQUITY], Rate.DAILY_LOSS, terms, sums[Sum.DAY_START]):
        code = DAILY_LOSS
    elif over(sums[Sum.PEAK] - sums[Sum.EQUITY], Rate.DRAWDOWN, terms, sums[Sum.PEAK]):
        code = DRAWDOWN
    return code


@piece
def _count(leg: int, lots: int, unit: int, times: int, book: Book, terms: Terms) -> None:
    """Count an order as live, or, with ``times`` of -1, one that was not to be."""
    mine = book.leg[leg]
    sums = book.sums
    if times < 0:
        mine[LegPlace.OPEN] -= lots
    largest, lowest, highest = _moved(leg, lots, unit, book)
    book.instrument[LARGEST, terms.leg[leg, Sized.INSTRUMENT]] += times * largest
    sums[Sum.GROSS] += times * largest
    sums[Sum.LOWEST] += times * lowest
    sums[Sum.HIGHEST] += times * highest
    sums[Sum.ORDERS] += times
    if times > 0:
        mine[LegPlace.OPEN] += lots


@piece
def take_back(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Forget an order that was counted as live."""
    mine = book.leg[leg]
    instrument = terms.leg[leg, Sized.INSTRUMENT]
    unit = market.bars[BarPlace.CLOSE, instrument, at] * terms.rule[instrument, RulePlace.WORTH]
    _count(leg, mine[LegPlace.ORDER], unit, -1, book, terms)
    book.sums[Sum.RESERVED] -= mine[LegPlace.RESERVED]
    book.sums[Sum.LIVE] -= 1
    mine[LegPlace.RESERVED] = 0


@piece
def judge_bundle(bundle: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Judge the orders of a bundle, reductions first: all of its legs are ordered, or none."""
    broken = False
    for reduction in (1, 0):
        for leg in range(len(book.leg)):
            if terms.leg[leg, Sized.BUNDLE] != bundle or book.leg[leg, LegPlace.REDUCES] != reduction:
                continue
            if book.leg[leg, LegPlace.OUTCOME] == ORDERED:
                book.leg[leg, LegPlace.REFUSAL] = judge(leg, at, book, market, terms)
                broken = broken or book.leg[leg, LegPlace.REFUSAL] != 0
            else:
                broken = broken or book.leg[leg, LegPlace.OUTCOME] != ON_TARGET
    for leg in range(len(book.leg)):
        if terms.leg[leg, Sized.BUNDLE] == bundle and book.leg[leg, LegPlace.OUTCOME] == ORDERED and broken:
            if book.leg[leg, LegPlace.REFUSAL] == 0:
                take_back(leg, at, book, market, terms)
                book.leg[leg, LegPlace.REFUSAL] = BUNDLE
            book.leg[leg, LegPlace.OUTCOME] = REFUSED
