"""Bars at which an account has nothing to do: no order is live, no target asks for another position,
no stop is reached.

They are only valued. What is not certain here, by floats with room to spare, is left to the scan, which is exact.
"""

from math import isnan

from fanfold.market.timeframes import DAY_S
from fanfold.research.account_book import (
    FLOW,
    HIGH,
    LOW,
    NOTHING,
    WORTH,
    BarPlace,
    Book,
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
from fanfold.research.tape import piece
from fanfold.risk.resting_stops import RESTS_FOR_S

# What floats may be wrong by, as a share, many times over.
ROUNDING = 1e-9


@piece
def pass_calm_bars(
    at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted, money_max: float, guarded: bool
) -> int:  # fmt: skip
    """Value the account over the calm bars of a day from one on, and return the first that is not."""
    sums = book.sums
    if sums[Sum.LIVE] > 0:
        return at
    for leg in range(len(book.leg)):
        if book.leg[leg, LegPlace.STATE] != NOTHING:
            return at
    day_ends, cash, peak, last, first = (sums[Sum.DAY] + 1) * DAY_S, sums[Sum.CASH], sums[Sum.PEAK], sums[Sum.LAST], at
    while at < market.time.size and market.time[at] < day_ends:
        worth, gross = _value_legs(at, cash, book, market, terms)
        if float(abs(worth)) + float(gross) > money_max or not _are_calm(at, book, market, terms, wanted, guarded):
            break
        book.curve[at, 0], book.curve[at, 1] = worth, gross
        peak, last = max(peak, worth), worth
        at += 1
    if at > first:
        sums[Sum.PEAK], sums[Sum.LAST] = peak, last
    return at


@piece
def _value_legs(at: int, cash: int, book: Book, market: PollTable, terms: Terms) -> tuple[int, int]:
    """Value each instance at the closes, and return the worth of the account and that of its positions."""
    worth, gross = cash, 0
    for instance in range(book.instance.shape[1]):
        book.instance[WORTH, instance] = terms.capital[instance] + book.instance[FLOW, instance]
    for leg in range(len(book.leg)):
        quantity = book.leg[leg, LegPlace.QUANTITY]
        if quantity != 0:
            instrument = terms.leg[leg, Sized.INSTRUMENT]
            amount = quantity * market.bars[BarPlace.CLOSE, instrument, at] * terms.rule[instrument, RulePlace.WORTH]
            worth += amount
            gross += abs(amount)
            book.instance[WORTH, terms.leg[leg, Sized.INSTANCE]] += amount
    return worth, gross


@piece
def _are_calm(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted, guarded: bool) -> bool:
    for leg in range(len(book.leg)):
        weight = wanted.weight[leg, at]
        if guarded and not _is_guard_calm(leg, at, weight, book, market, terms, wanted):
            return False
        if isnan(weight) or (guarded and book.leg[leg, LegPlace.OUT] != 0):
            continue
        quantity = book.leg[leg, LegPlace.QUANTITY]
        price = market.bars[BarPlace.CLOSE, terms.leg[leg, Sized.INSTRUMENT], at]
        if price <= 0 or (weight == 0.0) != (quantity == 0):
            return False
        if quantity != 0 and not _is_in_band(leg, weight, quantity, price, book, terms):
            return False
    return True


@piece
def _is_guard_calm(
    leg: int, at: int, weight: float, book: Book, market: PollTable, terms: Terms, wanted: Wanted
) -> bool:  # fmt: skip
    """Return whether a leg's protection surely stays as it is: flat, or with a stop that rests and is not reached."""
    mine, stop = book.leg[leg], book.stop[leg]
    quantity, out, row = mine[LegPlace.QUANTITY], mine[LegPlace.OUT], mine[LegPlace.GUARD]
    if quantity == 0:
        # What is out stays out as long as the same side is wanted.
        same = isnan(weight) or (weight > 0.0 if out > 0 else weight < 0.0 if out < 0 else weight == 0.0 and row < 0)
        calm: bool = stop[StopPlace.NOTED] == 0 and same and (out == 0 or terms.leg[leg, Sized.BUNDLE] < 0)
        return calm
    if row < 0 and out == 0:
        unprotected: bool = stop[StopPlace.NOTED] == 0 and wanted.protection[0, leg] < 0
        return unprotected
    if out != 0 or stop[StopPlace.RESTS] == 0 or stop[StopPlace.WITHDRAWN] + stop[StopPlace.TRIGGERED] > 0:
        return False
    # A trail moves with each close.
    whole = stop[StopPlace.LOTS] == abs(quantity) and wanted.shares[row, 4] == 0 and row == wanted.protection[0, leg]
    return whole and _is_out_of_reach(leg, at, book, market, terms)


@piece
def _is_out_of_reach(leg: int, at: int, book: Book, market: PollTable, terms: Terms) -> bool:
    """Return whether a bar reaches neither a stop nor its profit, and the stop does not expire."""
    stop, instrument = book.stop[leg], terms.leg[leg, Sized.INSTRUMENT]
    sign, level, profit = stop[StopPlace.SIGN], stop[StopPlace.PRICE], stop[StopPlace.PROFIT]
    now, close = market.time[at], market.bars[BarPlace.CLOSE, instrument, at]
    if now >= stop[StopPlace.DECIDED_AT] + RESTS_FOR_S or too_small(stop[StopPlace.LOTS], instrument, close, terms):
        return False
    losing, winning = close, close
    if market.bars[BarPlace.SEEN, instrument, at]:
        losing = market.span[at, instrument, LOW if sign > 0 else HIGH]
        winning = market.span[at, instrument, HIGH if sign > 0 else LOW]
    if level > 0 and sign * (losing - level) <= 0:
        return False
    reached: bool = profit > 0 and sign * (profit - winning) < terms.rule[instrument, RulePlace.TICK]
    return not reached


@piece
def _is_in_band(leg: int, weight: float, quantity: int, price: int, book: Book, terms: Terms) -> bool:
    """Return whether a position is surely so near to what its weight comes to that no order is worth it."""
    sized = terms.leg[leg]
    instrument = sized[Sized.INSTRUMENT]
    worth, tick = book.instance[WORTH, sized[Sized.INSTANCE]], terms.rule[instrument, RulePlace.TICK]
    money, lot = float(worth - sized[Sized.SLACK]), float(price * terms.rule[instrument, RulePlace.WORTH])
    if terms.volatility[leg] != 0.0 or money <= 0.0 or abs(weight) > 1.0 or weight * quantity < 0.0:
        return False
    cost, doubt = lot * float(sized[Sized.SHARES]), ROUNDING
    if terms.account[Term.SPOT]:
        cost *= 1.0 + terms.rate[Rate.COLLAR, 0] / terms.rate[Rate.COLLAR, 1]
        cost *= 1.0 + terms.rate[Rate.FEE_MAX, 0] / terms.rate[Rate.FEE_MAX, 1]
        # The limit of a buy is a tick away, where the band is narrower than that.
        doubt += float(tick) / float(price)
    lots = abs(weight) * money / cost
    # Rounded down to whole lots.
    off = (abs(lots - abs(quantity)) + 1.0 + lots * doubt) * lot * float(sized[Sized.SHARES])
    narrow = off * float(sized[Sized.BAND_BY]) < float(sized[Sized.BAND_OF]) * float(worth) * (1.0 - ROUNDING)
    return narrow and lots * (1.0 - doubt) > 2.0 and not too_small(quantity, instrument, price, terms)
