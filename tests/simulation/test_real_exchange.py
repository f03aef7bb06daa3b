"""A live account through the production wiring, real ccxt and a real socket: its key, its orders, its books."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from test_real_execution import LiveDesk

from execution_service import wiring
from execution_service.settings import Settings
from fanfold.aws.dynamodb import ledger
from fanfold.messages import Order, OrderState
from support.core_desk import A
from support.exchange_server import Answer, Request, serving
from support.execution_world import order
from support.keyed_exchange import CREDENTIALS, KeyedExchange

KEY = {"apiKey": CREDENTIALS["api_key"], "secret": CREDENTIALS["secret"]}
RIGHTS = {"enableWithdrawals": False, "enableSpotAndMarginTrading": True}


class TradingExchange(KeyedExchange):
    """Binance as far as a desk sees it that buys: every order fills at once, with its fee in BTC."""

    def __init__(self) -> None:
        super().__init__()
        self.rights: dict[str, Any] = dict(RIGHTS)
        self.refusal: Answer | None = None
        self.private = self.answer_privately

    def answer_privately(self, request: Request) -> Answer | None:
        if request.path.endswith("apiRestrictions"):
            return _json(self.rights)
        if request.path.endswith("/account"):
            return _json({"balances": [{"asset": "USDT", "free": "10000", "locked": "0"}]})
        if request.method == "POST":
            return self.refusal or _json(_filled(dict(parse_qsl(request.body))))
        return _json([])

    @property
    def orders(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]


def _filled(sent: Mapping[str, str]) -> dict[str, Any]:
    fee = {"commission": "0.00000100", "commissionAsset": "BTC"}
    fill = {"price": sent["price"], "qty": sent["quantity"], "tradeId": 1, **fee}
    return {
        "symbol": sent["symbol"], "orderId": 1, "clientOrderId": sent["newClientOrderId"], "transactTime": 1,
        "price": sent["price"], "origQty": sent["quantity"], "executedQty": sent["quantity"], "status": "FILLED",
        "cummulativeQuoteQty": "1", "timeInForce": sent["timeInForce"], "type": "LIMIT", "side": sent["side"],
        "fills": [fill],
    }  # fmt: skip


def _json(document: Any) -> Answer:
    return Answer(body=json.dumps(document).encode())


class ExchangeDesk(LiveDesk):
    """A desk whose live account trades at an exchange on loopback, under a key of Parameter Store."""

    def __init__(self, origin: str) -> None:
        super().__init__("v")
        self.key: dict[str, str] = dict(KEY)
        self.version = 1
        names = ("executions_topic", "ledger_table", "paper_book_table")
        places = {name: self.places[name] for name in names}
        settings = Settings(**places, live_venue="v", venue_secret="/fanfold/live/venue", venue_origin=origin)
        self.process.parts = wiring.build(self.process.runtime, settings)

    def order(self, name: str) -> Order:
        # As risk makes them: at market is a limit that takes at once.
        return order(name, kind="limit", limit_price="100.50", time_in_force="ioc")

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if service == "ssm":
            return {"Parameter": {"Value": json.dumps(self.key), "Version": self.version}}
        return super()._call(service, operation, parameters)


@pytest.fixture
def exchange() -> TradingExchange:
    return TradingExchange()


@pytest.fixture
def desk_(exchange: TradingExchange) -> Iterator[ExchangeDesk]:
    with serving(exchange) as origin:
        yield ExchangeDesk(origin)


def test_an_order_is_sent_once_and_its_fee_in_coins_is_in_the_books(
    exchange: TradingExchange, desk_: ExchangeDesk
) -> None:
    message = desk_.approve("a")
    assert desk_.deliver() == []
    assert desk_.state("a") is OrderState.FILLED
    (request,) = exchange.orders
    sent = dict(parse_qsl(request.body))
    (approved,) = message.orders
    assert (sent["quantity"], sent["newClientOrderId"]) == (f"{approved.quantity:f}", approved.client_order_id)
    assert sent["timestamp"] == str(int(desk_.now.timestamp() * 1_000))
    books = ledger.read(desk_.table, "main")
    held = {key: stored.position.totals[0] for key, stored in books.positions.items()}
    assert held == {(approved.instance, A): approved.quantity - Decimal("0.000001")}


def test_a_refusal_ends_the_order_and_one_that_came_late_does_not(
    exchange: TradingExchange, desk_: ExchangeDesk
) -> None:
    exchange.refusal = Answer(400, b'{"code": -1021, "msg": "Timestamp outside of the recvWindow."}')
    desk_.approve("late")
    assert desk_.deliver() == []
    assert desk_.state("late") is OrderState.SUBMITTING
    exchange.refusal = Answer(400, b'{"code": -2010, "msg": "Account has insufficient balance."}')
    desk_.approve("poor")
    assert desk_.deliver() == []
    assert desk_.state("poor") is OrderState.REJECTED


def test_a_key_that_may_withdraw_sends_nothing_and_its_message_waits_with_the_reason(
    exchange: TradingExchange, desk_: ExchangeDesk
) -> None:
    exchange.rights["enableWithdrawals"] = True
    desk_.approve("a")
    desk_.deliver()
    *_, dead = desk_.cloud.sqs.queue(desk_.places["dead-execution"]).messages
    assert "may withdraw" in str(dead.attributes)
    assert (exchange.orders, desk_.state("a")) == ([], OrderState.APPROVED)


def test_a_key_that_was_rotated_is_used_within_a_minute(exchange: TradingExchange, desk_: ExchangeDesk) -> None:
    desk_.approve("a")
    desk_.deliver()
    desk_.key["apiKey"], desk_.version = "the-next-key", 2
    desk_.now += timedelta(seconds=61)
    desk_.approve("b")
    desk_.deliver()
    used = [{name.lower(): value for name, value in request.headers.items()} for request in exchange.orders]
    assert [headers["x-mbx-apikey"] for headers in used] == [KEY["apiKey"], "the-next-key"]


def test_an_order_that_meets_a_revoked_key_is_sent_under_the_next_one(
    exchange: TradingExchange, desk_: ExchangeDesk
) -> None:
    desk_.deliver()  # That the account is open: the old key is read and kept.
    desk_.approve("a")
    desk_.key["apiKey"], desk_.version = "the-next-key", 2
    exchange.refusal = Answer(401, b'{"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}')
    assert desk_.deliver() == []
    assert desk_.state("a") is OrderState.SUBMITTING
    exchange.refusal = None
    desk_.now += timedelta(seconds=40)
    exchange.private = lambda request: _unknown(request) or exchange.answer_privately(request)
    desk_.process.sweep({}, "schedule")
    assert desk_.state("a") is OrderState.FILLED
    used = [request.headers.get("X-MBX-APIKEY") for request in exchange.orders]
    assert used == [KEY["apiKey"], "the-next-key"]


def _unknown(request: Request) -> Answer | None:
    """Answer a look-up of an order that never came."""
    looked_up = request.method == "GET" and request.path.endswith("/order")
    return Answer(400, b'{"code": -2013, "msg": "Order does not exist."}') if looked_up else None
