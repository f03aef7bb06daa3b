"""Sizing in compiled code: what ``risk.sizing`` does in decimals, in 64-bit integers, equal to the last lot."""

from math import sqrt

from fanfold.research.account_book import SIZED, WORTH, Book, Leg, Market, Rate, Rule, Sized, Sum, Term, Terms, Wanted
from fanfold.research.tape import piece

# The outcome of a leg's sizing, besides a number of lots.
ON_TARGET, TOO_SMALL, DUST, ORDERED, REFUSED = 0, 1, 2, 3, 4
# A quotient further from a whole number than this share of it is on the side that its float says.
CERTAIN = 1e-12
FLOAT_DIGITS = 15
LIMB = 2**31 - 1
UNTOLD = -1
# The least integer of 64 bits, which is no quantity.
UNTOLD_LOTS = -(2**63)


@piece
def limit_of(side: int, price: int, tick: int, terms: Terms) -> int:
    """Return the limit of an order at market: the far end of the band, or a tick away."""
    of, by = terms.rate[Rate.COLLAR, 0], terms.rate[Rate.COLLAR, 1]
    if side > 0:
        return max(price * (by + of) // (by * tick), price // tick + 1) * tick
    return max(min(-(-price * (by - of) // (by * tick)), -(-price // tick) - 1), 1) * tick


@piece
def cost_of(price: int, tick: int, terms: Terms) -> tuple[int, int]:
    """Return the most that a lot may cost in ticks, as a fraction: on spot with band and fee."""
    if not terms.account[Term.SPOT]:
        return price, 1
    by, fee_by = terms.rate[Rate.COLLAR, 1], terms.rate[Rate.FEE_MAX, 1]
    dearest = max(price * (by + terms.rate[Rate.COLLAR, 0]), limit_of(1, price, tick, terms) * by)
    return dearest * (fee_by + terms.rate[Rate.FEE_MAX, 0]), by * fee_by


@piece
def scaled(weight: float, leg: int, at: int, market: Market, terms: Terms) -> float:
    """Return a weight scaled to the leg's volatility, at most to 1."""
    if terms.volatility[leg] == 0.0 or weight == 0.0:
        return weight
    realised = sqrt(market.variance[at, terms.leg[leg, Sized.INSTRUMENT]] * terms.bars_a_year)
    return max(-1.0, min(1.0, weight * terms.volatility[leg] / realised))


@piece
def digits_of(weight: float, at: int, leg: int, wanted: Wanted) -> tuple[int, int]:
    """Return the shortest decimal that reads back as a weight above zero: digits, and the power of ten that divides.

    A power of UNTOLD says that it has more digits than can be found here, and that ``wanted`` does not tell them.
    """
    power = 1
    for _ in range(FLOAT_DIGITS + 1):
        digits = round(weight * power)
        if digits / power == weight:
            return int(digits), power
        power *= 10
    for row in range(wanted.digits.shape[0]):
        if wanted.digits[row, 0] == at and wanted.digits[row, 1] == leg:
            return wanted.digits[row, 2], wanted.digits[row, 3]
    return 0, UNTOLD


@piece
def product(left: int, right: int) -> tuple[int, int, int]:
    """Return the product of two figures from 0 to 2**62 in limbs of 31 bits, the highest first, to be compared."""
    low = (left & LIMB) * (right & LIMB)
    middle = (left >> 31) * (right & LIMB) + (left & LIMB) * (right >> 31) + (low >> 31)
    return (left >> 31) * (right >> 31) + (middle >> 31), middle & LIMB, low & LIMB


@piece
def lots_of(weight: float, money: int, unit: int, by: int, at: int, leg: int, wanted: Wanted) -> int:
    """Return ``weight * money * by / unit`` rounded down, for figures above zero; UNTOLD where digits are missing.

    A float finds the quotient; where it is next to a whole number, the products say on which side, exactly.
    """
    quotient = weight * float(money) * float(by) / float(unit)
    nearest = round(quotient)
    if abs(quotient - nearest) > CERTAIN * (1.0 + quotient):
        return int(quotient)
    digits, power = digits_of(weight, at, leg, wanted)
    if power == UNTOLD:
        return UNTOLD
    lots = int(nearest)
    return lots - 1 if product(digits, money * by) < product(power, lots * unit) else lots


@piece
def desired(weight: float, leg: int, at: int, worth: int, price: int, terms: Terms,
            wanted: Wanted) -> int:  # fmt: skip
    """Return the signed lots of a weight at a price, of an instance's worth; UNTOLD_LOTS without its digits."""
    sized = terms.leg[leg]
    money = worth - sized[Sized.SLACK]
    if weight == 0.0 or money <= 0:
        return 0
    instrument = sized[Sized.INSTRUMENT]
    cost, by = cost_of(price, terms.rule[instrument, Rule.TICK], terms)
    unit = sized[Sized.SHARES] * cost * terms.rule[instrument, Rule.WORTH]
    lots = lots_of(abs(weight), money, unit, by, at, leg, wanted)
    if lots == UNTOLD:
        return UNTOLD_LOTS
    return lots if weight > 0.0 else -lots


@piece
def too_small(lots: int, instrument: int, price: int, terms: Terms) -> bool:
    """Return whether a venue takes no order for so many lots."""
    rule = terms.rule[instrument]
    size = abs(lots)
    return size == 0 or size * price * rule[Rule.WORTH] < rule[Rule.NOTIONAL_MIN] or (
        size < rule[Rule.LOTS_MIN]
    )  # fmt: skip


@piece
def change(lots: int, leg: int, worth: int, price: int, book: Book, terms: Terms) -> tuple[int, int]:
    """Return the outcome, and the signed lots that bring a leg to its target where that is worth an order."""
    mine = book.leg[leg]
    sized = terms.leg[leg]
    instrument = sized[Sized.INSTRUMENT]
    expected = mine[Leg.QUANTITY] + mine[Leg.OPEN]
    missing = lots - expected
    if missing == 0:
        return ON_TARGET, 0
    settled = not too_small(expected, instrument, price, terms)
    if lots * expected > 0 and settled:
        off = abs(missing) * price * terms.rule[instrument, Rule.WORTH] * sized[Sized.SHARES]
        if off * sized[Sized.BAND_BY] <= sized[Sized.BAND_OF] * max(worth, 0):
            return ON_TARGET, 0
    most = terms.rule[instrument, Rule.LOTS_MAX]
    if most > 0:
        missing = max(-most, min(most, missing))
    if too_small(missing, instrument, price, terms):
        if lots == 0:
            return DUST, 0
        return ON_TARGET if settled else TOO_SMALL, 0
    return ORDERED, missing


@piece
def affordable(lots: int, price: int, instrument: int, book: Book, terms: Terms) -> int:
    """Cut a spot buy to what free cash pays, if that is most of it."""
    rule = terms.rule[instrument]
    if lots <= 0 or not terms.account[Term.SPOT]:
        return lots
    free = max(book.sums[Sum.CASH] - book.sums[Sum.RESERVED] - 2 * terms.account[Term.STEP], 0)
    cost, by = cost_of(price, rule[Rule.TICK], terms)
    paid = free * by // (cost * rule[Rule.WORTH])
    return paid if 95 * lots <= 100 * paid and paid < lots else lots


@piece
def reservation(lots: int, price: int, instrument: int, terms: Terms) -> int:
    """Return the most cash that a spot buy may cost, with a step for its fee, which is rounded up."""
    rule = terms.rule[instrument]
    cost, by = cost_of(price, rule[Rule.TICK], terms)
    step = terms.account[Term.STEP]
    return (1 - (-lots * cost * rule[Rule.WORTH] // (by * step))) * step


@piece
def standing_lots(leg: int, at: int, price: int, book: Book, market: Market, terms: Terms,
                  wanted: Wanted) -> int:  # fmt: skip
    """Return what a standing target comes to: as it was fixed, or at this price."""
    mine = book.leg[leg]
    if mine[Leg.STATE] == SIZED:
        return mine[Leg.TARGET]
    weight = scaled(book.weight[leg], leg, at, market, terms)
    return desired(weight, leg, at, book.instance[WORTH, terms.leg[leg, Sized.INSTANCE]], price, terms, wanted)
