"""What several commands read off audit's views, as records with typed fields."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from fanfold.aws.batches import Batches
from fanfold.aws.tables import sort_key
from fanfold.aws.views import DynamoViews
from fanfold.console.session import Session
from fanfold.messages import Fill, Holding, Order, State
from fanfold.orders import LIVE
from fanfold.risk.exposure import Mark

REFUSED = "REFUSED"
# An order outlives its bar by its time to live; beyond this nothing of it is looked for.
DAYS_MAX = 400


def orders_of(views: DynamoViews, account: str) -> list[dict[str, Any]]:
    """Every order that risk decided, oldest first: its fields, and ``state``, ``filled``, ``code``, ``message_id``."""
    items = {sort_key(item): item for item in views.of_account(account, "order#")}
    found = [_order(item, items.get(f"{key}#state", {})) for key, item in items.items() if not key.endswith("#state")]
    return sorted(found, key=lambda order: (order["decided_at"], order["order_id"]))


def is_open(order: dict[str, Any]) -> bool:
    return order["state"] in LIVE


def fills_of(views: DynamoViews, account: str, day: str) -> list[Fill]:
    """The fills of a UTC day (2026-01-31), in the order of their time."""
    found = [msgspec.convert(item["fill"], Fill) for item in views.trades(account, day)]
    return sorted(found, key=lambda fill: (fill.at, fill.trade_id))


def holdings_of(views: DynamoViews, account: str) -> list[Holding]:
    return [holding(item) for item in views.of_account(account, "position#")]


def holding(item: dict[str, Any]) -> Holding:
    """The holding in a view; its version comes as a decimal."""
    return msgspec.convert(item["holding"] | {"version": int(item["holding"]["version"])}, Holding)


def marks_of(session: Session, account: str) -> dict[str, Mark]:
    """The last closes that risk has of an account's instruments."""
    return Batches(session.ledger).read(account).marks


def days(first: datetime, last: datetime) -> Iterator[str]:
    """The UTC days from one time to another."""
    day, end = first.astimezone(UTC).date(), last.astimezone(UTC).date()
    while day <= min(end, first.astimezone(UTC).date() + timedelta(days=DAYS_MAX)):
        yield day.isoformat()
        day += timedelta(days=1)


def last_day(session: Session, accounts: list[str]) -> str:
    """The UTC day of the newest close that an account knows; the epoch's where there is none."""
    closes = [mark.closes_at for account in accounts for mark in marks_of(session, account).values()]
    # A close at midnight is of the bar before it, but what trades on it trades after midnight.
    return date_of(max(closes, default=0)).isoformat()


def date_of(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()


def _order(item: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    order = msgspec.convert(item["order"], Order)
    refused = "code" in item
    reached = REFUSED if refused else state.get("state", State.APPROVED.value)
    return msgspec.structs.asdict(order) | {
        "state": reached,
        "filled": Decimal(state.get("filled", "0")),
        "reason": state.get("reason", ""),
        "code": item.get("code", ""),
        "detail": item.get("detail", ""),
        "changed_at": datetime.fromisoformat(state["at"]) if state else order.decided_at,
        "message_id": item["message_id"],
    }
