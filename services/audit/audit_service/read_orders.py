"""What the HTTP API tells of orders and trades, page by page, newest first."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from audit_service.read_desk import accounts
from fanfold.causes import Segments, causes
from fanfold.desk import Desk
from fanfold.http.answers import Cause, ExplainedOrder, OrderPage, OrdersQuery, RecordedOrder, TradePage, TradesQuery
from fanfold.http.cursors import page
from fanfold.http.problems import bad_request, not_found
from fanfold.messages import Fill
from fanfold.recorded import REFUSED, Reading, fills_of, fills_of_order, is_open, order_of, orders_of


def orders(desk: Desk, views: Reading, query: OrdersQuery) -> OrderPage:
    """A page of the orders that were asked for."""
    if query.open and query.refused:
        raise bad_request("an order is not both open and refused; ask for one of them")
    every = [order for name in accounts(desk, query.account) for order in orders_of(views, name)]
    kept = sorted((order for order in every if _is_asked_for(order, query)), key=_order_place, reverse=True)
    scope = "orders", query.account, query.instrument, query.open, query.refused
    shown, following = page(kept, _order_place, query.cursor, query.limit, scope)
    return OrderPage(orders=[RecordedOrder(**order) for order in shown], next=following)


def order(desk: Desk, views: Reading, log: Segments, asked: str) -> ExplainedOrder:
    """An order of the whole id, with its causes. Raises Problem where there is none."""
    for account in sorted(desk.accounts):
        found = order_of(views, account, asked)
        if found:
            chain = [msgspec.convert(step, Cause) for step in causes(views, log, found)]
            return ExplainedOrder(order=RecordedOrder(**found), fills=fills_of_order(views, found), chain=chain)
    raise not_found(f"no order {asked!r} is recorded; give the whole id")


def trades(desk: Desk, views: Reading, query: TradesQuery) -> TradePage:
    """A page of the fills of an account on a day."""
    (account,) = accounts(desk, query.account)
    found = sorted(fills_of(views, account, query.day.isoformat()), key=_trade_place, reverse=True)
    shown, following = page(found, _trade_place, query.cursor, query.limit, ("trades", account, query.day.isoformat()))
    return TradePage(trades=shown, next=following)


def _is_asked_for(order: dict[str, Any], query: OrdersQuery) -> bool:
    if query.refused and order["state"] != REFUSED:
        return False
    if query.open and not is_open(order):
        return False
    return query.instrument in {None, order["instrument"]}


def _order_place(order: dict[str, Any]) -> tuple[str, ...]:
    return _moment(order["decided_at"]), order["order_id"]


def _trade_place(fill: Fill) -> tuple[str, ...]:
    # A venue's trade ids are its own: two instruments may share one.
    return _moment(fill.at), fill.instrument, fill.trade_id


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
