"""Bounds of prices within which an account has surely nothing to do, by floats with room to spare.

What is not certain here is left to the scan, which is exact.
"""

from math import isnan

from fanfold.research.account_book import (
    FLOW,
    INT64_MAX,
    WORTH,
    WORTH_LEAST,
    WORTH_MOST,
    AccountField,
    AccountRate,
    AccountTerm,
    BarField,
    Book,
    BoundField,
    LegField,
    LegTerm,
    PollTable,
    RuleField,
    StopField,
    Terms,
    Wanted,
)
from fanfold.research.account_sizing import too_small
from fanfold.research.columns import Integers
from fanfold.research.tape import piece
from fanfold.risk.resting_stops import RESTS_FOR_S

# Many times the relative error of the floats below.
ROUNDING = 1e-9
# How far prices may move, as shares, before bounds are set anew: less, where a leg is near the edge of its band.
AROUND = (0.03, 0.003, 0.0003, 0.0)


@piece
def idle_until(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted, guarded: bool) -> int:
    """Return up to when nothing changes while the same is wanted and no price is out of bounds; 0 where it does."""
    until = INT64_MAX
    for leg in range(len(book.leg)):
        bound, instrument = book.bound[leg], terms.leg[leg, LegTerm.INSTRUMENT]
        weight, price = book.bound_weight[leg], market.bars[BarField.CLOSE, instrument, at]
        if guarded:
            until = min(until, _guard_until(leg, weight, book, terms, wanted))
        silent, flat = _is_silent(leg, book, guarded), book.leg[leg, LegField.QUANTITY] == 0
        if not silent and (weight == 0.0) != flat and (not flat or _pays(leg, weight, price, book, terms)):
            return 0
        # A leg that says nothing needs no price, nor does one that has a price from here on.
        any_price = silent or (price > 0 and market.least[instrument] > 0)
        bound[BoundField.PRICE_LEAST], bound[BoundField.PRICE_MOST] = -INT64_MAX if any_price else 1, INT64_MAX
    return until


@piece
def _pays(leg: int, weight: float, price: int, book: Book, terms: Terms) -> bool:
    """Return whether what a leg without a position wants is, by its last worth, worth an order twice over.

    That is a guess, which spares bounds that would not hold.
    """
    sized = terms.leg[leg]
    rule, worth = terms.rule[sized[LegTerm.INSTRUMENT]], book.instance[WORTH, sized[LegTerm.INSTANCE]]
    least = max(rule[RuleField.NOTIONAL_MIN], max(rule[RuleField.LOTS_MIN], 1) * price * rule[RuleField.WORTH])
    return abs(weight) * float(worth - sized[LegTerm.SLACK]) > 2.0 * float(least) * float(sized[LegTerm.SHARES])


@piece
def _is_silent(leg: int, book: Book, guarded: bool) -> bool:
    """Return whether a leg says nothing, or is not followed."""
    return isnan(book.bound_weight[leg]) or (guarded and book.leg[leg, LegField.OUT] != 0)


@piece
def _guard_until(leg: int, weight: float, book: Book, terms: Terms, wanted: Wanted) -> int:
    """Return up to when a leg's protection stays as it is, flat or with a stop that rests, and set the bounds that
    reach neither the stop nor its profit; 0 where it may change.
    """
    mine, stop, bound = book.leg[leg], book.stop[leg], book.bound[leg]
    quantity, out, row = mine[LegField.QUANTITY], mine[LegField.OUT], mine[LegField.GUARD]
    bound[BoundField.LOW_LEAST], bound[BoundField.HIGH_MOST] = -INT64_MAX, INT64_MAX
    if quantity == 0:
        # A leg that was stopped out stays out as long as the same side is wanted.
        same = isnan(weight) or (weight > 0.0 if out > 0 else weight < 0.0)
        if out == 0 and not isnan(weight):
            same = row == (wanted.protection[0, leg] if weight != 0.0 else -1)
        idle = stop[StopField.NOTED] == 0 and same and (out == 0 or terms.leg[leg, LegTerm.BUNDLE] < 0)
        return INT64_MAX if idle else 0
    if row < 0 and out == 0:
        return INT64_MAX if stop[StopField.NOTED] == 0 and wanted.protection[0, leg] < 0 else 0
    if out != 0 or stop[StopField.RESTS] == 0 or stop[StopField.WITHDRAWN] + stop[StopField.TRIGGERED] > 0:
        return 0
    # A trail moves with each close.
    if stop[StopField.LOTS] != abs(quantity) or wanted.shares[row, 4] != 0 or row != wanted.protection[0, leg]:
        return 0
    _keep_from(stop, terms.rule[terms.leg[leg, LegTerm.INSTRUMENT], RuleField.TICK], bound)
    return stop[StopField.DECIDED_AT] + RESTS_FOR_S  # type: ignore[no-any-return]


@piece
def _keep_from(stop: Integers, tick: int, bound: Integers) -> None:
    """Set the bounds of lows and highs that reach neither a stop nor its profit."""
    level, profit = stop[StopField.PRICE], stop[StopField.PROFIT]
    if stop[StopField.SIGN] > 0:
        bound[BoundField.LOW_LEAST] = level + 1 if level > 0 else -INT64_MAX
        bound[BoundField.HIGH_MOST] = profit - tick if profit > 0 else INT64_MAX
    else:
        bound[BoundField.HIGH_MOST] = level - 1 if level > 0 else INT64_MAX
        bound[BoundField.LOW_LEAST] = profit + tick if profit > 0 else -INT64_MAX


@piece
def is_around(at: int, book: Book, market: PollTable, terms: Terms, money_max: float, guarded: bool) -> bool:
    """Return whether surely no leg is worth an order, and set bounds of closes within which none is."""
    for part in AROUND:
        if _bound_prices(at, part, book, market, terms) <= money_max and (
            _are_settled(at, part, book, market, terms, guarded)
        ):
            return True
    return False


@piece
def _bound_prices(at: int, part: float, book: Book, market: PollTable, terms: Terms) -> float:
    """Set bounds of closes a share around those of a time, and of what instances are worth within them.

    Return the most money that the account is worth and holds in positions then.
    """
    most = abs(float(book.sums[AccountField.CASH]))
    for instance in range(book.instance.shape[1]):
        worth = terms.capital[instance] + book.instance[FLOW, instance]
        book.instance[WORTH_LEAST, instance], book.instance[WORTH_MOST, instance] = worth, worth
    for leg in range(len(book.leg)):
        bound, quantity, instrument = (
            book.bound[leg],
            book.leg[leg, LegField.QUANTITY],
            terms.leg[leg, LegTerm.INSTRUMENT],
        )
        bound[BoundField.UNIT] = quantity * terms.rule[instrument, RuleField.WORTH]
        if quantity == 0:
            continue
        price = market.bars[BarField.CLOSE, instrument, at]
        off = int(price * part)
        bound[BoundField.PRICE_LEAST], bound[BoundField.PRICE_MOST] = max(price - off, 1), price + off
        low, high = bound[BoundField.UNIT] * (price - off), bound[BoundField.UNIT] * (price + off)
        book.instance[WORTH_LEAST, terms.leg[leg, LegTerm.INSTANCE]] += min(low, high)
        book.instance[WORTH_MOST, terms.leg[leg, LegTerm.INSTANCE]] += max(low, high)
        most += 2.0 * float(max(abs(low), abs(high)))
    return most


@piece
def _are_settled(at: int, part: float, book: Book, market: PollTable, terms: Terms, guarded: bool) -> bool:
    """Return whether within their bounds surely no leg is worth an order, and each that has a stop keeps it."""
    for leg in range(len(book.leg)):
        weight, quantity = book.bound_weight[leg], book.leg[leg, LegField.QUANTITY]
        silent, instrument = _is_silent(leg, book, guarded), terms.leg[leg, LegTerm.INSTRUMENT]
        if quantity == 0:
            price = market.bars[BarField.CLOSE, instrument, at]
            if not silent and weight != 0.0 and not _is_too_dear(leg, weight, price, part, book, terms):
                return False
        elif guarded or not silent:
            if too_small(quantity, instrument, book.bound[leg, BoundField.PRICE_LEAST], terms):
                return False
            if not silent and not _is_in_band(leg, weight, quantity, book, terms):
                return False
    return True


@piece
def _is_too_dear(leg: int, weight: float, price: int, part: float, book: Book, terms: Terms) -> bool:
    """Return whether what a leg without a position wants is surely too small for an order, at most prices from a share
    below this one on; set the bound where the price matters.
    """
    sized, bound = terms.leg[leg], book.bound[leg]
    if terms.volatility[leg] != 0.0 or abs(weight) > 1.0:
        return False
    money = book.instance[WORTH_MOST, sized[LegTerm.INSTANCE]] - sized[LegTerm.SLACK]
    rule = terms.rule[sized[LegTerm.INSTRUMENT]]
    # On spot band and fee make it less.
    notional = abs(weight) * float(max(money, 0)) / float(sized[LegTerm.SHARES]) * (1.0 + ROUNDING)
    if money <= 0 or notional < float(rule[RuleField.NOTIONAL_MIN]):
        return True
    bound[BoundField.PRICE_LEAST] = max(price - int(price * part), 1)
    lots = notional / float(bound[BoundField.PRICE_LEAST] * rule[RuleField.WORTH])
    return lots * (1.0 + ROUNDING) < max(float(rule[RuleField.LOTS_MIN]), 1.0)


@piece
def _is_in_band(leg: int, weight: float, quantity: int, book: Book, terms: Terms) -> bool:
    """Return whether a position is, within its bounds, surely so near to its weight that no order is worth it."""
    sized, bound = terms.leg[leg], book.bound[leg]
    least, most = (
        book.instance[WORTH_LEAST, sized[LegTerm.INSTANCE]],
        book.instance[WORTH_MOST, sized[LegTerm.INSTANCE]],
    )
    if terms.volatility[leg] != 0.0 or least <= sized[LegTerm.SLACK] or abs(weight) > 1.0 or weight * quantity < 0.0:
        return False
    rule, more, doubt = terms.rule[sized[LegTerm.INSTRUMENT]], float(sized[LegTerm.SHARES]), ROUNDING
    cheap = float(bound[BoundField.PRICE_LEAST] * rule[RuleField.WORTH])
    dear = float(bound[BoundField.PRICE_MOST] * rule[RuleField.WORTH])
    if terms.account[AccountTerm.SPOT]:
        more *= 1.0 + terms.rate[AccountRate.COLLAR, 0] / terms.rate[AccountRate.COLLAR, 1]
        more *= 1.0 + terms.rate[AccountRate.FEE_MAX, 0] / terms.rate[AccountRate.FEE_MAX, 1]
        # The limit of a buy is a tick away, where the band is narrower than that.
        doubt += float(rule[RuleField.TICK]) / float(bound[BoundField.PRICE_LEAST])
    fewest = abs(weight) * float(least - sized[LegTerm.SLACK]) / (dear * more)
    largest = abs(weight) * float(most - sized[LegTerm.SLACK]) / (cheap * more)
    # Rounded down to whole lots.
    off = max(largest - abs(quantity), abs(quantity) - fewest) + 1.0 + largest * doubt
    cost = off * dear * float(sized[LegTerm.SHARES]) * float(sized[LegTerm.BAND_BY])
    narrow: bool = cost < float(sized[LegTerm.BAND_OF]) * float(least) * (1.0 - ROUNDING)
    return narrow and fewest * (1.0 - doubt) > 2.0
