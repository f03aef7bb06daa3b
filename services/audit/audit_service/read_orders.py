"""Orders and trades for the HTTP API, page by page, newest first."""

from collections.abc import Iterator
from datetime import UTC, datetime
from heapq import merge
from operator import itemgetter
from typing import Any

import msgspec

from fanfold.api.pagination import Position, decode_cursor, encode_cursor, page
from fanfold.api.problems import bad_request, not_found
from fanfold.api.requests import accounts
from fanfold.api.schemas import Cause, ExplainedOrder, OrderPage, OrdersQuery, RecordedOrder, TradePage, TradesQuery
from fanfold.audit.lineage import Segments, causes
from fanfold.audit.queries import (
    REFUSED,
    Reading,
    fills_of,
    fills_of_order,
    is_open,
    is_unknown,
    newest_orders,
    order_of,
)
from fanfold.desk import Desk
from fanfold.messages import Fill

# Of orders that were not asked for so many are looked at before a page ends, with a cursor to go on from.
LOOKED_AT_MAX = 500
# Twice an id's. A key of the table takes 1,024 bytes, and a longer one is an error.
ID_MAX = 64


def orders(desk: Desk, views: Reading, query: OrdersQuery) -> OrderPage:
    """Return a page of the orders that match: as many as its limit, or those among the first LOOKED_AT_MAX."""
    if query.refused and (query.open or query.unknown):
        raise bad_request("an order that was refused is neither open nor unknown; ask for one of them")
    scope = "orders", query.account, query.instrument, query.open, query.refused, query.unknown
    after = decode_cursor(query.cursor, scope) if query.cursor is not None else None
    shown: list[RecordedOrder] = []
    last: Position | None = None
    for looked_at, (place, fields) in enumerate(_newest(desk, views, query.account, after)):
        if len(shown) == query.limit or looked_at == LOOKED_AT_MAX:
            return OrderPage(orders=shown, next=encode_cursor(last, scope) if last else None)
        last = place
        shown += [RecordedOrder(**fields)] if _is_asked_for(fields, query) else []
    return OrderPage(orders=shown, next=None)


def _newest(desk: Desk, views: Reading, account: str | None, after: Position | None) -> Iterator[tuple[Position, Any]]:
    """Yield every order after a place, newest first; those of several accounts merged by time."""
    until = after[0] if after else ""
    each = [_placed(views, name, until) for name in accounts(desk, account)]
    every = merge(*each, key=itemgetter(0), reverse=True)
    return (entry for entry in every if after is None or entry[0] < after)


def _placed(views: Reading, account: str, until: str) -> Iterator[tuple[Position, Any]]:
    return (((place, fields["order_id"]), fields) for place, fields in newest_orders(views, account, until))


def order(desk: Desk, views: Reading, log: Segments, order_id: str) -> ExplainedOrder:
    """Return the order of an id, with its causes. Raises Problem where there is none."""
    if len(order_id) > ID_MAX:
        raise not_found(f"an order's id has no {len(order_id)} characters; give the whole id")
    for account in sorted(desk.accounts):
        fields = order_of(views, account, order_id)
        if fields:
            chain = [msgspec.convert(step, Cause) for step in causes(views, log, fields)]
            return ExplainedOrder(order=RecordedOrder(**fields), fills=fills_of_order(views, fields), chain=chain)
    raise not_found(f"no order {order_id!r} is recorded; give the whole id")


def trades(desk: Desk, views: Reading, query: TradesQuery) -> TradePage:
    """Return a page of the fills of an account on a day."""
    (account,) = accounts(desk, query.account)
    fills = sorted(fills_of(views, account, query.day.isoformat()), key=_trade_place, reverse=True)
    shown, following = page(fills, _trade_place, query.cursor, query.limit, ("trades", account, query.day.isoformat()))
    return TradePage(trades=shown, next=following)


def _is_asked_for(order: dict[str, Any], query: OrdersQuery) -> bool:
    if query.refused and order["state"] != REFUSED:
        return False
    if query.open and not is_open(order):
        return False
    if query.unknown and not is_unknown(order):
        return False
    return query.instrument in {None, order["instrument"]}


def _trade_place(fill: Fill) -> tuple[str, ...]:
    # A venue's trade ids are its own: two instruments may share one.
    return _moment(fill.at), fill.instrument, fill.trade_id


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
