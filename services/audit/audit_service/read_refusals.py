"""Refusals by their reason for the HTTP API, as audit recorded them."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from fanfold.api.requests import accounts
from fanfold.api.risk_schemas import RefusalCount, Refusals
from fanfold.audit.queries import REFUSED, Reading, newest_orders
from fanfold.codes import Code
from fanfold.desk import Desk
from fanfold.risk.rules import BUNDLE_RULE, ORDER_RULES, TARGET_RULES

# Of each account so many of the newest decisions are looked at: an older refusal is seldom news.
LOOKED_AT_MAX = 100
RULES = {
    **{rule.code: rule.text for rule in TARGET_RULES},
    **{rule.code: rule.text for rule in ORDER_RULES},
    Code.BUNDLE: BUNDLE_RULE,
}


def refusals(desk: Desk, views: Reading, account: str | None) -> Refusals:
    """Count the refusals among the newest orders by reason."""
    newest = [order for name in accounts(desk, account) for order in _newest(views, name)]
    by_code: dict[str, list[dict[str, Any]]] = {}
    for order in newest:
        if order["state"] == REFUSED:
            by_code.setdefault(order["code"], []).append(order)
    counts = [_count(code, refused) for code, refused in by_code.items()]
    return Refusals(
        decided=len(newest),
        since=min(map(_decided_at, newest), default=None),
        refusals=sorted(counts, key=lambda each: (-each.count, each.code)),
    )


def _newest(views: Reading, account: str) -> Iterator[dict[str, Any]]:
    return (order for _, order in islice(newest_orders(views, account), LOOKED_AT_MAX))


def _count(code: str, refused: list[dict[str, Any]]) -> RefusalCount:
    last = max(refused, key=_decided_at)
    return RefusalCount(
        code=code,
        about=RULES.get(Code(code), ""),
        count=len(refused),
        last_at=last["decided_at"],
        detail=last["detail"],
        instance=last["instance"],
        instrument=last["instrument"],
        order_id=last["order_id"],
    )


def _decided_at(order: dict[str, Any]) -> datetime:
    at: datetime = order["decided_at"]
    return at
