"""The WebSocket API: the paths of the REST API by names of methods, sessions, and subscriptions to the account."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from fanfold.exchange.box import Box, BoxRequest
from fanfold.exchange.faults import Delivery
from fanfold.exchange.parameters import Params
from fanfold.exchange.refusals import ExchangeRefusal, missing
from fanfold.exchange.routes import API, route_of
from fanfold.exchange.signing import check_key, check_signature, check_time, sign
from fanfold.exchange.streams import StreamSession

# Method -> the request that it is.
METHODS = {
    "ping": "GET ping",
    "time": "GET time",
    "exchangeInfo": "GET exchangeInfo",
    "depth": "GET depth",
    "trades.recent": "GET trades",
    "trades.historical": "GET historicalTrades",
    "trades.aggregate": "GET aggTrades",
    "klines": "GET klines",
    "uiKlines": "GET uiKlines",
    "avgPrice": "GET avgPrice",
    "ticker.24hr": "GET ticker/24hr",
    "ticker.price": "GET ticker/price",
    "ticker.book": "GET ticker/bookTicker",
    "order.place": "POST order",
    "order.test": "POST order/test",
    "order.status": "GET order",
    "order.cancel": "DELETE order",
    "order.cancelReplace": "POST order/cancelReplace",
    "orderList.place": "POST order/oco",
    "orderList.place.oco": "POST orderList/oco",
    "orderList.status": "GET orderList",
    "orderList.cancel": "DELETE orderList",
    "openOrderLists.status": "GET openOrderList",
    "allOrderLists": "GET allOrderList",
    "openOrders.status": "GET openOrders",
    "openOrders.cancelAll": "DELETE openOrders",
    "allOrders": "GET allOrders",
    "myTrades": "GET myTrades",
    "account.status": "GET account",
    "account.commission": "GET account/commission",
    "account.rateLimits.orders": "GET rateLimit/order",
}
PLACING = {"order.place", "order.cancelReplace", "orderList.place", "orderList.place.oco"}


class SocketApi:
    """Answers the requests of connections; ``deliver`` answers a request of the REST API, faults and all."""

    def __init__(self, box: Box, deliver: Callable[[BoxRequest], Delivery], clock: Callable[[], int]) -> None:
        self._box = box
        self._deliver = deliver
        self._clock = clock

    def receive(self, session: StreamSession, text: str) -> None:
        """Answer a message; a fault that spoils an answer ends the connection."""
        try:
            message = json.loads(text)
            method = message["method"].removeprefix("v3/")
            sent = {name: _written(value) for name, value in (message.get("params") or {}).items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            session.send({"id": None, "status": 400, "error": {"code": -1135, "msg": "Invalid JSON Request"}})
            return
        with_limits = sent.pop("returnRateLimits", "true") == "true"
        try:
            document = self._session(session, method, sent) or self._request(session, method, sent)
        except ExchangeRefusal as refusal:
            document = {"status": refusal.status, "error": {"code": refusal.code, "msg": refusal.text}}
        if document is None:
            session.close()
            return
        if with_limits:
            document["rateLimits"] = self._box.meter.usage(self._clock(), orders=method in PLACING)
        session.send({"id": message.get("id"), **document})

    def _session(self, session: StreamSession, method: str, sent: dict[str, str]) -> dict[str, Any] | None:
        """Carry out a method of the session and its subscriptions; return None for any other."""
        if method == "session.logon":
            self._check_signed(sent)
            if sent["apiKey"] != self._box.credentials.ed25519_key:
                raise ExchangeRefusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
            session.authorized_at_ms = self._clock()
        elif method == "session.logout":
            session.authorized_at_ms = None
            session.subscriptions = {number: own for number, own in session.subscriptions.items() if not own}
        elif method == "session.subscriptions":
            return _result([{"subscriptionId": number} for number in session.subscriptions])
        elif method == "userDataStream.subscribe.signature":
            self._check_signed(sent)
            return _subscribe(session, logged_on=False)
        elif method == "userDataStream.subscribe":
            if session.authorized_at_ms is None:
                raise missing("apiKey")
            return _subscribe(session, logged_on=True)
        elif method == "userDataStream.unsubscribe":
            return _unsubscribe(session, sent.get("subscriptionId"))
        elif method != "session.status":
            return None
        return _result(self._status(session))

    def _status(self, session: StreamSession) -> dict[str, Any]:
        return {
            "apiKey": None if session.authorized_at_ms is None else self._box.credentials.ed25519_key,
            "authorizedSince": session.authorized_at_ms,
            "connectedSince": session.connected_at_ms,
            "returnRateLimits": True,
            "serverTime": self._clock(),
            "userDataStream": bool(session.subscriptions),
        }

    def _request(self, session: StreamSession, method: str, sent: dict[str, str]) -> dict[str, Any] | None:
        """Answer as the path of a method does; return None where the answer is lost on its way."""
        http_method, _, path = METHODS.get(method, "").partition(" ")
        route = route_of(http_method, API + path)
        if route is None:
            raise ExchangeRefusal(-1000, f"{method} is not served.", 404)
        key = ""
        if route.security == "signed":
            if session.authorized_at_ms is None or "signature" in sent:
                self._check_signed(sent)
            key, sent = self._box.credentials.key, self._signed_again(sent)
        delivery = self._deliver(BoxRequest(http_method, API + path, urlencode(sent), "", key))
        try:
            body = json.loads(delivery.answer.body)
        except ValueError:
            return None
        if delivery.how != "whole":
            return None
        status = delivery.answer.status
        return {"status": status, "result" if status == 200 else "error": body}

    def _check_signed(self, sent: Params) -> None:
        """Check a key, and the signature over all parameters by name."""
        if "apiKey" not in sent:
            raise missing("apiKey")
        check_key(self._box.credentials, sent["apiKey"])
        check_time(sent, self._clock())
        payload = "&".join(f"{name}={sent[name]}" for name in sorted(sent) if name != "signature")
        check_signature(self._box.credentials, sent["apiKey"], payload, "", sent)

    def _signed_again(self, sent: Params) -> dict[str, str]:
        """Return the parameters signed as a request of the REST API."""
        bare = {name: value for name, value in sent.items() if name not in {"apiKey", "signature"}}
        return bare | {"signature": sign(self._box.credentials, urlencode(bare).encode())}


def _written(value: Any) -> str:
    """Return a value as a query has it."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _result(result: Any) -> dict[str, Any]:
    return {"status": 200, "result": result}


def _subscribe(session: StreamSession, *, logged_on: bool) -> dict[str, Any]:
    if session.subscriptions:
        raise ExchangeRefusal(-2035, "User Data Stream subscription already active.")
    number = session.subscribed
    session.subscribed += 1
    session.subscriptions[number] = logged_on
    return _result({"subscriptionId": number})


def _unsubscribe(session: StreamSession, number: str | None) -> dict[str, Any]:
    if number is None:
        session.subscriptions.clear()
    elif session.subscriptions.pop(int(number) if number.isdecimal() else -1, None) is None:
        raise ExchangeRefusal(-2036, "User Data Stream subscription not active.")
    return _result({})
