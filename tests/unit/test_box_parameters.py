"""The names of parameters: how many a path takes, which it reads, query before body, and what a call weighs."""

import hashlib
import hmac
from typing import Any

import pytest

from fanfold.exchange.box import Box, BoxRequest
from fanfold.exchange.parameters import SIGNED
from fanfold.exchange.routes import ROUTES
from support.box_client import NOW_MS, ask, limit, make_box, public, read, signed

LOW = "50000.00"


@pytest.fixture
def box() -> Box:
    return make_box()


@pytest.mark.parametrize("route", [name for name, route in ROUTES.items() if route.takes is not None])
def test_a_parameter_that_a_path_does_not_read_is_refused(box: Box, route: str) -> None:
    method, name = route.split()
    is_signed = ROUTES[route].security == "signed"
    most = len((ROUTES[route].takes or "").split()) + len(SIGNED.split()) * is_signed
    sent = {"created": "1"}

    def code(params: dict[str, Any]) -> Any:
        if is_signed:
            return ask(box, method, name, **params)
        return public(box, name, **params)

    count = len(sent) + (2 if is_signed else 0)
    one_too_many = code(sent)
    if most < count:
        assert one_too_many == {
            "code": -1101, "msg": f"Too many parameters; expected '{most}' and received '{count}'.",
        }  # fmt: skip
    else:
        text = f"Not all sent parameters were read; read '{count - 1}' parameter(s) but was sent '{count}'."
        assert one_too_many == {"code": -1104, "msg": text}
    many = code({f"name{n}": "1" for n in range(40)})
    assert (many["code"], f"expected '{most}'" in many["msg"]) == (-1101, True)


def test_an_order_with_a_name_of_the_wrong_case_is_said_to_be_unread_before_what_it_lacks(box: Box) -> None:
    order = limit(LOW)
    order["timeInforce"] = order.pop("timeInForce")
    text = "Not all sent parameters were read; read '7' parameter(s) but was sent '8'."
    assert ask(box, "POST", "order", **order) == {"code": -1104, "msg": text}
    assert box.exchange.orders == {}


@pytest.mark.parametrize("symbol", ["btcusdt", "BTC/USDT", "BTC USDT", "B" * 21])
def test_a_symbol_in_letters_that_none_has_is_illegal(box: Box, symbol: str) -> None:
    text = "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."
    assert public(box, "depth", symbol=symbol) == {"code": -1100, "msg": text}
    assert ask(box, "POST", "order", **limit(LOW) | {"symbol": symbol})["code"] == -1100


def test_what_the_query_says_the_body_does_not_change(box: Box) -> None:
    whole = signed(box, "POST", "order", **limit(LOW))
    unsigned = whole.query.partition("&signature=")[0]
    body = "side=SELL&newClientOrderId=both"
    signature = hmac.new(box.credentials.secret.encode(), (unsigned + body).encode(), hashlib.sha256).hexdigest()
    answer = box.answer(whole._replace(query=unsigned, body=f"{body}&signature={signature}"), NOW_MS)
    assert (read(answer)["side"], read(answer)["clientOrderId"]) == ("BUY", "both")


@pytest.mark.parametrize(
    ("path", "query", "weight"),
    [
        ("depth", "symbol=BTCUSDT", 5),
        ("depth", "symbol=BTCUSDT&limit=500", 25),
        ("depth", "symbol=BTCUSDT&limit=501", 50),
        ("depth", "symbol=BTCUSDT&limit=9999", 250),
        ("ticker/24hr", "symbol=BTCUSDT", 2),
        ("ticker/24hr", "", 80),
        ("ticker/24hr", 'symbols=["BTCUSDT"]', 2),
        ("ticker/24hr", "symbols=[" + ",".join(['"BTCUSDT"'] * 21) + "]", 40),
        ("ticker/price", "", 4),
        ("ticker/bookTicker", "symbol=BTCUSDT", 2),
    ],
)
def test_a_call_weighs_what_it_asks_for(box: Box, path: str, query: str, weight: int) -> None:
    answer = box.answer(BoxRequest("GET", f"/api/v3/{path}", query), NOW_MS)
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_a_signed_call_weighs_what_it_asks_for(box: Box) -> None:
    def weight(path: str, **params: Any) -> int:
        before, after = (box.answer(signed(box, "GET", path, **params), NOW_MS).headers for _ in range(2))
        return int(after["X-MBX-USED-WEIGHT-1M"]) - int(before["X-MBX-USED-WEIGHT-1M"])

    assert [weight("openOrders", symbol="BTCUSDT"), weight("openOrders")] == [6, 80]
    assert [weight("myTrades", symbol="BTCUSDT", orderId=1), weight("myTrades", symbol="BTCUSDT")] == [5, 20]
