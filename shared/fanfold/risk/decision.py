"""Decide: targets in, orders and refusals out. The only place that creates orders."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from fanfold import ids
from fanfold.messages import Order, Refusal, Replaced, Side, Target, TradingState
from fanfold.money import ZERO, exact
from fanfold.risk import bundles, slicing
from fanfold.risk.context import Context, survey
from fanfold.risk.exposure import FLAT, AccountSnapshot, Exposure, PositionKey
from fanfold.risk.policy import DeskPolicy, PositionPolicy
from fanfold.risk.rules import TARGET_RULES
from fanfold.risk.sizing import NoOrder, affordable, change, desired, limit_of
from fanfold.risk.standing import StandingTarget


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Approved orders, reductions first; refused ones; and the book after.

    ``dust`` are legs that should close, ``too_small`` such that should be entered, and the venue takes neither.
    ``quantities`` is what each leg that could be sized is to hold. ``breach`` says which loss limit is broken, "" for
    none. A target that is refused before it could be sized stands in its refusal as an order for a quantity of zero.
    """

    approved: list[Order]
    refused: list[Refusal]
    dust: list[PositionKey]
    too_small: list[PositionKey]
    quantities: dict[PositionKey, Decimal]
    bundles: dict[PositionKey, str]
    breach: str
    book: AccountSnapshot


def decide(
    targets: Iterable[Target], book: AccountSnapshot, plan: DeskPolicy, *, at: datetime, now: datetime
) -> Decision:
    """Return the orders that bring the account to new targets; see decide_standing.

    ``at`` is the time of their market event.
    """
    return decide_standing([StandingTarget(target=target, at=at) for target in targets], book, plan, now=now)


@exact
def decide_standing(
    standing: Iterable[StandingTarget],
    book: AccountSnapshot,
    plan: DeskPolicy,
    *,
    now: datetime,
    stopped_out: Iterable[PositionKey] = (),
) -> Decision:
    """Return the orders that bring the account to its targets. ``now`` is the time of the clock.

    Orders of legs that are ``stopped_out`` go out at market. They, orders of a bundle, and those that replace a resting
    stop, are not divided into slices.

    The sequence of the targets does not matter, and equal targets count once. Each order is checked against the account
    with all orders approved before it, so the limits hold for the batch as a whole.
    """
    entries = _canonical(standing, book.trading_state)
    # FLATTENING is no strategy's signal: it holds until the account is flat, however long that takes.
    aged = () if book.trading_state is TradingState.FLATTENING else entries
    # Nor is the exit of a protection, which is of the time at which it was reached.
    own = frozenset(stopped_out)
    fresh = [entry for leg, entry in aged if entry.quantity is None and not entry.code and leg not in own]
    # Most are of one time.
    age_of = {at: (now - at).total_seconds() for at in {entry.at for entry in fresh}}
    ages = {entry.target.signal_id: age_of[entry.at] for entry in fresh}
    context = survey(book, plan.terms(book.account).under(book.rules), ages, now)
    of_legs = bundles.of(entries, context)
    context.stopped_out = own
    context.at_once = frozenset(of_legs)
    orders, unordered = _proposed(entries, context, now)
    lacking = dict(unordered)
    approved, more = bundles.judge(orders, of_legs, lacking, context)
    return Decision(
        approved=[part for order in approved for part in _slices(order, context)],
        refused=[outcome for _, outcome in unordered if isinstance(outcome, Refusal)] + more,
        dust=[leg for leg, outcome in lacking.items() if outcome is NoOrder.DUST],
        too_small=[leg for leg, outcome in lacking.items() if outcome is NoOrder.TOO_SMALL],
        quantities=context.quantities,
        bundles=of_legs,
        breach=context.breach,
        book=context.closing_book(),
    )


def _slices(order: Order, context: Context) -> Iterable[Order]:
    return slicing.divided(order, context.position_policy(order.leg))


def _proposed(
    entries: Iterable[tuple[PositionKey, StandingTarget]], context: Context, now: datetime
) -> tuple[list[Order], list[tuple[PositionKey, Refusal | NoOrder]]]:
    """Return an order of each leg that needs one, and the legs that are off their target and have none."""
    orders: list[Order] = []
    lacking: list[tuple[PositionKey, Refusal | NoOrder]] = []
    for leg, entry in entries:
        outcome = _propose(leg, entry, context, now)
        if outcome is NoOrder.ON_TARGET:
            continue
        if isinstance(outcome, Order):
            orders.append(outcome)
        else:
            lacking.append((leg, outcome))
    return orders, lacking


def _canonical(
    standing: Iterable[StandingTarget], state: TradingState | None
) -> list[tuple[PositionKey, StandingTarget]]:
    """Return the targets with their legs, equal ones once, in a sequence that is not that in which they came."""
    if state is TradingState.FLATTENING:
        standing = [
            msgspec.structs.replace(entry, target=msgspec.structs.replace(entry.target, weight=0.0), quantity=None)
            for entry in standing
        ]
    entries = list(standing)
    # As ``entry.leg``, without its call.
    by_leg = {(entry.target.instance, entry.target.instrument): entry for entry in entries}
    if len(by_leg) == len(entries):
        return [(leg, by_leg[leg]) for leg in sorted(by_leg)]
    # The weight as text: a weight that is not a number is equal to nothing and has no place in an order.
    unique = {(*entry.leg, entry.target.signal_id, repr(entry.target.weight)): entry for entry in entries}
    return [(unique[key].leg, unique[key]) for key in sorted(unique)]


def _propose(key: PositionKey, entry: StandingTarget, context: Context, now: datetime) -> Order | Refusal | NoOrder:
    held = context.held.get(key, FLAT)
    leg = context.plain_policy(entry.target, key)
    if leg is None:
        for rule in TARGET_RULES:
            detail = rule.check(entry.target, context)
            if detail is not None:
                return Refusal(order=_unsized(entry, context, now), code=rule.code, detail=detail)
        leg = context.position_policy(key)
    mark, worth = context.book.marks[key[1]], context.equities.get(key[0], ZERO)
    wanted = desired(entry.target.weight, leg, worth, mark) if entry.quantity is None else entry.quantity
    # The far side of a flip may be closed to us; to stay where we are because of it would be the worst of the three.
    if wanted and held.quantity and wanted * held.quantity < 0 and (context.terms.spot or context.bars_entries()):
        wanted = ZERO
    context.quantities[key] = wanted
    # As ``live``, without its call for each leg at each bar.
    live = held.open or held.both_sides
    missing = _missing(wanted, held, leg, key, context) if live else change(wanted, held, leg, worth, mark.price)
    if isinstance(missing, NoOrder):
        return missing
    if _replaced(key, "sell" if missing < 0 else "buy", context.book):
        # The stop ends before the first slice is sent, and the rest would be without it.
        context.at_once |= {key}
    quantity = affordable(missing, context.book.cash - context.reserved, leg, mark.price)
    return _order(entry, quantity, leg, context, now)


def _missing(
    wanted: Decimal, held: Exposure, leg: PositionPolicy, key: PositionKey, context: Context
) -> Decimal | NoOrder:
    """Return the change of a leg with live orders: an exit by what is held alone, where it may go out past entries."""
    worth, price = context.equities.get(key[0], ZERO), context.book.marks[key[1]].price
    if held.adding and context.passes_entries(key, held):
        missing = change(wanted, held.without_entries(), leg, worth, price)
        # Where nothing is to be closed, the entry is to be taken back, and was where an exit is under way.
        if held.reducing or not isinstance(missing, NoOrder):
            return missing
    return change(wanted, held, leg, worth, price)


def _order(entry: StandingTarget, quantity: Decimal, leg: PositionPolicy, context: Context, now: datetime) -> Order:
    side: Side = "buy" if quantity > 0 else "sell"
    reference = context.book.marks[entry.target.instrument].price
    spot_buy = context.terms.spot and side == "buy"
    reduces = context.held.get(entry.leg, FLAT).reduces(quantity)
    return _bare(
        entry,
        context,
        side=side,
        # At market is bounded, too: what does not fill within the band right away does not fill.
        kind="limit",
        time_in_force="ioc" if leg.order == "market" else "gtc",
        quantity=abs(quantity),
        limit_price=limit_of(side, leg, reference),
        reduce_only=reduces,
        reference_price=reference,
        reserved=slicing.reserved(quantity, leg, reference) if spot_buy else ZERO,
        decided_at=now,
        expires_at=now + timedelta(seconds=leg.order_ttl_s),
        replaces=_replaced(entry.leg, side, context.book),
        # What leads out of a position does not wait for a better fee.
        post_only=True if leg.order == "post-only" and not reduces else msgspec.UNSET,
    )


def _replaced(leg: PositionKey, side: Side, book: AccountSnapshot) -> Replaced | msgspec.UnsetType:
    """Return the resting stop that holds what an order is to close."""
    stop = book.stops.get(leg)
    if stop is None or stop.ended or stop.side != side:
        return msgspec.UNSET
    return Replaced(order_id=stop.order_id, filled=stop.filled)


def _unsized(entry: StandingTarget, context: Context, now: datetime) -> Order:
    mark = context.book.marks.get(entry.target.instrument)
    return _bare(
        entry,
        context,
        side="buy" if entry.target.weight > 0 else "sell",
        kind="market",
        quantity=ZERO,
        reference_price=mark.price if mark else ZERO,
        reserved=ZERO,
        decided_at=now,
        expires_at=now,
    )


def _bare(entry: StandingTarget, context: Context, **terms: object) -> Order:
    order_id = ids.order_id(entry.target.signal_id, context.terms.account, entry.attempt)
    return Order(
        order_id=order_id,
        client_order_id=ids.client_order_id(order_id),
        signal_id=entry.target.signal_id,
        account=context.terms.account,
        venue=context.terms.venue,
        instance=entry.target.instance,
        instrument=entry.target.instrument,
        **terms,  # type: ignore[arg-type]  # Each caller gives the other fields.
    )
