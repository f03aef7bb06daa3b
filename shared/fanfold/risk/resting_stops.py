"""Compute the stops that are to rest at a venue, where they act inside bars, and while the desk does not run.

Where the venue takes a pair of which one ends the other, a profit to take rests beside the stop. A stop rests for a
position of which risk keeps the protection, too: at the venue it acts at once and outlives the desk, and risk closes
what it leaves.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from fanfold import ids
from fanfold.messages import Order, TradingState
from fanfold.money import ZERO, ceil_to, exact, floor_to, ratio
from fanfold.risk.exposure import FLAT, AccountSnapshot, Exposure, PositionKey, RestingStop, priced, significant
from fanfold.risk.policy import AccountPolicy, PositionPolicy
from fanfold.risk.protection import Guarded, Protection
from fanfold.risk.sizing import is_dust
from fanfold.risk.standing import Standing

# What protects a position at a venue: a stop with a limit or, on paper, at market and a profit alone, too; a pair.
STOP_LIMIT, STOP, OCO = "stop-limit", "stop", "oco"
# A stop is placed anew for a level that is one part in so many of its price away: a trail moves in such steps.
STEPS = 1_000
# A stop that the venue rejected is sent again for another level or quantity, or after this time.
REJECTED_FOR = timedelta(minutes=10)
# No venue is told when a stop ends by itself; one that is this old is placed anew.
RESTS_FOR_S = 365 * 86_400


class StopPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of an account's resting stops: those to place, and by leg those to note anew, or to forget (None)."""

    orders: list[Order]
    noted: dict[PositionKey, RestingStop | None]


@exact
def plan_stops(
    guarded: Guarded,
    book: AccountSnapshot,
    terms: AccountPolicy,
    *,
    at: datetime,
    now: datetime,
    alone: Collection[PositionKey] = (),
) -> StopPlan:
    """Return what brings the resting stops to the protections of positions, at a market event.

    ``book`` has the orders that are live. Under HALTED nothing is sent, and FLATTENING closes all. The stops of legs
    that are ``alone`` rest without a profit beside them.
    """
    known = {protection.leg: protection for protection in guarded.protections}
    successors: dict[PositionKey, Order] = {}
    if book.trading_state in (TradingState.ACTIVE, TradingState.REDUCE_ONLY) and rests(terms):
        alone = {*alone, *refused_pairs(book)}
        stops = {
            leg: stop_of(protection, book, terms, at=at, now=now, alone=leg in alone)
            for leg, protection in sorted(known.items())
        }
        # By inferred rules a new stop has another quantity, which the venue may reject: the one that rests stays.
        successors = {
            leg: stop for leg, stop in stops.items() if stop and (leg not in book.stops or terms.knows_rules(leg))
        }
    noted = dict(_noted(known, guarded.wanted, book, successors, terms, now))
    return StopPlan(orders=[stop for leg, stop in successors.items() if leg not in book.stops], noted=noted)


def rests(terms: AccountPolicy) -> bool:
    """Return whether stops rest at an account's venue."""
    return bool(terms.rests & {STOP_LIMIT, STOP})


def refused_pairs(book: AccountSnapshot) -> set[PositionKey]:
    """Return the legs whose venue rejected a stop with a profit beside it: it may take the stop by itself."""
    return {leg for leg, stop in book.stops.items() if stop.rejected_at and stop.profit}


def _noted(
    known: Mapping[PositionKey, Protection],
    wanted: Standing,
    book: AccountSnapshot,
    successors: Mapping[PositionKey, Order],
    terms: AccountPolicy,
    now: datetime,
) -> Iterator[tuple[PositionKey, RestingStop | None]]:
    for leg, stop in sorted(book.stops.items()):
        protection, held = known.get(leg), book.held.get(leg, FLAT)
        protects = protection is not None and _wants_one(protection, terms)
        outdated = not protects or _outdated(stop, held, successors.get(leg))
        if stop.rejected_at is not None and not stop.filled:
            if outdated or now - stop.rejected_at >= REJECTED_FOR:
                yield leg, None
        elif stop.ended:
            # It filled. Once risk follows its target no more, that is all there was to know.
            if protection is None or protection.out:
                yield leg, None
        elif outdated and not stop.withdrawn and not _exits(stop, leg, wanted, held):
            yield leg, msgspec.structs.replace(stop, withdrawn=True)


def _exits(stop: RestingStop, leg: PositionKey, wanted: Standing, held: Exposure) -> bool:
    """Return whether an order is on its way that replaces the stop, which rests until then.

    A stop that only closes what a live order leaves stands beside it, and is not replaced by it.
    """
    sign = stop.sign
    replaced = (held.selling if sign > 0 else held.buying) > 0 and stop.quantity > sign * held.least
    return replaced or (sign * held.quantity > 0 and leg in wanted and not wanted[leg].target.weight)


def _wants_one(protection: Protection, terms: AccountPolicy) -> bool:
    wanted = protection.stop or protection.trail or (protection.take_profit and STOP in terms.rests)
    return bool(wanted) and rests(terms)


def _outdated(stop: RestingStop, held: Exposure, successor: Order | None) -> bool:
    """Return whether a stop is to go: it closes what is not held, or another can take its place.

    Where none can, as under HALTED, one that is further or smaller than the position asks for is better than none.
    """
    if stop.quantity > stop.sign * held.quantity:
        return True
    if successor is None:
        return False
    level, profit = successor.stop_price or ZERO, successor.profit_price or ZERO
    # A profit joins a stop that rests by itself when that is placed anew: its venue may have rejected the two.
    moved = _far(stop.price, level) or (stop.profit > 0 and _far(stop.profit, profit))
    return moved or stop.quantity != successor.quantity


def _far(price: Decimal, wanted: Decimal) -> bool:
    return price != wanted and abs(price - wanted) * STEPS >= wanted


@exact
def unprotected(guarded: Guarded, book: AccountSnapshot, terms: AccountPolicy) -> dict[PositionKey, str]:
    """Return the legs for whose position the venue takes no stop: it is too small for one, or the venue rejected it."""
    if not rests(terms):
        return {}
    texts: dict[PositionKey, str] = {}
    for protection in guarded.protections:
        leg, noted = protection.leg, book.stops.get(protection.leg)
        stop = _prices(protection, book, terms) if noted is None or noted.rejected_at else None
        if stop is not None and noted is not None:
            texts[leg] = "its venue rejected the stop: only the desk protects it"
        elif stop is not None and stop.too_small:
            texts[leg] = f"its venue takes no stop for {book.held[leg].quantity:f}: only the desk protects it"
    return texts


def stop_of(
    protection: Protection,
    book: AccountSnapshot,
    terms: AccountPolicy,
    *,
    at: datetime,
    now: datetime,
    alone: bool = False,
) -> Order | None:
    """Return the stop that is to rest for a leg; None where it has no position to protect, or one too small for it.

    A profit to take rests beside it, unless it is to be ``alone``, where the venue takes both as a pair.
    Its id is that of the leg and the market event: one at most comes of each.
    """
    stop, mark = _prices(protection, book, terms), book.marks.get(protection.instrument)
    if stop is None or stop.too_small or mark is None or not priced(mark):
        return None
    # At a level that the price has reached, risk closes the position itself.
    if stop.level and stop.sign * (mark.price - stop.level) <= 0:
        return None
    signal_id = ids.derive("stop", *protection.leg, at.isoformat())
    order_id = ids.order_id(signal_id, book.account, 0)
    return Order(
        order_id=order_id,
        client_order_id=ids.client_order_id(order_id),
        signal_id=signal_id,
        account=book.account,
        venue=terms.venue,
        instance=protection.instance,
        instrument=protection.instrument,
        side="sell" if stop.sign > 0 else "buy",
        kind="stop",
        quantity=stop.quantity,
        limit_price=stop.limit or None,
        stop_price=stop.level or None,
        reduce_only=True,
        reference_price=mark.price,
        reserved=ZERO,
        decided_at=now,
        expires_at=now + timedelta(seconds=RESTS_FOR_S),
        profit_price=stop.profit if stop.profit and not alone else msgspec.UNSET,
    )


class StopPrices(NamedTuple):
    """The sign of a position, and the prices and the quantity of its stop, which may be too small for its venue.

    A price of 0 is none.
    """

    sign: int
    level: Decimal
    limit: Decimal
    profit: Decimal
    quantity: Decimal
    too_small: bool


def _prices(protection: Protection, book: AccountSnapshot, terms: AccountPolicy) -> StopPrices | None:
    """Return what a leg's stop is to be; None where there is no position that wants one, or it is being closed.

    While a sale is live, the stop is for what that leaves: the venue has locked the coins of the sale.
    """
    held = book.held.get(protection.leg, FLAT)
    if protection.out or not held.least or (held.quantity < 0 and STOP not in terms.rests):
        return None
    policy = _policy(protection, held, terms)
    level, quantity = _level(protection, held, policy), _quantity(held, policy)
    profit = _profit(protection, held, policy) if OCO in terms.rests and (level or STOP in terms.rests) else ZERO
    limit = _limit(level, policy) if level and STOP_LIMIT in terms.rests else ZERO
    worst = limit or level or profit
    if not worst or is_dust(held, policy, level or profit):
        return None
    small = quantity < policy.amount_min or quantity * worst < policy.notional_min
    if held.least != held.quantity and small:
        return None
    return StopPrices(1 if held.quantity > 0 else -1, level, limit, profit, quantity, small)


def _limit(level: Decimal, policy: PositionPolicy) -> Decimal:
    """Return the limit of a long position's stop: the account's collar below, or a tick."""
    return max(min(floor_to(level * (1 - policy.collar), policy.tick), level - policy.tick), policy.tick)


def _policy(protection: Protection, held: Exposure, terms: AccountPolicy) -> PositionPolicy:
    return terms.policy(protection.leg, held, significant(ratio(held.cost, held.quantity)))


def _level(protection: Protection, held: Exposure, policy: PositionPolicy) -> Decimal:
    """Return the price at which a position is closed, on a tick that is no further; 0 where it has no stop or trail."""
    cost, long = ratio(held.cost, held.quantity), held.quantity > 0
    best = max(protection.best, cost) if long else min(protection.best or cost, cost)
    levels = [_moved(held, protection.stop)] if protection.stop else []
    if protection.trail:
        levels.append(_moved(held, protection.trail) if best == cost else best * _factor(held, protection.trail))
    if not levels:
        return ZERO
    return _on_tick(max(levels) if long else min(levels), held, policy)


def _profit(protection: Protection, held: Exposure, policy: PositionPolicy) -> Decimal:
    """Return the price at which a position takes its profit, on a tick that is no nearer; 0 where it has none."""
    if not protection.take_profit:
        return ZERO
    return max(_on_tick(_moved(held, -protection.take_profit), held, policy), ZERO)


def _moved(held: Exposure, share: Decimal) -> Decimal:
    """Return the cost of a position, a share of it to its losing side; exact where that is a price of few digits."""
    return ratio(held.cost * _factor(held, share), held.quantity)


def _factor(held: Exposure, share: Decimal) -> Decimal:
    return 1 - share if held.quantity > 0 else 1 + share


def _on_tick(price: Decimal, held: Exposure, policy: PositionPolicy) -> Decimal:
    return ceil_to(price, policy.tick) if held.quantity > 0 else floor_to(price, policy.tick)


def _quantity(held: Exposure, policy: PositionPolicy) -> Decimal:
    """Return what of a position a stop can close: whole lots, at most the venue's maximum."""
    left = abs(held.least)
    return floor_to(min(left, policy.amount_max) if policy.amount_max else left, policy.lot)
