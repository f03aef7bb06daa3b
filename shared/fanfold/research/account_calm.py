"""Bars at which an account has nothing to do: no order is live, and no target asks for another position.

They are only valued. What is not certain here, by floats with room to spare, is left to the scan, which is exact.
"""

from math import isnan

from fanfold.market.timeframes import DAY_S
from fanfold.research.account_book import (
    FLOW,
    NOTHING,
    WORTH,
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
    Wanted,
)
from fanfold.research.account_sizing import too_small
from fanfold.research.tape import piece

# What floats may be wrong by, as a share, many times over.
ROUNDING = 1e-9


@piece
def pass_calm_bars(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted, money_max: float) -> int:
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
        if float(abs(worth)) + float(gross) > money_max or not _are_calm(at, book, market, terms, wanted):
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
            amount = quantity * market.bars[at, instrument, BarPlace.CLOSE] * terms.rule[instrument, RulePlace.WORTH]
            worth += amount
            gross += abs(amount)
            book.instance[WORTH, terms.leg[leg, Sized.INSTANCE]] += amount
    return worth, gross


@piece
def _are_calm(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted) -> bool:
    for leg in range(len(book.leg)):
        weight = wanted.weight[at, leg]
        if isnan(weight):
            continue
        quantity = book.leg[leg, LegPlace.QUANTITY]
        price = market.bars[at, terms.leg[leg, Sized.INSTRUMENT], BarPlace.CLOSE]
        if price <= 0 or (weight == 0.0) != (quantity == 0):
            return False
        if quantity != 0 and not _is_in_band(leg, weight, quantity, price, book, terms):
            return False
    return True


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
