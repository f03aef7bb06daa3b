"""Connections of the simulated exchange: raw and combined streams, candles and tickers, sessions, requests, events."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key

from fanfold.exchange.faults import ArmedFault, FaultInjector
from fanfold.exchange.routes import ROUTES
from fanfold.exchange.socket_api import METHODS, SocketApi
from fanfold.exchange.streams import StreamFeed, StreamSession
from support.box_client import NOW_MS, ask, limit, make_box, public, signed

LOW, HIGH = "50000.00", "90000.00"
PAIR: dict[str, Any] = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": HIGH,
    "belowType": "STOP_LOSS", "belowStopPrice": LOW,
}  # fmt: skip


class Connection:
    """A connection to a box whose clock the test sets."""

    def __init__(self, path: str, query: str = "") -> None:
        self.box, self.now_ms = make_box(), NOW_MS
        self.injector = FaultInjector(self.box, "none", 7)
        self.feed = StreamFeed(self.box, lambda: self.now_ms)
        self.api = SocketApi(self.box, lambda request: self.injector.deliver(request, self.now_ms), lambda: self.now_ms)
        self.session = self.feed.open(path, query)

    def read(self) -> list[Any]:
        """The messages that wait; None for the end of the connection."""
        rows = [self.session.outgoing.get_nowait() for _ in range(self.session.outgoing.qsize())]
        return [None if row is None else json.loads(row) for row in rows]

    def later(self, ms: int) -> list[Any]:
        self.now_ms += ms
        self.box.advance(self.now_ms)
        self.feed.pump()
        return self.read()

    def send(self, text: str) -> Any:
        self.feed.receive(self.session, text)
        return self.read()[-1]

    def call(self, method: str, **params: Any) -> Any:
        self.api.receive(self.session, json.dumps({"id": 5, "method": method, "params": params}))
        rows = self.read()
        return rows[-1]

    def signed(self, method: str, *, ed25519: bool = False, **params: Any) -> Any:
        keys = self.box.credentials
        sent = {"apiKey": keys.ed25519_key if ed25519 else keys.key, "timestamp": self.now_ms, **params}
        payload = "&".join(f"{name}={sent[name]}" for name in sorted(sent)).encode()
        if ed25519:
            private: Any = load_der_private_key(base64.b64decode(keys.ed25519_secret), None)
            sent["signature"] = base64.b64encode(private.sign(payload)).decode()
        else:
            sent["signature"] = hmac.new(keys.secret.encode(), payload, hashlib.sha256).hexdigest()
        return self.call(method, **sent)


@pytest.fixture
def api() -> Connection:
    return Connection("/ws-api/v3")


def kinds(rows: list[Any]) -> set[str]:
    return {row["e"] for row in rows if "e" in row}


def test_a_raw_stream_is_named_by_its_path() -> None:
    rows = Connection("/ws/btcusdt@trade/btcusdt@depth@100ms").later(60_000)
    assert kinds(rows) == {"trade", "depthUpdate"}


def test_combined_streams_are_told_within_their_names() -> None:
    rows = Connection("/stream", "streams=btcusdt@aggTrade/btcusdt@depth5@1000ms/btcusdt@bookTicker").later(60_000)
    assert {row["stream"] for row in rows} == {"btcusdt@aggTrade", "btcusdt@depth5@1000ms", "btcusdt@bookTicker"}
    depths = [row["data"] for row in rows if row["stream"] == "btcusdt@depth5@1000ms"]
    assert {len(depth[side]) for depth in depths for side in ("bids", "asks")} == {5}


def test_a_connection_lists_and_changes_what_it_has() -> None:
    connection = Connection("/ws/btcusdt@trade")
    connection.send('{"method": "SUBSCRIBE", "params": ["ethusdt@trade", "btcusdt@ticker"], "id": 1}')
    connection.send('{"method": "UNSUBSCRIBE", "params": ["ethusdt@trade"], "id": 2}')
    listed = connection.send('{"method": "LIST_SUBSCRIPTIONS", "id": 3}')
    assert listed == {"result": ["btcusdt@ticker", "btcusdt@trade"], "id": 3}
    connection.send('{"method": "SET_PROPERTY", "params": ["combined", true], "id": 4}')
    assert connection.send('{"method": "GET_PROPERTY", "params": ["combined"], "id": 5}') == {"result": True, "id": 5}
    assert {row["stream"] for row in connection.later(60_000)} == {"btcusdt@trade", "btcusdt@ticker"}


@pytest.mark.parametrize(("text", "code"), [("{", 3), ('{"method": "subscribe", "id": 1}', 2)])
def test_an_invalid_message_has_the_documented_code(text: str, code: int) -> None:
    connection = Connection("/ws")
    assert connection.send(text)["code"] == code
    assert connection.later(60_000) == []


def test_candles_are_told_while_they_are_open_and_once_closed() -> None:
    connection = Connection("/ws/btcusdt@kline_1m")
    events = [row["k"] for _ in range(5) for row in connection.later(20_000)]
    closed = [candle for candle in events if candle["x"]]
    rows = public(connection.box, "klines", connection.now_ms, symbol="BTCUSDT", interval="1m", limit=5)
    candles = {row[0]: row for row in rows}
    assert [candle["t"] for candle in closed] == [NOW_MS // 60_000 * 60_000 + n * 60_000 for n in range(len(closed))]
    assert len(closed) == 2
    for candle in closed:
        assert [candle[key] for key in "ohlcv"] == candles[candle["t"]][1:6]
    assert events[0]["f"] <= events[0]["L"]


def test_a_ticker_is_that_of_a_request() -> None:
    connection = Connection("/ws/btcusdt@ticker/btcusdt@miniTicker")
    rows = {row["e"]: row for row in connection.later(60_000)}
    answer = public(connection.box, "ticker/24hr", connection.now_ms, symbol="BTCUSDT")
    ticker = rows["24hrTicker"]
    assert (ticker["c"], ticker["v"], ticker["n"]) == (answer["lastPrice"], answer["volume"], answer["count"])
    assert rows["24hrMiniTicker"].keys() == {"e", "E", "s", *"cohlvq"}


def test_all_small_tickers_and_averages_are_told() -> None:
    rows = Connection("/stream", "streams=!miniTicker@arr/btcusdt@avgPrice").later(60_000)
    events = {row["stream"]: row["data"] for row in rows}
    assert [ticker["s"] for ticker in events["!miniTicker@arr"]] == ["BTCUSDT"]
    assert (events["btcusdt@avgPrice"]["e"], events["btcusdt@avgPrice"]["i"]) == ("avgPrice", "5m")


def test_a_candle_of_a_time_zone_opens_there() -> None:
    (event,) = Connection("/ws/btcusdt@kline_1d@+08:00").later(60_000)
    assert (event["k"]["t"] + 8 * 3_600_000) % 86_400_000 == 0


@pytest.mark.parametrize("name", ["btcusdt@kline_7m", "btcusdt@kline_1m@+99:00", "noneusdt@trade", "btcusdt@nothing"])
def test_an_unknown_stream_sends_nothing(name: str) -> None:
    assert Connection(f"/ws/{name}").later(60_000) == []


def test_every_method_has_a_path() -> None:
    assert set(METHODS.values()) <= set(ROUTES)


def test_an_order_is_placed_and_cancelled_by_a_signed_request(api: Connection) -> None:
    placed = api.signed("order.place", **limit(LOW, newClientOrderId="first"))
    assert (placed["status"], placed["id"], placed["result"]["status"]) == (200, 5, "NEW")
    assert [limit["rateLimitType"] for limit in placed["rateLimits"]] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
    assert placed["rateLimits"][0]["count"] == 1
    done = api.signed("v3/order.cancel", symbol="BTCUSDT", origClientOrderId="first")
    assert done["result"]["status"] == "CANCELED"
    gone = api.signed("order.cancel", symbol="BTCUSDT", origClientOrderId="first")
    assert (gone["status"], gone["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})


def test_numbers_lists_and_flags_are_read_as_a_query_has_them(api: Connection) -> None:
    placed = api.signed("order.place", **limit(LOW) | {"quantity": 0.01})
    assert placed["result"]["origQty"] == "0.01000000"
    assert len(api.call("exchangeInfo", symbols=["BTCUSDT"])["result"]["symbols"]) == 1
    assert "rateLimits" not in api.call("time", returnRateLimits=False)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"apiKey": "a" * 64}, -2015), ({"signature": "0" * 64}, -1022), ({"timestamp": 1}, -1021)],
)
def test_a_request_that_is_not_signed_is_refused(api: Connection, change: dict[str, Any], code: int) -> None:
    sent = {"apiKey": api.box.credentials.key, "timestamp": NOW_MS, "signature": "0", **limit(LOW), **change}
    assert api.call("order.place", **sent)["error"]["code"] == code
    assert api.call("order.place", **limit(LOW))["error"]["code"] == -1102
    assert api.box.exchange.orders == {}


def test_a_session_of_an_ed25519_key_needs_no_more_signatures(api: Connection) -> None:
    assert api.call("userDataStream.subscribe")["error"]["code"] == -1102
    assert api.signed("session.logon")["error"]["code"] == -2015
    status = api.signed("session.logon", ed25519=True)["result"]
    assert (status["apiKey"], status["userDataStream"]) == (api.box.credentials.ed25519_key, False)
    assert api.call("order.place", **limit(LOW), timestamp=NOW_MS)["result"]["status"] == "NEW"
    assert api.call("userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    assert api.call("userDataStream.subscribe")["error"]["code"] == -2035
    assert api.call("session.subscriptions")["result"] == [{"subscriptionId": 0}]
    assert api.call("session.logout")["result"]["userDataStream"] is False
    assert api.call("order.place", **limit(LOW), timestamp=NOW_MS)["error"]["code"] == -1102


def test_an_ed25519_key_signs_requests_too(api: Connection) -> None:
    request = signed(api.box, "GET", "account")
    wrong = api.box.answer(request._replace(key=api.box.credentials.ed25519_key), NOW_MS)
    assert json.loads(wrong.body)["code"] == -1022
    assert api.signed("account.status", ed25519=True)["result"]["canTrade"] is True


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"method": 7}', '{"method": "order.place", "params": 3}'])
def test_a_request_that_is_no_json_request_is_refused(api: Connection, text: str) -> None:
    api.api.receive(api.session, text)
    assert api.read()[-1]["error"] == {"code": -1135, "msg": "Invalid JSON Request"}


def test_a_fault_that_spoils_an_answer_ends_the_connection(api: Connection) -> None:
    api.injector.armed.append(ArmedFault(fault="reply_lost_after"))
    assert api.signed("order.place", **limit(LOW)) is None
    assert len(api.box.exchange.open_orders()) == 1


def events(api: Connection, method: str, **params: Any) -> list[Any]:
    """The events of the account's stream for a request."""
    ask(api.box, method.partition(" ")[0], method.partition(" ")[2], **params)
    return [message["event"] for message in api.read() if message["event"]["e"] != "outboundAccountPosition"]


def test_a_cancel_is_told_with_its_own_name_and_the_orders(api: Connection) -> None:
    api.signed("userDataStream.subscribe.signature")
    events(api, "POST order", **limit(LOW, newClientOrderId="mine"))
    (event,) = events(api, "DELETE order", symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="cancel")
    assert (event["x"], event["c"], event["C"]) == ("CANCELED", "cancel", "mine")


def test_the_state_of_a_list_is_told_when_it_begins_and_ends(api: Connection) -> None:
    api.signed("userDataStream.subscribe.signature")
    begun = events(api, "POST orderList/oco", **PAIR)
    assert [(event["e"], event.get("L")) for event in begun][-1] == ("listStatus", "EXECUTING")
    ended = events(api, "DELETE orderList", symbol="BTCUSDT", orderListId=begun[-1]["g"])
    assert [event["e"] for event in ended] == ["executionReport", "executionReport", "listStatus"]
    assert (ended[-1]["l"], ended[-1]["L"], len(ended[-1]["O"])) == ("ALL_DONE", "ALL_DONE", 2)


def test_ending_a_subscription_leaves_the_others(api: Connection) -> None:
    other = StreamSession()
    api.feed.sessions.add(other)
    other.subscriptions[0] = False
    api.signed("userDataStream.subscribe.signature")
    assert api.call("userDataStream.unsubscribe", subscriptionId=9)["error"]["code"] == -2036
    assert api.call("userDataStream.unsubscribe", subscriptionId=0)["result"] == {}
    assert events(api, "POST order", **limit(LOW)) == []
    assert other.outgoing.qsize() == 2


def test_an_order_by_quote_says_what_was_asked(api: Connection) -> None:
    api.signed("userDataStream.subscribe.signature")
    reports = events(api, "POST order", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100")
    assert {report["Q"] for report in reports} == {"100.00000000"}
    order = ask(api.box, "GET", "order", symbol="BTCUSDT", orderId=reports[0]["i"])
    assert order["origQuoteOrderQty"] == "100.00000000"
