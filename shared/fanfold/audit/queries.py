"""Query what audit has recorded of a desk. The console and the HTTP API both read it here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from operator import itemgetter
from typing import Any, Protocol

import msgspec

from fanfold.desk import Desk
from fanfold.ledger.orders import LIVE
from fanfold.messages import Fill, LegCode, LegState, Order, OrderState, PositionSnapshot
from fanfold.strategy.contract import PROTECTION

REFUSED = "REFUSED"
# An order outlives its bar by its time to live; beyond this nothing of it is looked for.
DAYS_MAX = 400
# What a leg reports that trades as its strategy wants, and of a position that the desk file may not have any more.
AS_WRITTEN = frozenset({LegCode.OK, LegCode.FLAT})
_OF_POSITIONS = frozenset({LegCode.ORPHANED, LegCode.UNPROTECTED})
# Decisions that one batch looks up.
DECISIONS = 50
Fields = dict[str, Any]


class Reading(Protocol):
    """Audit's views as they are read; see fanfold.aws.dynamodb.views. A view that does not exist is an empty dict."""

    def read(self, place: tuple[str, ...]) -> Fields: ...

    def of_account(self, account: str, kind: str) -> list[Fields]: ...

    def orders(self, account: str) -> Iterable[tuple[Fields, Fields]]: ...

    def decisions(self, account: str, until: str) -> Iterable[tuple[str, list[str]]]: ...

    def orders_by_id(
        self, account: str, ids: Sequence[str], *, consistent: bool = True
    ) -> Mapping[str, tuple[Fields, Fields]]: ...

    def trades(self, account: str, dt: str) -> list[Fields]: ...


def orders_of(views: Reading, account: str) -> list[Fields]:
    """Return every order that risk decided, oldest first, with ``state``, ``filled``, ``code`` and ``message_id``."""
    orders = [order_fields(item, state) for item, state in views.orders(account)]
    return sorted(orders, key=lambda order: (order["decided_at"], order["order_id"]))


def newest_orders(views: Reading, account: str, until: str = "") -> Iterator[tuple[str, Fields]]:
    """Yield orders newest first, from the decision of a place on ("": all), each with the place of its decision.

    An order that was decided more than once, first refused and then approved, comes at its last decision. The views are
    read lazily: a page costs the same however many orders exist.
    """
    decisions = iter(views.decisions(account, until))
    while batch := list(islice(decisions, DECISIONS)):
        by_id = views.orders_by_id(account, [order_id for _, ids in batch for order_id in ids])
        for place, ids in batch:
            orders = [order_fields(*by_id[order_id]) for order_id in ids if order_id in by_id]
            yield from ((place, order) for order in orders if place.endswith(f"#{order['message_id']}"))


def order_of(views: Reading, account: str, order_id: str) -> Fields:
    """Return one order of an account, {} where it has none of that id."""
    item = views.read(("order", account, order_id))
    return order_fields(item, views.read(("order-state", account, order_id))) if item else {}


def is_open(order: Fields) -> bool:
    return order["state"] in LIVE


def is_unknown(order: Fields) -> bool:
    """Return whether an order was sent, and nobody knows yet what became of it."""
    return bool(order["state"] == OrderState.SUBMITTING)


def fills_of(views: Reading, account: str, day: str) -> list[Fill]:
    """Return the fills of a UTC day (2026-01-31), sorted by time."""
    fills = [msgspec.convert(item["fill"], Fill) for item in views.trades(account, day)]
    return sorted(fills, key=lambda fill: (fill.at, fill.trade_id))


def fills_of_order(views: Reading, order: Fields) -> list[Fill]:
    """Return the fills of an order, read from the days it lived."""
    lived = days(order["decided_at"], order["changed_at"])
    return [
        fill for day in lived for fill in fills_of(views, order["account"], day) if fill.order_id == order["order_id"]
    ]


def holdings_of(views: Reading, account: str) -> list[PositionSnapshot]:
    return [holding(item) for item in views.of_account(account, "position#")]


def holding(item: Fields) -> PositionSnapshot:
    """Return the holding in a view; its version is stored as a decimal."""
    return msgspec.convert(item["position"] | {"version": int(item["position"]["version"])}, PositionSnapshot)


def trades_in(desk: Desk, account: str, instance: str, instrument: str) -> bool:
    """Return whether the desk file has a leg, on this account."""
    known = desk.strategies.get(instance)
    return known is not None and known.account == account and instrument in known.instruments


def signals_of(views: Reading, desk: Desk, account: str) -> list[Fields]:
    """Return the last signal of each leg of an account that the desk file has, by strategy instance.

    A leg may be in another part of a poll than before; the item of that part then stays as it was.
    """
    signals: dict[tuple[str, str], Fields] = {}
    for at, item in _by_time(views, account, "targets#"):
        for target in item["targets"]:
            leg = target["instance"], target["instrument"]
            if trades_in(desk, account, *leg):
                shares = {name: float(target[name]) for name in ("weight", *PROTECTION) if name in target}
                signals[leg] = {"at": at, "account": account} | target | shares
    return [signals[leg] for leg in sorted(signals)]


def _by_time(views: Reading, account: str, kind: str) -> list[tuple[datetime, Fields]]:
    """Return the items of a kind that an account has, each with its time, the oldest first."""
    items = [(datetime.fromisoformat(item["at"]), item) for item in views.of_account(account, kind)]
    return sorted(items, key=itemgetter(0))


def leg_states(views: Reading, account: str) -> list[Fields]:
    """Return the last statuses of each leg of an account, of signal and of risk, by instance and instrument.

    A leg trades while ``code`` is OK in all of them.
    """
    legs: dict[tuple[str, str, str], Fields] = {}
    # A release that kept one status a leg left it at another place, where nothing replaces it.
    for at, item in _by_time(views, account, "leg#"):
        state = msgspec.convert(item["status"], LegState)
        for service in state.services:
            leg = {"at": at, "account": account} | msgspec.to_builtins(state)
            legs[state.instance, state.instrument, service] = leg
    return [legs[place] for place in sorted(legs)]


def reported_legs(views: Reading, desk: Desk, account: str) -> list[Fields]:
    """Return what signal and risk report of legs that do not trade as their strategies want.

    Of a leg that left the desk file nobody reports any more, but that its position is there.
    """
    return [
        leg
        for leg in leg_states(views, account)
        if leg["code"] not in AS_WRITTEN
        and (leg["code"] in _OF_POSITIONS or trades_in(desk, account, leg["instance"], leg["instrument"]))
    ]


def days(first: datetime, last: datetime) -> Iterator[str]:
    """Return the UTC days from one time to another."""
    day, end = first.astimezone(UTC).date(), last.astimezone(UTC).date()
    while day <= min(end, first.astimezone(UTC).date() + timedelta(days=DAYS_MAX)):
        yield day.isoformat()
        day += timedelta(days=1)


def order_fields(item: Fields, state: Fields) -> Fields:
    """Return an order as queries do, from its view and that of its state, {} where it has none yet."""
    order = msgspec.convert(item["order"], Order)
    # What has a state was approved, though its approval may be recorded a moment later.
    refused = "code" in item and not state
    reached = REFUSED if refused else state.get("state", OrderState.APPROVED.value)
    fields = msgspec.structs.asdict(order)
    return {name: value for name, value in fields.items() if value is not msgspec.UNSET} | {
        "state": reached,
        "filled": Decimal(state.get("filled", "0")),
        "reason": state.get("reason", ""),
        "doubt": state.get("doubt", ""),
        "code": item.get("code", "") if refused else "",
        "detail": item.get("detail", "") if refused else "",
        "changed_at": datetime.fromisoformat(state["at"]) if state else order.decided_at,
        "message_id": item["message_id"],
    }
