"""Compute which targets still stand after a decision, and which of its refusals are new."""

from collections.abc import Collection, Sequence

import msgspec

from fanfold.codes import Code
from fanfold.messages import Refusal
from fanfold.risk.decision import Decision
from fanfold.risk.exposure import PositionKey
from fanfold.risk.standing import Standing, StandingTarget

# Reasons that pass by themselves: cash comes free, a minute ends, a bar comes, an order ends, a partner leg is ready.
PASSING = frozenset(
    {
        Code.MISSING_DATA,
        Code.FROZEN,
        Code.STALE_BAR,
        Code.OPPOSING_ORDER,
        Code.PRICE_COLLAR,
        Code.CASH,
        Code.ORDER_RATE,
        Code.POSITION_NOTIONAL,
        Code.GROSS_EXPOSURE,
        Code.NET_EXPOSURE,
        Code.BUNDLE,
    }
)
# An exit that was refused stands whatever the reason, but for these: another target or a newer one is in its place.
OVERTAKEN = frozenset({Code.DUPLICATE_INTENT, Code.STALE_SIGNAL})


def remaining(
    standing: Standing,
    decision: Decision,
    ordered: Collection[PositionKey],
    external: Collection[str],
    waiting: Standing,
) -> dict[PositionKey, StandingTarget]:
    """Return the targets that still stand: those with a live order, or refused for a reason that may pass.

    ``ordered`` are the legs that got an order. A target of an ``external`` instance stands even when it is met, so that
    an older signal that comes late is seen to be older. Those ``waiting`` were not decided on, and stand as they are.
    """
    refused = {refusal.order.leg: refusal for refusal in decision.refused}
    # As ``live``, without its call for each leg.
    under_way = {leg for leg, held in decision.book.held.items() if held.open or held.both_sides}
    left, concerned = dict(waiting), {*ordered, *refused, *under_way}
    for leg, entry in standing.items():
        attempt, code = entry.attempt, ""
        if leg in waiting or not (leg in concerned or entry.target.instance in external):
            continue
        if leg in ordered:
            attempt += 1
        elif leg in refused:
            code = refused[leg].code
            if not _stands(entry, code):
                continue
        else:
            attempt = max(attempt, 1)
        quantity = decision.quantities.get(leg, entry.quantity)
        left[leg] = msgspec.structs.replace(entry, quantity=quantity, attempt=attempt, code=code)
    return left


def new_refusals(refused: Sequence[Refusal], standing: Standing) -> list[Refusal]:
    """Return the refusals whose reason was not reported for the same target before."""
    return [refusal for refusal in refused if _code_before(standing, refusal) != refusal.code]


def _code_before(standing: Standing, refusal: Refusal) -> str:
    known = standing.get(refusal.order.leg)
    return known.code if known and known.target.signal_id == refusal.order.signal_id else ""


def _stands(entry: StandingTarget, code: str) -> bool:
    return code in PASSING or (entry.target.weight == 0.0 and code not in OVERTAKEN)
