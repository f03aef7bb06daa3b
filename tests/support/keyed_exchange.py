"""A make-believe exchange that is asked under a key, and says to it what a test tells it to."""

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from fanfold.messages import Order
from fanfold.trading.terms import TERMS
from fanfold.trading.venue import OrderRequest
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.trading import ExchangeTrading
from support.exchange_server import Answer, Exchange, Request

SYMBOL = "BTC/USDT"
SECRET = base64.b64encode(b"a secret of a test, of no value").decode()
PLAIN_SECRET = "another secret of a test, of no value"
CREDENTIALS = {"api_key": "key-of-a-test", "secret": SECRET, "password": "word"}
NEEDED = {"okx": ("api_key", "secret", "password")}
CLAIMED = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)
DEADLINE = CLAIMED + timedelta(seconds=5)
# Where each exchange takes an order.
PLACES = {
    "binance": "/api/v3/order",
    "kraken": "/0/private/AddOrder",
    "coinbase": "/api/v3/brokerage/orders",
    "okx": "/api/v5/trade/order",
    "bybit": "/v5/order/create",
}


class KeyedExchange(Exchange):
    """An exchange whose private paths are answered by ``private``, and whose requests to them are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.private: Callable[[Request], Answer | None] = lambda _request: None
        self.requests: list[Request] = []

    def respond(self, request: Request) -> Answer:
        if not _is_private(request):
            return super().respond(request)
        self.requests.append(request)
        return self.private(request) or super().respond(request)

    def sent(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]


def _is_private(request: Request) -> bool:
    named = {name.lower() for name in request.headers}
    return bool(named & {"x-mbx-apikey", "api-key", "ok-access-key", "x-bapi-api-key", "cb-access-key"})


def fields(request: Request) -> dict[str, Any]:
    """The fields in the body of an order request."""
    if request.body.startswith("{"):
        document: dict[str, Any] = json.loads(request.body)
        return document
    return dict(parse_qsl(request.body))


def says(document: Any, status: int = 200) -> Callable[[Request], Answer]:
    """The same answer to every request."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return lambda _request: Answer(status, body)


def trading_at(
    exchange: str, origin: str, timeout_s: float = 1.0, sleep: Callable[[float], None] = time.sleep
) -> ExchangeTrading:
    """The adapter of an exchange whose hosts are this origin; it waits for its turns by ``sleep``."""
    terms = TERMS[exchange]
    credentials = {name: CREDENTIALS[name] for name in NEEDED.get(exchange, ("api_key", "secret"))}
    if exchange == "coinbase":
        # In base64 it would count as a private key.
        credentials["secret"] = PLAIN_SECRET
    client = KeyedClient(terms, credentials, origin, timeout_s=timeout_s, sleep=sleep)
    return ExchangeTrading(terms, client, lambda: CLAIMED)


def order(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "order_id": "o1", "client_order_id": "0123456789abcdef0123456789", "signal_id": "s1", "account": "main",
        "venue": "v", "instance": "trend", "instrument": SYMBOL, "side": "buy", "kind": "limit",
        "quantity": Decimal("0.00120"), "limit_price": Decimal("70123.40"), "time_in_force": "ioc",
        "reference_price": Decimal(70_000), "reserved": Decimal(100), "decided_at": CLAIMED - timedelta(seconds=1),
        "expires_at": CLAIMED + timedelta(minutes=5),
    }  # fmt: skip
    return Order(**fields | changes)


def claimed(**changes: Any) -> OrderRequest:
    return OrderRequest(order=order(**changes), claimed_at=CLAIMED, deadline=DEADLINE)
