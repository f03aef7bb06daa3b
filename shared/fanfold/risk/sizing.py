"""Convert weights to quantities: floats become decimals here, rounded once, towards zero, to the lot.

Call these functions under ``money.exact``, as ``decide`` does.
"""

from decimal import Decimal
from enum import Enum
from math import sqrt

from fanfold.messages import Side
from fanfold.money import CASH_STEP, ZERO, ceil_to, decimal_of, floor_to, ratio, truncate_to
from fanfold.risk.exposure import AccountSnapshot, Exposure, Mark, PositionKey, priced
from fanfold.risk.policy import AccountPolicy, PositionPolicy

# What free cash must pay of an order for the order to be cut to it.
AFFORDABLE_MIN = Decimal("0.95")


class NoOrder(Enum):
    """The reason why a leg needs no order."""

    ON_TARGET = "within the band of the target, or too small a change for the venue"
    TOO_SMALL = "to be entered, but below what the venue takes"
    DUST = "to be closed, but below what the venue takes"


def scaled(weight: float, leg: PositionPolicy, variance: float) -> float:
    """Scale a weight to the leg's yearly volatility, at most to 1. With a volatility, the variance must be known."""
    if leg.volatility == 0.0 or weight == 0.0:
        return weight
    realised = sqrt(variance * leg.bars_per_year)
    return max(-1.0, min(1.0, weight * leg.volatility / realised))


def desired(weight: float, leg: PositionPolicy, instance_equity: Decimal, mark: Mark) -> Decimal:
    """Return the target quantity in whole lots: the weight's share of the leg's equity (at least zero), at the mark.

    On spot it leaves cash for what an order may cost beyond its notional.
    """
    if weight == 0.0:
        return ZERO * leg.lot
    share = decimal_of(scaled(weight, leg, mark.variance) if leg.volatility else weight)
    cost = cost_of(leg, mark.price) if leg.spot else mark.price
    return truncate_to(ratio(share * max(instance_equity - leg.slack, ZERO), leg.shares * cost), leg.lot)


def change(
    wanted: Decimal, held: Exposure, leg: PositionPolicy, instance_equity: Decimal, price: Decimal
) -> Decimal | NoOrder:
    """Return the signed quantity that brings position plus live orders to the target, if worth an order."""
    expected = held.quantity + held.open
    missing = wanted - expected
    if not missing or _rests(wanted, expected, leg, instance_equity, price):
        return NoOrder.ON_TARGET
    quantity = _capped(truncate_to(missing, leg.lot) if missing % leg.lot else missing, leg)
    if _too_small(quantity, leg, price):
        if not wanted:
            return NoOrder.DUST
        return NoOrder.ON_TARGET if _worth_an_order(expected, leg, price) else NoOrder.TOO_SMALL
    return quantity


def _rests(wanted: Decimal, expected: Decimal, leg: PositionPolicy, instance_equity: Decimal, price: Decimal) -> bool:
    """Return whether a change is within the band. There is no band from flat or dust, to flat, or across it."""
    if not wanted or wanted * expected <= 0 or not _worth_an_order(expected, leg, price):
        return False
    return abs(wanted - expected) * price * leg.shares <= leg.band * max(instance_equity, ZERO)


def _worth_an_order(quantity: Decimal, leg: PositionPolicy, price: Decimal) -> bool:
    return bool(quantity) and not _too_small(quantity, leg, price)


def _too_small(quantity: Decimal, leg: PositionPolicy, price: Decimal) -> bool:
    if leg.order != "market":
        price = price_of("buy" if quantity > 0 else "sell", leg, price)
    amount = abs(quantity)
    return amount * price < leg.notional_min or amount < leg.amount_min or not quantity


def is_dust(held: Exposure, leg: PositionPolicy, price: Decimal) -> bool:
    """Return whether the venue takes no order that closes a position, which may be none."""
    return _too_small(-truncate_to(held.quantity, leg.lot), leg, price)


def holds_only_dust(instrument: str, book: AccountSnapshot, terms: AccountPolicy) -> bool:
    """Return whether all that an account holds of an instrument is dust, too little to sell, and no order is live.

    Without rules of the instrument nothing counts as dust. The instrument has a price.
    """
    legs = [(leg, held) for leg, held in book.held.items() if leg[1] == instrument]
    return all(not held.live and _rests_as_dust(leg, held, book, terms) for leg, held in legs)


def orphans(book: AccountSnapshot, terms: AccountPolicy) -> list[PositionKey]:
    """Return the legs that hold more than dust and are gone from the desk file."""
    return [
        leg
        for leg, held in book.held.items()
        if leg not in terms.legs and held.quantity and not _rests_as_dust(leg, held, book, terms)
    ]


def _rests_as_dust(leg: PositionKey, held: Exposure, book: AccountSnapshot, terms: AccountPolicy) -> bool:
    mark = book.marks.get(leg[1])
    return mark is not None and priced(mark) and is_dust(held, terms.policy(leg, held, mark.price), mark.price)


def _capped(quantity: Decimal, leg: PositionPolicy) -> Decimal:
    """Cap a quantity at the venue's maximum; the rest follows with the next order."""
    if not leg.amount_max or abs(quantity) <= leg.amount_max:
        return quantity
    most = floor_to(leg.amount_max, leg.lot)
    return most if quantity > 0 else -most


def affordable(quantity: Decimal, free: Decimal, leg: PositionPolicy, reference: Decimal) -> Decimal:
    """Cut a spot buy to what free cash pays, if that is most of it; else keep it whole, to wait for the cash.

    After the sale of a rotation, cash falls short of the plan by no more than fees and slippage.
    """
    if quantity <= 0 or not leg.spot:
        return quantity
    paid = floor_to(ratio(max(free - 2 * CASH_STEP * leg.slices, ZERO), cost_of(leg, reference)), leg.lot)
    return paid if AFFORDABLE_MIN * quantity <= paid < quantity else quantity


def price_of(side: Side, leg: PositionPolicy, reference: Decimal) -> Decimal:
    """Return the price of an order's notional: the reference, or for a limit order the next tick inside it."""
    if leg.order == "market":
        return reference
    return floor_to(reference, leg.tick) if side == "buy" else ceil_to(reference, leg.tick)


def limit_of(side: Side, leg: PositionPolicy, reference: Decimal) -> Decimal:
    """Return an order's limit, at least a tick: at market the far end of the band or a tick away, else its price."""
    if leg.order != "market":
        limit = price_of(side, leg, reference)
    elif side == "buy":
        limit = max(floor_to(reference * (1 + leg.collar), leg.tick), floor_to(reference, leg.tick) + leg.tick)
    else:
        limit = min(ceil_to(reference * (1 - leg.collar), leg.tick), ceil_to(reference, leg.tick) - leg.tick)
    return max(limit, leg.tick)


def cost_of(leg: PositionPolicy, reference: Decimal) -> Decimal:
    """Return the most that a unit may cost: on spot including band and fee, on margin the reference."""
    if not leg.spot:
        return reference
    return max(reference * (1 + leg.collar), limit_of("buy", leg, reference)) * (1 + leg.fee)


def reservation(quantity: Decimal, leg: PositionPolicy, reference: Decimal) -> Decimal:
    """Return the most cash that a spot buy may cost, including a step of cash for the fee, which is rounded up."""
    return ceil_to(quantity * cost_of(leg, reference), CASH_STEP) + CASH_STEP
