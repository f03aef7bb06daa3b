"""From a weight to a quantity: floats become decimals here and are rounded once, towards zero, at the lot.

``decide`` calls these under ``money.exact``; whoever else does has to do the same.
"""

from decimal import Decimal
from enum import Enum
from math import sqrt

from fanfold.messages import Side
from fanfold.money import CASH_STEP, ZERO, ceil_to, decimal_of, floor_to, ratio, truncate_to
from fanfold.risk.exposure import Held, Mark
from fanfold.risk.terms import LegTerms


class NoOrder(Enum):
    """Why a leg needs no order."""

    ON_TARGET = "within the band of the target, or too small a change for the venue"
    DUST = "to be closed, but below what the venue takes"


def scaled(weight: float, leg: LegTerms, variance: float) -> float:
    """The weight brought to the leg's yearly volatility, never beyond 1; a variance must be known if one is set."""
    if leg.volatility == 0.0 or weight == 0.0:
        return weight
    realised = sqrt(variance * leg.bars_per_year)
    return max(-1.0, min(1.0, weight * leg.volatility / realised))


def desired(weight: float, leg: LegTerms, instance_equity: Decimal, mark: Mark) -> Decimal:
    """The quantity to hold, in whole lots: a share of the leg's equity, which is never below zero, at the mark.

    On spot it leaves room for what an order may cost beyond its notional.
    """
    share = decimal_of(scaled(weight, leg, mark.variance)) * max(instance_equity, ZERO)
    return truncate_to(ratio(share, leg.shares * mark.price * leg.headroom), leg.lot)


def change(wanted: Decimal, held: Held, leg: LegTerms, instance_equity: Decimal, price: Decimal) -> Decimal | NoOrder:
    """The signed quantity to order so that holdings and live orders come to what is wanted, if it is worth an order."""
    expected = held.quantity + held.open
    missing = wanted - expected
    if missing == 0 or (wanted != 0 and wanted * expected >= 0 and _within_band(missing, leg, instance_equity, price)):
        return NoOrder.ON_TARGET
    quantity = truncate_to(missing, leg.lot) if missing % leg.lot else missing
    side: Side = "buy" if quantity > 0 else "sell"
    if abs(quantity) * price_of(side, leg, price) < leg.notional_min or not quantity:
        return NoOrder.ON_TARGET if wanted else NoOrder.DUST
    return quantity


def _within_band(missing: Decimal, leg: LegTerms, instance_equity: Decimal, price: Decimal) -> bool:
    return abs(missing) * price * leg.shares <= leg.band * max(instance_equity, ZERO)


def price_of(side: Side, leg: LegTerms, reference: Decimal) -> Decimal:
    """What an order is priced at: the reference, for a limit order at the next tick that does not cross it."""
    if leg.order == "market":
        return reference
    return floor_to(reference, leg.tick) if side == "buy" else ceil_to(reference, leg.tick)


def reservation(quantity: Decimal, leg: LegTerms, reference: Decimal) -> Decimal:
    """The cash a spot buy may cost at most: its notional with the collar and the fee on top, rounded up."""
    return ceil_to(quantity * reference * leg.headroom, CASH_STEP)
