"""The reading side of the HTTP API: each route and its handler."""

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from audit_service import read_charts, read_desk, read_orders, read_refusals
from fanfold.api import openapi
from fanfold.api.requests import ApiRequest, accounts
from fanfold.api.router import Handler, Reply, serve, with_clock
from fanfold.audit.bar_history import BarHistory
from fanfold.audit.lineage import Segments
from fanfold.audit.open_orders import OpenOrders
from fanfold.audit.queries import Reading
from fanfold.audit.read_cache import ReadCache
from fanfold.desk import Desk

# Takes the views too, as far as they are not remembered.
ViewHandler = Callable[[ApiRequest, Any, Reading], Any]
# Names all that audit had recorded before an answer was read: what it has not changed for need not be asked for again.
RECORDED_HEADER = "fanfold-recorded"


class ReadParts(NamedTuple):
    """The places a process reads from, and its memory of what it read."""

    views: Reading
    open_orders: OpenOrders
    log: Segments
    history: BarHistory
    remembered: ReadCache


def answer(event: dict[str, Any], desk: Desk, parts: ReadParts, now: datetime) -> dict[str, Any]:
    """Respond to an HTTP API event. Every path without a route comes here, to be rejected."""
    history = parts.history
    # The newest bars are those until the last minute, so that they are the same bars for so long.
    minute = now.replace(second=0, microsecond=0)
    read: Mapping[str, ViewHandler] = {
        "status": lambda _request, query, views: read_desk.status(desk, views, parts.open_orders, query.account),
        "positions": lambda _request, query, views: read_desk.positions(desk, views, query.account),
        "signals": lambda _request, query, views: read_desk.signals(desk, views, query.account),
        "orders": lambda _request, query, views: read_orders.orders(desk, views, query),
        "order": lambda request, _query, views: read_orders.order(desk, views, parts.log, request.parameters["order"]),
        "refusals": lambda _request, query, views: read_refusals.refusals(desk, views, query.account),
        "trades": lambda _request, query, views: read_orders.trades(desk, views, query),
        "bars": lambda _request, query, _views: read_charts.bars(desk, history, query, minute),
        "equity": lambda _request, query, views: read_charts.equity(desk, views, history, query, now),
    }
    # What an answer follows from beside the views; None where it may be another one the next time.
    besides: dict[str, Callable[[Any], Hashable | None]] = {
        "bars": lambda query: _with(history.extent(read_charts.venue_of(desk, query)), minute),
        "equity": lambda query: _traded(desk, parts, query.account),
    }
    handlers: dict[str, Handler] = {
        name: _remembering(handler, parts.remembered, besides.get(name, lambda _query: ""))
        for name, handler in read.items()
    }
    handlers["openapi"] = lambda _request, _query: openapi.document()
    return with_clock(serve(event, handlers), now)


def _remembering(handler: ViewHandler, remembered: ReadCache, besides: Callable[[Any], Hashable | None]) -> Handler:
    def reply(request: ApiRequest, query: Any) -> Reply:
        more = besides(query)
        key = None if more is None else (request.path, tuple(sorted(request.query.items())), more)
        body, recorded = remembered.read(key, lambda views: handler(request, query, views))
        return Reply(body, headers={RECORDED_HEADER: recorded})

    return reply


def _traded(desk: Desk, parts: ReadParts, account: str) -> Hashable | None:
    """Return what the equity of an account follows from; until its first bar that is the clock."""
    (name,) = accounts(desk, account)
    return parts.history.extent(desk.accounts[name].venue) if parts.views.read(("matched", name)) else None


def _with(extent: int | None, minute: datetime) -> Hashable | None:
    return None if extent is None else (extent, minute)
