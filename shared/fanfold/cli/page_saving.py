"""Read what the page's views show of a desk, and put it into one file with the page."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from fanfold.api.router import CLOCK_HEADER
from fanfold.errors import NotReachable
from fanfold.page.files import PageSettings
from fanfold.page.saved import saved_document

# As much as somebody reads in a file; the live page reads on.
ORDERS_MAX = 500
EXPLAINED_MAX = 100
PAGE = 100
BARS = 500
DAYS = (1, 7, 31)
OK = 200
VIEWS = ("/limits", "/refusals", "/system", "/research")


class SavedPage(NamedTuple):
    """A page as one text, the desk's time in it, and how many reads its data is of."""

    text: str
    clock: str
    reads: int


class Answers(Protocol):
    """The HTTP API; see fanfold.local.http_gateway."""

    page: PageSettings

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> dict[str, Any]: ...


def saved_page(gateway: Answers) -> SavedPage:
    """Return the page of a desk as it is now. Raises NotReachable where the desk tells no status."""
    response = gateway.answer("GET", "/status", {}, b"")
    if response["statusCode"] != OK:
        raise NotReachable(f"the desk does not tell its status: {response['body'][:300]}")
    status, clock = json.loads(response["body"]), str(response["headers"][CLOCK_HEADER])
    responses = {"/status": status, "/orders": {"orders": _orders(gateway), "next": None}}
    for path in _paths(status["accounts"], responses["/orders"]["orders"]):
        body = _read(gateway, path)
        if body is not None:
            responses[path] = body
    return SavedPage(saved_document(gateway.page, clock, responses), clock, len(responses))


def _paths(accounts: list[dict[str, Any]], orders: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the paths that the views read of a desk, besides its status and its orders."""
    yield from VIEWS
    for account in accounts:
        name = account["account"]
        yield from (f"/equity?{urlencode({'account': name, 'days': days})}" for days in DAYS)
        if account["matched_through"]:
            yield f"/trades?{urlencode({'account': name, 'day': account['matched_through'][:10], 'limit': PAGE})}"
        for instrument in account.get("instruments", []):
            for timeframe in account.get("timeframes", []):
                series = {"instrument": instrument, "venue": account["venue"], "timeframe": timeframe}
                yield f"/bars?{urlencode(series | {'limit': BARS})}"
    yield from (f"/orders/{order['order_id']}" for order in orders[:EXPLAINED_MAX])


def _orders(gateway: Answers) -> list[dict[str, Any]]:
    orders: list[dict[str, Any]] = []
    cursor = ""
    while len(orders) < ORDERS_MAX:
        query = urlencode({"limit": PAGE} | ({"cursor": cursor} if cursor else {}))
        page = _read(gateway, f"/orders?{query}") or {"orders": [], "next": None}
        orders += page["orders"]
        cursor = page["next"]
        if cursor is None:
            break
    return orders


def _read(gateway: Answers, path: str) -> Any:
    """Return the body of a read, None where it was refused: the saved page says that it lacks it."""
    response = gateway.answer("GET", path, {}, b"")
    return json.loads(response["body"]) if response["statusCode"] == OK else None
