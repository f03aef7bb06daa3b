"""Whatever is sent to the simulated exchange is answered, or refused with a code: no request breaks it."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanfold.exchange.box import Box, BoxRequest
from fanfold.exchange.faults import ArmedFault, FaultInjector
from fanfold.exchange.parameters import SIGNED
from fanfold.exchange.routes import API, ROUTES
from fanfold.exchange.socket_api import METHODS, SocketApi
from fanfold.exchange.streams import StreamFeed, StreamSession
from support.box_client import NOW_MS, make_box, read, signed

VALUES = st.sampled_from(
    (
        "", "0", "1", "-1", "0.01", "65000", "65000.00", "1e5", "NaN", "Infinity", "9" * 19, "9" * 21, "1.123456789",
        "true", "false", "null", "[]", "{}", '["BTCUSDT"]', '[["BTCUSDT"]]', "BTCUSDT", "NONE", "btcusdt", "é", "a b",
        "BUY", "SELL", "LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT", "LIMIT_MAKER", "GTC",
        "FOK", "ACK", "FULL", "MINI", "1m", "1M", "1s", "-12:00", "14:00", "99", "STOP_ON_FAILURE", "ALLOW_FAILURE",
        "ONLY_NEW", "TRADING", "HALT", "EXPIRE_BOTH", "name", str(NOW_MS), f"{NOW_MS}000",
    )
)  # fmt: skip
STATUSES = {200, 400, 401, 404, 409, 418, 429}
BOX = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def box() -> Box:
    return make_box()


def likely(names: list[str]) -> Any:
    """Parameters of some of the names; the symbol is mostly one that there is."""
    symbols = st.one_of(st.just("BTCUSDT"), st.just("BTCUSDT"), VALUES)
    return st.dictionaries(st.sampled_from(names), VALUES).flatmap(
        lambda params: symbols.map(lambda symbol: params | ({"symbol": symbol} if "symbol" in names else {}))
    )


@pytest.mark.parametrize("route", ROUTES)
@given(data=st.data())
@settings(BOX, max_examples=40)
def test_a_request_is_answered_or_refused(box: Box, route: str, data: Any) -> None:
    method, name = route.split()
    path = name if name.startswith("/") else API + name
    names = (ROUTES[route].takes or "symbol").split()
    params = data.draw(likely([*names, *SIGNED.split()] if data.draw(st.booleans()) else names or ["symbol"]))
    request = signed(box, method, "order", **params)._replace(path=path)
    answer = box.answer(request, NOW_MS)
    assert answer.status in STATUSES
    if answer.status != 200:
        assert {"code", "msg"} <= read(answer).keys()


@given(text=st.text(alphabet='&=%?symbol[]"0é', max_size=30))
@BOX
def test_an_invalid_query_is_refused_under_faults_too(box: Box, text: str) -> None:
    injector = FaultInjector(box, "none", 7)
    injector.armed.append(ArmedFault(fault="server_error_after"))
    delivery = injector.deliver(BoxRequest("POST", f"{API}order", text, text), NOW_MS)
    assert delivery.answer.status in {401, 400, 503}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(document=JSON | st.fixed_dictionaries({"method": st.sampled_from(sorted(METHODS)), "params": JSON, "id": JSON}))
@BOX
def test_a_message_is_answered_on_either_connection(box: Box, document: Any) -> None:
    injector = FaultInjector(box, "none", 7)
    feed = StreamFeed(box, lambda: NOW_MS)
    api = SocketApi(box, lambda request: injector.deliver(request, NOW_MS), lambda: NOW_MS)
    for receive in (feed.receive, api.receive):
        session = StreamSession()
        receive(session, json.dumps(document))
        assert session.outgoing.qsize() == 1
