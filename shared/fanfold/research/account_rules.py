"""The pre-trade checks of ``risk.rules`` in compiled code, in their order, for an account that is ACTIVE on paper.

A check that cannot object there is left out: of unknown names, of frozen books, of duplicates, and of steps and bands
that the sizing keeps.
"""

from fanfold.codes import Code
from fanfold.research.account_book import (
    LARGEST,
    AccountField,
    AccountRate,
    AccountTerm,
    BarField,
    Book,
    LegField,
    LegTerm,
    PollTable,
    RuleField,
    Terms,
)
from fanfold.research.account_sizing import CERTAIN, ON_TARGET, ORDERED, REFUSED, limit_of, reservation
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
    part, whole = terms.rate[limit, 0], terms.rate[limit, 1]
    left, right = float(figure) * float(whole), float(of) * float(part)
    # Floats tell without a division, unless the two are as good as equal.
    if abs(left - right) > CERTAIN * (abs(left) + abs(right)):
        return left > right
    return figure > share_of(of, part, whole)


@piece
def bars_entries(book: Book, terms: Terms) -> bool:
    """Return whether only reductions may pass."""
    sums = book.sums
    return (
        sums[AccountField.STALE] != 0
        or over(
            sums[AccountField.DAY_START] - sums[AccountField.EQUITY],
            AccountRate.DAILY_LOSS,
            terms,
            sums[AccountField.DAY_START],
        )
        or over(
            sums[AccountField.PEAK] - sums[AccountField.EQUITY], AccountRate.DRAWDOWN, terms, sums[AccountField.PEAK]
        )
    )


@piece
def is_late(instrument: int, at: int, market: PollTable, terms: Terms) -> bool:
    """Return whether the newest bar of an instrument is too old; one of this time is not."""
    if market.seen[instrument, at]:
        return False
    closed_at = market.bars[BarField.CLOSED_AT, instrument, at]
    return market.time[at] - closed_at > terms.account[AccountTerm.BAR_AGE_S]


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
    held, live = mine[LegField.QUANTITY], mine[LegField.OPEN]
    size, low, high = extremes(held, live)
    size_after, low_after, high_after = extremes(held, live + lots)
    return (size_after - size) * unit, (low_after - low) * unit, (high_after - high) * unit


@piece
def judge(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> int:
    """Return the number of the code that refuses a leg's order; 0, and it is live, where none does."""
    mine = book.leg[leg]
    lots, reduction = mine[LegField.ORDER], mine[LegField.REDUCES] != 0
    instrument = terms.leg[leg, LegTerm.INSTRUMENT]
    price = market.bars[BarField.CLOSE, instrument, at]
    unit = price * terms.rule[instrument, RuleField.WORTH]
    code = _of_order(leg, at, lots, reduction, unit, book, market, terms)
    reserved = reservation(lots, price, instrument, terms) if terms.account[AccountTerm.SPOT] and lots > 0 else 0
    if code == 0 and reserved > 0 and reserved > book.sums[AccountField.CASH] - book.sums[AccountField.RESERVED]:
        code = NO_CASH
    if code == 0 and not reduction:
        code = _of_account(leg, lots, unit, book, terms)
    if code == 0:
        _count(leg, lots, unit, 1, book, terms)
        mine[LegField.LIMIT] = limit_of(lots, price, terms.rule[instrument, RuleField.TICK], terms)
        mine[LegField.RESERVED], mine[LegField.DECIDED_AT] = reserved, market.time[at]
        mine[LegField.ARRIVED] = book.sums[AccountField.ARRIVALS]
        book.sums[AccountField.ARRIVALS] += 1
        book.sums[AccountField.LIVE] += 1
        book.sums[AccountField.RESERVED] += reserved
    return code


@piece
def _of_order(
    leg: int, at: int, lots: int, reduction: bool, unit: int, book: Book, market: PollTable, terms: Terms
) -> int:  # fmt: skip
    mine = book.leg[leg]
    instrument = terms.leg[leg, LegTerm.INSTRUMENT]
    if not reduction and (book.sums[AccountField.STALE] != 0 or is_late(instrument, at, market, terms)):
        return STALE_BAR
    if oppose(mine[LegField.OPEN], lots):
        return OPPOSING_ORDER
    there = min(mine[LegField.QUANTITY], mine[LegField.QUANTITY] + mine[LegField.OPEN])
    if terms.account[AccountTerm.SPOT] and lots < 0 and -lots > there:
        return SPOT_SHORT
    if abs(lots) * unit < terms.rule[instrument, RuleField.NOTIONAL_MIN]:
        return NOTIONAL_MIN
    return AMOUNT_MIN if abs(lots) < terms.rule[instrument, RuleField.LOTS_MIN] else 0


@piece
def _of_account(leg: int, lots: int, unit: int, book: Book, terms: Terms) -> int:
    sums, account = book.sums, terms.account
    largest, lowest, highest = _moved(leg, lots, unit, book)
    position = book.instrument[LARGEST, terms.leg[leg, LegTerm.INSTRUMENT]] + largest
    extreme = sums[AccountField.HIGHEST] + highest if lots > 0 else -sums[AccountField.LOWEST] - lowest
    code = 0
    if abs(lots) * unit > account[AccountTerm.ORDER_MAX]:
        code = ORDER_NOTIONAL
    elif position > account[AccountTerm.POSITION_MAX]:
        code = POSITION_NOTIONAL
    elif over(sums[AccountField.GROSS] + largest, AccountRate.GROSS, terms, sums[AccountField.EQUITY]):
        code = GROSS_EXPOSURE
    elif over(extreme, AccountRate.NET, terms, sums[AccountField.EQUITY]):
        code = NET_EXPOSURE
    elif sums[AccountField.ORDERS] + 1 > account[AccountTerm.ORDERS_A_MINUTE]:
        code = ORDER_RATE
    elif over(
        sums[AccountField.DAY_START] - sums[AccountField.EQUITY],
        AccountRate.DAILY_LOSS,
        terms,
        sums[AccountField.DAY_START],
    ):
        code = DAILY_LOSS
    elif over(
        sums[AccountField.PEAK] - sums[AccountField.EQUITY], AccountRate.DRAWDOWN, terms, sums[AccountField.PEAK]
    ):
        code = DRAWDOWN
    return code


@piece
def _count(leg: int, lots: int, unit: int, times: int, book: Book, terms: Terms) -> None:
    """Count an order as live, or, with ``times`` of -1, one that was not to be."""
    mine = book.leg[leg]
    sums = book.sums
    if times < 0:
        mine[LegField.OPEN] -= lots
    largest, lowest, highest = _moved(leg, lots, unit, book)
    book.instrument[LARGEST, terms.leg[leg, LegTerm.INSTRUMENT]] += times * largest
    sums[AccountField.GROSS] += times * largest
    sums[AccountField.LOWEST] += times * lowest
    sums[AccountField.HIGHEST] += times * highest
    sums[AccountField.ORDERS] += times
    if times > 0:
        mine[LegField.OPEN] += lots


@piece
def take_back(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Forget an order that was counted as live."""
    mine = book.leg[leg]
    instrument = terms.leg[leg, LegTerm.INSTRUMENT]
    unit = market.bars[BarField.CLOSE, instrument, at] * terms.rule[instrument, RuleField.WORTH]
    _count(leg, mine[LegField.ORDER], unit, -1, book, terms)
    book.sums[AccountField.RESERVED] -= mine[LegField.RESERVED]
    book.sums[AccountField.LIVE] -= 1
    mine[LegField.RESERVED] = 0


@piece
def judge_bundle(bundle: int, at: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Judge the orders of a bundle, reductions first: all of its legs are ordered, or none."""
    broken = False
    for reduction in (1, 0):
        for leg in range(len(book.leg)):
            if terms.leg[leg, LegTerm.BUNDLE] != bundle or book.leg[leg, LegField.REDUCES] != reduction:
                continue
            if book.leg[leg, LegField.OUTCOME] == ORDERED:
                book.leg[leg, LegField.REFUSAL] = judge(leg, at, book, market, terms)
                broken = broken or book.leg[leg, LegField.REFUSAL] != 0
            else:
                broken = broken or book.leg[leg, LegField.OUTCOME] != ON_TARGET
    for leg in range(len(book.leg)):
        if terms.leg[leg, LegTerm.BUNDLE] == bundle and book.leg[leg, LegField.OUTCOME] == ORDERED and broken:
            if book.leg[leg, LegField.REFUSAL] == 0:
                take_back(leg, at, book, market, terms)
                book.leg[leg, LegField.REFUSAL] = BUNDLE
            book.leg[leg, LegField.OUTCOME] = REFUSED
