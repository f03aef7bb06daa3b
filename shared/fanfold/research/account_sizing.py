"""Sizing in compiled code: what ``risk.sizing`` does in decimals, in 64-bit integers, equal to the last lot."""

from math import sqrt

from fanfold.research.account_book import (
    SIZED,
    WORTH,
    AccountField,
    AccountRate,
    AccountTerm,
    Book,
    LegField,
    LegTerm,
    PollTable,
    RuleField,
    Terms,
    Wanted,
)
from fanfold.research.tape import agree, piece, portion, share_of

# The outcome of a leg's sizing, besides a number of lots.
ON_TARGET, TOO_SMALL, DUST, ORDERED, REFUSED = 0, 1, 2, 3, 4
# A quotient further from a whole number than this share of it is on the side that its float says; of the others the
# decimals of ``risk.sizing`` say the side.
CERTAIN = 1e-12
# The least integer of 64 bits, which is no quantity.
UNTOLD = -(2**63)


@piece
def limit_of(side: int, price: int, tick: int, terms: Terms) -> int:
    """Return the limit of an order at market: the far end of the band, or a tick away."""
    collar = share_of(price, terms.rate[AccountRate.COLLAR, 0], terms.rate[AccountRate.COLLAR, 1])
    if tick == 1:
        return price + max(collar, 1) if side > 0 else max(price - max(collar, 1), 1)
    if side > 0:
        return max((price + collar) // tick, price // tick + 1) * tick
    return max(min(-((collar - price) // tick), -(-price // tick) - 1), 1) * tick


@piece
def cost_of(price: int, tick: int, terms: Terms) -> tuple[int, int]:
    """Return the most that a lot may cost in ticks, as a fraction: on spot with band and fee."""
    if not terms.account[AccountTerm.SPOT]:
        return price, 1
    by, fee_by = terms.rate[AccountRate.COLLAR, 1], terms.rate[AccountRate.FEE_MAX, 1]
    dearest = max(price * (by + terms.rate[AccountRate.COLLAR, 0]), limit_of(1, price, tick, terms) * by)
    return dearest * (fee_by + terms.rate[AccountRate.FEE_MAX, 0]), by * fee_by


@piece
def scaled(weight: float, leg: int, at: int, market: PollTable, terms: Terms) -> float:
    """Return a weight scaled to the leg's volatility, at most to 1."""
    if terms.volatility[leg] == 0.0 or weight == 0.0:
        return weight
    realised = sqrt(market.variance[at, terms.leg[leg, LegTerm.INSTRUMENT]] * terms.bars_a_year)
    return max(-1.0, min(1.0, weight * terms.volatility[leg] / realised))


@piece
def lots_of(quotient: float, at: int, leg: int, wanted: Wanted) -> int:
    """Return a quotient rounded down; UNTOLD where it is next to a whole number, and ``wanted`` does not tell it."""
    if abs(quotient - round(quotient)) > CERTAIN * (1.0 + quotient):
        return int(quotient)
    for row in range(wanted.sizes.shape[0]):
        if wanted.sizes[row, 0] == at and wanted.sizes[row, 1] == leg:
            return wanted.sizes[row, 2]
    return UNTOLD


@piece
def desired(weight: float, leg: int, at: int, worth: int, price: int, terms: Terms, wanted: Wanted) -> int:
    """Return the signed lots of a weight at a price, of an instance's worth; UNTOLD where they have to be told."""
    sized = terms.leg[leg]
    money = worth - sized[LegTerm.SLACK]
    if weight == 0.0 or money <= 0:
        return 0
    rule = terms.rule[sized[LegTerm.INSTRUMENT]]
    cost, by = cost_of(price, rule[RuleField.TICK], terms)
    unit = float(sized[LegTerm.SHARES] * rule[RuleField.WORTH]) * float(cost)
    lots = lots_of(abs(weight) * float(money) * float(by) / unit, at, leg, wanted)
    if lots == UNTOLD:
        return UNTOLD
    return lots if weight > 0.0 else -lots


@piece
def too_small(lots: int, instrument: int, price: int, terms: Terms) -> bool:
    """Return whether a venue takes no order for so many lots."""
    rule = terms.rule[instrument]
    size = abs(lots)
    return size == 0 or size * price * rule[RuleField.WORTH] < rule[RuleField.NOTIONAL_MIN] or (
        size < rule[RuleField.LOTS_MIN]
    )  # fmt: skip


@piece
def change(lots: int, leg: int, worth: int, price: int, book: Book, terms: Terms) -> tuple[int, int]:
    """Return the outcome, and the signed lots that bring a leg to its target where that is worth an order."""
    mine = book.leg[leg]
    sized = terms.leg[leg]
    instrument = sized[LegTerm.INSTRUMENT]
    expected = mine[LegField.QUANTITY] + mine[LegField.OPEN]
    missing = lots - expected
    if missing == 0:
        return ON_TARGET, 0
    settled = not too_small(expected, instrument, price, terms)
    if agree(lots, expected) and settled:
        off = abs(missing) * price * terms.rule[instrument, RuleField.WORTH] * sized[LegTerm.SHARES]
        if off <= share_of(max(worth, 0), sized[LegTerm.BAND_OF], sized[LegTerm.BAND_BY]):
            return ON_TARGET, 0
    most = terms.rule[instrument, RuleField.LOTS_MAX]
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
    if lots <= 0 or not terms.account[AccountTerm.SPOT]:
        return lots
    free = max(book.sums[AccountField.CASH] - book.sums[AccountField.RESERVED] - 2 * terms.account[AccountTerm.STEP], 0)
    cost, by = cost_of(price, rule[RuleField.TICK], terms)
    # Of free cash in lots at a price of a tick, for a lot may cost more than fits, in such fractions.
    whole, rest = free // rule[RuleField.WORTH], free % rule[RuleField.WORTH]
    paid = portion(whole, by, cost)
    paid += (whole * by - paid * cost + rest * by // rule[RuleField.WORTH]) // cost
    return paid if 95 * lots <= 100 * paid and paid < lots else lots


@piece
def reservation(lots: int, price: int, instrument: int, terms: Terms) -> int:
    """Return the most cash that a spot buy may cost, with a step for its fee, which is rounded up."""
    rule = terms.rule[instrument]
    cost, by = cost_of(price, rule[RuleField.TICK], terms)
    step, worth = terms.account[AccountTerm.STEP], lots * rule[RuleField.WORTH]
    steps = portion(worth, cost, by * step)
    # Rounded up, and a step more. The products may wrap around, alike.
    return (steps + 1 + (steps * by * step != worth * cost)) * step


@piece
def standing_lots(leg: int, at: int, price: int, book: Book, market: PollTable, terms: Terms,
                  wanted: Wanted) -> int:  # fmt: skip
    """Return what a standing target comes to: as it was fixed, or at this price."""
    mine = book.leg[leg]
    if mine[LegField.STATE] == SIZED:
        return mine[LegField.TARGET]
    weight = scaled(book.weight[leg], leg, at, market, terms)
    return desired(weight, leg, at, book.instance[WORTH, terms.leg[leg, LegTerm.INSTANCE]], price, terms, wanted)
