"""The reading side of the HTTP API: each route and its handler."""

from datetime import datetime
from typing import Any

from audit_service import read_desk, read_orders
from fanfold.api import openapi
from fanfold.api.router import Handler, serve
from fanfold.audit.lineage import Segments
from fanfold.audit.queries import Reading
from fanfold.desk import Desk

# The desk's time, by which a reader tells how old the data is: of a market that is replayed it is not the reader's.
CLOCK_HEADER = "fanfold-clock"


def answer(event: dict[str, Any], desk: Desk, views: Reading, log: Segments, now: datetime) -> dict[str, Any]:
    """Respond to an HTTP API event. Every path without a route comes here, to be rejected."""
    handlers: dict[str, Handler] = {
        "status": lambda _request, query: read_desk.status(desk, views, query.account),
        "positions": lambda _request, query: read_desk.positions(desk, views, query.account),
        "signals": lambda _request, query: read_desk.signals(desk, views, query.account),
        "orders": lambda _request, query: read_orders.orders(desk, views, query),
        "order": lambda request, _query: read_orders.order(desk, views, log, request.parameters["order"]),
        "trades": lambda _request, query: read_orders.trades(desk, views, query),
        "openapi": lambda _request, _query: openapi.document(),
    }
    response = serve(event, handlers)
    return response | {"headers": response["headers"] | {CLOCK_HEADER: now.isoformat()}}
