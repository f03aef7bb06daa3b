"""Targets in, orders and refusals out: the one place where an order comes to be."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from fanfold import names
from fanfold.messages import Halt, Order, Refusal, Side, Target
from fanfold.money import ZERO, exact
from fanfold.risk.context import Context, survey
from fanfold.risk.exposure import FLAT, Book, Leg
from fanfold.risk.rules import ORDER_RULES, REDUCTION_RULES, TARGET_RULES
from fanfold.risk.sizing import NoOrder, change, desired, price_of, reservation
from fanfold.risk.terms import LegTerms, Plan


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Approved orders, reductions first; refused ones; legs that should close but are too small to; and the book after.

    A target that is refused before it could be sized stands in its refusal as an order for a quantity of zero.
    """

    approved: list[Order]
    refused: list[Refusal]
    dust: list[Leg]
    book: Book


@exact
def decide(targets: Iterable[Target], book: Book, plan: Plan, *, at: datetime, now: datetime) -> Decision:
    """What to order so that the account comes to its targets. ``at`` is the market event, ``now`` the clock.

    The order of the targets means nothing; equal ones count once. Each approved order is in the book that the next is
    judged by, so a batch together keeps what each order keeps.
    """
    context = survey(book, plan.terms(book.account), at, now)
    refused: list[Refusal] = []
    dust: list[Leg] = []
    orders: list[Order] = []
    for target in _canonical(targets, book.halt):
        outcome = _propose(target, context, now)
        if isinstance(outcome, Order):
            orders.append(outcome)
        elif isinstance(outcome, Refusal):
            refused.append(outcome)
        elif outcome is NoOrder.DUST:
            dust.append((target.instance, target.instrument))
    orders.sort(key=lambda order: not order.reduce_only)
    verdicts = [_judge(order, context) for order in orders]
    approved = [verdict for verdict in verdicts if isinstance(verdict, Order)]
    refused += [verdict for verdict in verdicts if isinstance(verdict, Refusal)]
    return Decision(approved=approved, refused=refused, dust=dust, book=context.closing_book())


def _canonical(targets: Iterable[Target], halt: Halt | None) -> list[Target]:
    if halt is Halt.FLATTEN:
        targets = [msgspec.structs.replace(target, weight=0.0) for target in targets]
    # The weight as text: a weight that is not a number is equal to nothing and has no place in an order.
    unique = {(one.instance, one.instrument, one.signal_id, repr(one.weight)): one for one in targets}
    return [unique[key] for key in sorted(unique)]


def _propose(target: Target, context: Context, now: datetime) -> Order | Refusal | NoOrder:
    for rule in TARGET_RULES:
        detail = rule.check(target, context)
        if detail is not None:
            return Refusal(order=_unsized(target, context, now), code=rule.code, detail=detail)
    leg = context.terms.legs[target.instance, target.instrument]
    quantity = _quantity(target, leg, context)
    return quantity if isinstance(quantity, NoOrder) else _order(target, quantity, leg, context, now)


def _quantity(target: Target, leg: LegTerms, context: Context) -> Decimal | NoOrder:
    mark = context.book.marks[target.instrument]
    held = context.held.get((target.instance, target.instrument), FLAT)
    worth = context.equities[target.instance]
    wanted = desired(target.weight, leg, worth, mark)
    # The far side of a flip may be closed to us; to stay where we are because of it would be the worst of the three.
    if wanted * held.quantity < 0 and (context.terms.spot or context.bars_entries()):
        wanted = ZERO
    return change(wanted, held, leg, worth, mark.price)


def _judge(order: Order, context: Context) -> Order | Refusal:
    for rule in REDUCTION_RULES if order.reduce_only else ORDER_RULES:
        detail = rule.check(order, context)
        if detail is not None:
            context.decided(order)
            return Refusal(order=order, code=rule.code, detail=detail)
    context.decided(order)
    context.approve(order)
    return order


def _order(target: Target, quantity: Decimal, leg: LegTerms, context: Context, now: datetime) -> Order:
    side: Side = "buy" if quantity > 0 else "sell"
    reference = context.book.marks[target.instrument].price
    order_id = names.order_id(target.signal_id, context.terms.account, 0)
    held = context.held.get((target.instance, target.instrument), FLAT)
    return Order(
        order_id=order_id,
        client_order_id=names.client_order_id(order_id),
        signal_id=target.signal_id,
        account=context.terms.account,
        venue=context.terms.venue,
        instance=target.instance,
        instrument=target.instrument,
        side=side,
        kind=leg.order,
        quantity=abs(quantity),
        limit_price=price_of(side, leg, reference) if leg.order == "limit" else None,
        reduce_only=held.reduces(quantity),
        reference_price=reference,
        reserved=reservation(quantity, leg, reference) if context.terms.spot and side == "buy" else ZERO,
        decided_at=now,
        expires_at=now + timedelta(seconds=leg.order_ttl_s),
    )


def _unsized(target: Target, context: Context, now: datetime) -> Order:
    mark = context.book.marks.get(target.instrument)
    order_id = names.order_id(target.signal_id, context.terms.account, 0)
    return Order(
        order_id=order_id,
        client_order_id=names.client_order_id(order_id),
        signal_id=target.signal_id,
        account=context.terms.account,
        venue=context.terms.venue,
        instance=target.instance,
        instrument=target.instrument,
        side="buy" if target.weight > 0 else "sell",
        kind="market",
        quantity=ZERO,
        reference_price=mark.price if mark else ZERO,
        reserved=ZERO,
        decided_at=now,
        expires_at=now,
    )
