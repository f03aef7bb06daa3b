"""What is told of a decision besides its orders."""

from collections.abc import Mapping
from datetime import datetime

from fanfold import names
from fanfold.messages import Message, OrdersRefused, Refusal
from fanfold.risk.bundles import leg_of
from fanfold.risk.decision import Decision
from fanfold.risk.remaining import news
from fanfold.risk.standing import Standing


def told(
    account: str, at: datetime, wanted: Standing, decision: Decision, reported: Mapping[str, str]
) -> tuple[Mapping[str, str], list[Message]]:
    """What has been reported of the account's legs by now, and the messages that are news."""
    by_cause: dict[str, list[Refusal]] = {}
    for refusal in news(decision.refused, wanted):
        by_cause.setdefault(wanted[leg_of(refusal.order)].cause, []).append(refusal)
    return reported, [_refused(account, at, cause, refusals) for cause, refusals in by_cause.items()]


def _refused(account: str, at: datetime, cause: str, refusals: list[Refusal]) -> OrdersRefused:
    return OrdersRefused(
        id=names.name("refused", cause, *(f"{refusal.order.order_id} {refusal.code}" for refusal in refusals)),
        cause=cause,
        at=at,
        account=account,
        refusals=refusals,
    )
