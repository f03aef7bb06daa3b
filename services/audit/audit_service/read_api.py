"""The reading side of the HTTP API: each route and its handler."""

from datetime import datetime
from typing import Any

from audit_service import read_charts, read_desk, read_orders, read_refusals
from fanfold.api import openapi
from fanfold.api.router import Handler, serve, with_clock
from fanfold.audit.bar_history import BarHistory
from fanfold.audit.lineage import Segments
from fanfold.audit.open_orders import OpenOrders
from fanfold.audit.queries import Reading
from fanfold.desk import Desk


def answer(
    event: dict[str, Any],
    desk: Desk,
    views: Reading,
    open_orders: OpenOrders,
    log: Segments,
    history: BarHistory,
    now: datetime,
) -> dict[str, Any]:
    """Respond to an HTTP API event. Every path without a route comes here, to be rejected."""
    handlers: dict[str, Handler] = {
        "status": lambda _request, query: read_desk.status(desk, views, open_orders, query.account),
        "positions": lambda _request, query: read_desk.positions(desk, views, query.account),
        "signals": lambda _request, query: read_desk.signals(desk, views, query.account),
        "orders": lambda _request, query: read_orders.orders(desk, views, query),
        "order": lambda request, _query: read_orders.order(desk, views, log, request.parameters["order"]),
        "refusals": lambda _request, query: read_refusals.refusals(desk, views, query.account),
        "trades": lambda _request, query: read_orders.trades(desk, views, query),
        "bars": lambda _request, query: read_charts.bars(desk, history, query, now),
        "equity": lambda _request, query: read_charts.equity(desk, views, history, query, now),
        "openapi": lambda _request, _query: openapi.document(),
    }
    return with_clock(serve(event, handlers), now)
