"""Check orders one by one, and the orders of a bundle together: all of its legs are approved, or none."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from fanfold.codes import Code
from fanfold.messages import Order, Refusal
from fanfold.risk.context import Context
from fanfold.risk.exposure import PositionKey
from fanfold.risk.rules import ORDER_RULES, REDUCTION_RULES
from fanfold.risk.standing import StandingTarget

Bundles = Mapping[PositionKey, str]
# All orders of a bundle are approved in one write, which takes no more.
BUNDLE_ORDERS_MAX = 32


def of(entries: Iterable[tuple[PositionKey, StandingTarget]], context: Context) -> dict[PositionKey, str]:
    """Map each leg of a bundle to it: the bundle of its target, or the instance of a strategy that trades bundles."""
    named, policies = {}, context.terms.legs
    for leg, entry in entries:
        terms = policies.get(leg)
        bundle = entry.target.bundle or (leg[0] if terms is not None and terms.bundle else "")
        if bundle:
            named[leg] = bundle
    return named


def judge(
    orders: Sequence[Order], bundles: Bundles, lacking: Collection[PositionKey], context: Context
) -> tuple[list[Order], list[Refusal]]:
    """Return approved orders, reductions first, and refusals. ``lacking`` are legs that need an order and have none.

    A bundle that only reduces is no bet on direction: its legs go out each by itself.
    """
    approved: list[Order] = []
    refused: list[Refusal] = []
    short = {bundles[leg] for leg in lacking if leg in bundles}
    for unit in units(orders, bundles):
        bundle = bundles.get(unit[0].leg, "") if _adds(unit) else ""
        before = context.saved() if bundle else context
        verdicts = [_judge(order, context) for order in unit]
        refusals = [verdict for verdict in verdicts if isinstance(verdict, Refusal)]
        if bundle and (refusals or bundle in short or len(unit) > BUNDLE_ORDERS_MAX):
            context.restore(before)
            reason = _reason(bundle, refusals, len(unit))
            refused += [
                verdict if isinstance(verdict, Refusal) else Refusal(order=verdict, code=Code.BUNDLE, detail=reason)
                for verdict in verdicts
            ]
        else:
            refused += refusals
            approved += [verdict for verdict in verdicts if isinstance(verdict, Order)]
    return approved, refused


def units(orders: Sequence[Order], bundles: Bundles) -> list[list[Order]]:
    """Group reductions one by one, then entries; the slices of an order are a group.

    A bundle that adds to a position is one group, at the place of its first order.
    """
    if len(orders) < 2:
        return [[order] for order in orders]
    adding = {bundles.get(order.leg, "") for order in orders if not order.reduce_only} - {""}
    grouped: dict[str, list[Order]] = {}
    for order in sorted(orders, key=lambda order: not order.reduce_only):
        bundle = bundles.get(order.leg, "")
        own = f"order {order.instance} {order.instrument} {order.signal_id}"
        grouped.setdefault(f"bundle {bundle}" if bundle in adding else own, []).append(order)
    return sorted(grouped.values(), key=_adds)


def _adds(unit: Sequence[Order]) -> bool:
    return False in [order.reduce_only for order in unit]


def _judge(order: Order, context: Context) -> Order | Refusal:
    candidate = context.candidate(order)
    for rule in REDUCTION_RULES if order.reduce_only else ORDER_RULES:
        detail = rule.check(candidate, context)
        if detail is not None:
            context.decided(candidate)
            return Refusal(order=order, code=rule.code, detail=detail)
    context.decided(candidate)
    context.approve(candidate)
    return order


def _reason(bundle: str, refusals: Sequence[Refusal], orders: int) -> str:
    reasons = ", ".join(f"{refusal.order.instrument} {refusal.code}" for refusal in refusals)
    if not reasons:
        too_many = f"it has {orders} orders, and may have {BUNDLE_ORDERS_MAX}"
        reasons = too_many if orders > BUNDLE_ORDERS_MAX else "a leg that cannot be ordered"
    return f"bundle {bundle} goes out whole or not at all: {reasons}"
