"""Bars at which an account has nothing to do: no order is live, no target asks for another position,
no stop is reached.

They are only valued, several at once: bounds of prices say up to where a leg surely stays in its band and its stop out
of reach. What is not certain here, by floats with room to spare, is left to the scan, which is exact.
"""

from math import isnan

import numpy as np

from fanfold.market.timeframes import DAY_S
from fanfold.research.account_book import (
    BLOCK,
    FLOW,
    HIGH,
    INT64_MAX,
    LOW,
    NOTHING,
    WORTH_LEAST,
    WORTH_MOST,
    BarPlace,
    Book,
    CalmBound,
    LegPlace,
    PollTable,
    Rate,
    RulePlace,
    Sized,
    StopPlace,
    Sum,
    Term,
    Terms,
    Wanted,
)
from fanfold.research.account_sizing import too_small
from fanfold.research.columns import Floats, Integers
from fanfold.research.tape import piece
from fanfold.risk.resting_stops import RESTS_FOR_S

# What floats may be wrong by, as a share, many times over.
ROUNDING = 1e-9
# How far prices may move, as shares, before bounds are set anew: less, where a leg is near the edge of its band.
AROUND = (0.03, 0.003, 0.0003, 0.0)
# Few bars are valued at first, for many runs are short.
FEW = 8


@piece
def pass_calm_bars(
    at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted, money_max: float, guarded: bool
) -> int:  # fmt: skip
    """Value the account over the calm bars of a day from one on, and return the first that is not."""
    sums, end = book.sums, market.time.size
    if sums[Sum.LIVE] > 0:
        return at
    for leg in range(len(book.leg)):
        if book.leg[leg, LegPlace.STATE] != NOTHING:
            return at
    day_ends, first = (sums[Sum.DAY] + 1) * DAY_S, at
    while at < end and market.time[at] < day_ends:
        until, begun, count = min(day_ends, _still_until(at, book, terms, wanted, guarded)), at, FEW
        if until <= market.time[at] or not _is_around(at, book, market, terms, money_max, guarded):
            break
        passed = _value(at, min(count, end - at), until, book, market, terms, wanted, guarded)
        while passed == count:
            at, count = at + passed, BLOCK
            passed = _value(at, min(count, end - at), until, book, market, terms, wanted, guarded)
        at += passed
        if at == begun:
            break
    if at > first:
        sums[Sum.LAST] = book.curve[at - 1, 0]
    return at


@piece
def _still_until(at: int, book: Book, terms: Terms, wanted: Wanted, guarded: bool) -> int:
    """Return up to when nothing changes while the same is wanted and no price is out of bounds; 0 where it does."""
    until = INT64_MAX
    for leg in range(len(book.leg)):
        mine, weight = book.leg[leg], wanted.weight[leg, at]
        book.bound_weight[leg] = weight
        if guarded:
            until = min(until, _guard_until(leg, weight, book, terms, wanted))
        silent = isnan(weight) or (guarded and mine[LegPlace.OUT] != 0)
        if not silent and (weight == 0.0) != (mine[LegPlace.QUANTITY] == 0):
            return 0
        # A leg that says nothing needs no price.
        book.bound[leg, CalmBound.PRICE_LEAST], book.bound[leg, CalmBound.PRICE_MOST] = 0 if silent else 1, INT64_MAX
    return until


@piece
def _guard_until(leg: int, weight: float, book: Book, terms: Terms, wanted: Wanted) -> int:
    """Return up to when a leg's protection stays as it is, flat or with a stop that rests, and set the bounds that
    reach neither the stop nor its profit; 0 where it may change.
    """
    mine, stop, bound = book.leg[leg], book.stop[leg], book.bound[leg]
    quantity, out, row = mine[LegPlace.QUANTITY], mine[LegPlace.OUT], mine[LegPlace.GUARD]
    bound[CalmBound.LOW_LEAST], bound[CalmBound.HIGH_MOST] = -INT64_MAX, INT64_MAX
    if quantity == 0:
        # What is out stays out as long as the same side is wanted.
        same = isnan(weight) or (weight > 0.0 if out > 0 else weight < 0.0 if out < 0 else weight == 0.0 and row < 0)
        calm = stop[StopPlace.NOTED] == 0 and same and (out == 0 or terms.leg[leg, Sized.BUNDLE] < 0)
        return INT64_MAX if calm else 0
    if row < 0 and out == 0:
        return INT64_MAX if stop[StopPlace.NOTED] == 0 and wanted.protection[0, leg] < 0 else 0
    if out != 0 or stop[StopPlace.RESTS] == 0 or stop[StopPlace.WITHDRAWN] + stop[StopPlace.TRIGGERED] > 0:
        return 0
    # A trail moves with each close.
    if stop[StopPlace.LOTS] != abs(quantity) or wanted.shares[row, 4] != 0 or row != wanted.protection[0, leg]:
        return 0
    _keep_from(stop, terms.rule[terms.leg[leg, Sized.INSTRUMENT], RulePlace.TICK], bound)
    return stop[StopPlace.DECIDED_AT] + RESTS_FOR_S  # type: ignore[no-any-return]


@piece
def _keep_from(stop: Integers, tick: int, bound: Integers) -> None:
    """Set the bounds of lows and highs that reach neither a stop nor its profit."""
    level, profit = stop[StopPlace.PRICE], stop[StopPlace.PROFIT]
    if stop[StopPlace.SIGN] > 0:
        bound[CalmBound.LOW_LEAST] = level + 1 if level > 0 else -INT64_MAX
        bound[CalmBound.HIGH_MOST] = profit - tick if profit > 0 else INT64_MAX
    else:
        bound[CalmBound.HIGH_MOST] = level - 1 if level > 0 else INT64_MAX
        bound[CalmBound.LOW_LEAST] = profit + tick if profit > 0 else -INT64_MAX


@piece
def _is_around(at: int, book: Book, market: PollTable, terms: Terms, money_max: float, guarded: bool) -> bool:
    """Return whether each leg is surely in its band, and set bounds of closes within which all of them are."""
    for part in AROUND:
        if _bound_prices(at, part, book, market, terms) <= money_max and _are_in_bands(book, terms, guarded):
            return True
    return False


@piece
def _bound_prices(at: int, part: float, book: Book, market: PollTable, terms: Terms) -> float:
    """Set bounds of closes a share around those of a time, and of what instances are worth within them.

    Return the most money that the account is worth and holds in positions then.
    """
    most = abs(float(book.sums[Sum.CASH]))
    for instance in range(book.instance.shape[1]):
        worth = terms.capital[instance] + book.instance[FLOW, instance]
        book.instance[WORTH_LEAST, instance], book.instance[WORTH_MOST, instance] = worth, worth
    for leg in range(len(book.leg)):
        bound, quantity, instrument = (
            book.bound[leg],
            book.leg[leg, LegPlace.QUANTITY],
            terms.leg[leg, Sized.INSTRUMENT],
        )
        bound[CalmBound.UNIT] = quantity * terms.rule[instrument, RulePlace.WORTH]
        if quantity == 0:
            continue
        price = market.bars[BarPlace.CLOSE, instrument, at]
        off = int(price * part)
        bound[CalmBound.PRICE_LEAST], bound[CalmBound.PRICE_MOST] = max(price - off, 1), price + off
        low, high = bound[CalmBound.UNIT] * (price - off), bound[CalmBound.UNIT] * (price + off)
        book.instance[WORTH_LEAST, terms.leg[leg, Sized.INSTANCE]] += min(low, high)
        book.instance[WORTH_MOST, terms.leg[leg, Sized.INSTANCE]] += max(low, high)
        most += 2.0 * float(max(abs(low), abs(high)))
    return most


@piece
def _are_in_bands(book: Book, terms: Terms, guarded: bool) -> bool:
    for leg in range(len(book.leg)):
        weight, quantity = book.bound_weight[leg], book.leg[leg, LegPlace.QUANTITY]
        silent = isnan(weight) or (guarded and book.leg[leg, LegPlace.OUT] != 0)
        if quantity == 0 or (silent and not guarded):
            continue
        least = book.bound[leg, CalmBound.PRICE_LEAST]
        if too_small(quantity, terms.leg[leg, Sized.INSTRUMENT], least, terms):
            return False
        if not silent and not _is_in_band(leg, weight, quantity, book, terms):
            return False
    return True


@piece
def _is_in_band(leg: int, weight: float, quantity: int, book: Book, terms: Terms) -> bool:
    """Return whether a position is, within its bounds, surely so near to its weight that no order is worth it."""
    sized, bound = terms.leg[leg], book.bound[leg]
    least, most = book.instance[WORTH_LEAST, sized[Sized.INSTANCE]], book.instance[WORTH_MOST, sized[Sized.INSTANCE]]
    if terms.volatility[leg] != 0.0 or least <= sized[Sized.SLACK] or abs(weight) > 1.0 or weight * quantity < 0.0:
        return False
    rule, more, doubt = terms.rule[sized[Sized.INSTRUMENT]], float(sized[Sized.SHARES]), ROUNDING
    cheap = float(bound[CalmBound.PRICE_LEAST] * rule[RulePlace.WORTH])
    dear = float(bound[CalmBound.PRICE_MOST] * rule[RulePlace.WORTH])
    if terms.account[Term.SPOT]:
        more *= 1.0 + terms.rate[Rate.COLLAR, 0] / terms.rate[Rate.COLLAR, 1]
        more *= 1.0 + terms.rate[Rate.FEE_MAX, 0] / terms.rate[Rate.FEE_MAX, 1]
        # The limit of a buy is a tick away, where the band is narrower than that.
        doubt += float(rule[RulePlace.TICK]) / float(bound[CalmBound.PRICE_LEAST])
    fewest = abs(weight) * float(least - sized[Sized.SLACK]) / (dear * more)
    largest = abs(weight) * float(most - sized[Sized.SLACK]) / (cheap * more)
    # Rounded down to whole lots.
    off = max(largest - abs(quantity), abs(quantity) - fewest) + 1.0 + largest * doubt
    cost = off * dear * float(sized[Sized.SHARES]) * float(sized[Sized.BAND_BY])
    narrow: bool = cost < float(sized[Sized.BAND_OF]) * float(least) * (1.0 - ROUNDING)
    return narrow and fewest * (1.0 - doubt) > 2.0


@piece
def _value(
    at: int, count: int, until: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted, guarded: bool
) -> int:  # fmt: skip
    """Value the account at so many bars, and return how many of them, from the first on, are calm."""
    worth, gross, calm, times = book.block[0], book.block[1], book.block[2], market.time[at : at + count]
    cash, peak, passed = book.sums[Sum.CASH], book.sums[Sum.PEAK], 0
    for bar in range(np.uint64(count)):
        worth[bar], gross[bar], calm[bar] = cash, 0, times[bar] < until
    for leg in range(len(book.leg)):
        bound, weights = book.bound[leg], wanted.weight[leg, at : at + count]
        instrument = terms.leg[leg, Sized.INSTRUMENT]
        _add(market.bars[BarPlace.CLOSE, instrument, at : at + count], bound, worth, gross)
        _hold_to(market.bars[BarPlace.CLOSE, instrument, at : at + count], weights, book.bound_weight[leg], bound, calm)
        if guarded:
            _keep_within(
                market.span[LOW, instrument, at : at + count],
                market.span[HIGH, instrument, at : at + count],
                bound,
                calm,
            )
    while passed < count and calm[passed] != 0:
        book.curve[at + passed, 0], book.curve[at + passed, 1] = worth[passed], gross[passed]
        peak = max(peak, worth[passed])
        passed += 1
    book.sums[Sum.PEAK] = peak
    return passed


@piece
def _add(closes: Integers, bound: Integers, worth: Integers, gross: Integers) -> None:
    """Add the worth of a position at closes."""
    unit = bound[CalmBound.UNIT]
    if unit == 0:
        return
    for bar in range(np.uint64(closes.size)):
        worth[bar] += unit * closes[bar]
        gross[bar] += abs(unit) * closes[bar]


@piece
def _hold_to(closes: Integers, weights: Floats, weight: float, bound: Integers, calm: Integers) -> None:
    """Leave calm the bars whose close is within bounds, and at which the same weight is wanted, or none."""
    least, most = bound[CalmBound.PRICE_LEAST], bound[CalmBound.PRICE_MOST]
    for bar in range(np.uint64(closes.size)):
        same = (weights[bar] == weight) | (weights[bar] != weights[bar])
        calm[bar] &= same & (closes[bar] >= least) & (closes[bar] <= most)


@piece
def _keep_within(lows: Integers, highs: Integers, bound: Integers, calm: Integers) -> None:
    """Leave calm the bars that reach neither a stop nor its profit; of one that was not seen low and high are 0."""
    least, most = bound[CalmBound.LOW_LEAST], bound[CalmBound.HIGH_MOST]
    if least == -INT64_MAX and most == INT64_MAX:
        return
    for bar in range(np.uint64(lows.size)):
        calm[bar] &= (lows[bar] >= least) & (highs[bar] <= most)
