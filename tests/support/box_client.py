"""A box without a socket, asked as a signed client would."""

import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from fanfold.exchange.box import Box, BoxAnswer, BoxRequest
from fanfold.exchange.liquidity import shifted
from fanfold.exchange.request_limits import RequestLimits
from fanfold.simulation import market

NOW_MS = 1_770_531_630_000
PLENTY = RequestLimits(weight=10**9, orders_10s=10**9, orders_day=10**9)


def make_box(symbols: tuple[str, ...] = ("BTC/USDT",), limits: RequestLimits = PLENTY, **deposits: str) -> Box:
    """A box of the seeded market, an hour of which is over."""
    start = NOW_MS // 60_000 * 60 - 3_600
    series = [shifted(history, NOW_MS // 1_000, 60) for history in market.market(7, symbols, 240, start)]
    amounts = {name: Decimal(amount) for name, amount in (deposits or {"USDT": "100000", "BTC": "5"}).items()}
    return Box(series, market.catalogue(), amounts, seed=7, started_at_ms=NOW_MS, limits=limits)


def signed(box: Box, method: str, path: str, now_ms: int = NOW_MS, **params: Any) -> BoxRequest:
    """A request with key, timestamp and signature; all of it in the query."""
    query = urlencode({"timestamp": now_ms, **params})
    signature = hmac.new(box.credentials.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    return BoxRequest(method, f"/api/v3/{path}", f"{query}&signature={signature}", "", box.credentials.key)


def ask(box: Box, method: str, path: str, now_ms: int = NOW_MS, **params: Any) -> Any:
    return read(box.answer(signed(box, method, path, now_ms, **params), now_ms))


def read(answer: BoxAnswer) -> Any:
    return json.loads(answer.body)


def public(box: Box, path: str, now_ms: int = NOW_MS, **params: Any) -> Any:
    return read(box.answer(BoxRequest("GET", f"/api/v3/{path}", urlencode(params)), now_ms))


def limit(price: str, quantity: str = "0.01", side: str = "BUY", **more: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": "GTC", "quantity": quantity,
        "price": price, **more,
    }  # fmt: skip
