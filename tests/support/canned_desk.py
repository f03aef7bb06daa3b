"""A desk's page in front of responses that are made by the API's own records, in every state that a view may meet."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event, Thread
from typing import Any

import msgspec

from audit_service.read_api import RECORDED_HEADER
from fanfold.api.chart_schemas import AccountEquity, BarColumns, InstanceResult, ValuedPosition
from fanfold.api.conditional import unless_known
from fanfold.api.problems import MEDIA_TYPE, Problem
from fanfold.api.router import CLOCK_HEADER
from fanfold.api.schemas import (
    AccountStatus,
    BarPrices,
    Cause,
    ExplainedOrder,
    OrderPage,
    RecordedOrder,
    Status,
    TradePage,
)
from fanfold.local import http_gateway
from fanfold.local.http_gateway import READING, TARGETS, Gateway, RouteTarget
from fanfold.messages import Fill
from fanfold.page.files import PageSettings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPERATOR = {"iam": {"userArn": "arn:aws:iam::000000000000:user/anna"}}
_encode = msgspec.json.Encoder(decimal_format="string").encode


def account(name: str = "main", **changed: Any) -> AccountStatus:
    """The status of an account that trades."""
    fields: dict[str, Any] = {
        "account": name, "venue": "market", "currency": "USDT", "trading_state": "ACTIVE",
        "trading_state_reason": "local run", "trading_state_actor": "fanfold run", "start": Decimal(100_000),
        "cash": Decimal("98321.50"), "realised": Decimal("412.25"), "fees": Decimal("73.10"), "positions": 2,
        "open_orders": 1, "unknown_orders": 0, "bar_s": 60,
        "instruments": ["BTC/USDT", "ETH/USDT"], "timeframes": ["1m", "5m"], "as_of": NOW, "matched_through": NOW,
    }  # fmt: skip
    return AccountStatus(**fields | changed)


def bars(count: int = 500, until: datetime = NOW) -> BarColumns:
    """The newest minutes of an instrument, up and down in turn."""
    last = int(until.timestamp())
    at = [last - 60 * n for n in range(count)][::-1]
    opens = [Decimal(60_000 + 40 * (n % 23) - 30 * (n % 7)) for n in range(count)]
    closes = [value + (Decimal(35) if n % 2 else Decimal(-25)) for n, value in enumerate(opens)]
    return BarColumns(
        venue="market", instrument="BTC/USDT", timeframe="1m", since=last - 60 * count, at=at, open=opens,
        high=[max(pair) + 10 for pair in zip(opens, closes, strict=True)],
        low=[min(pair) - 10 for pair in zip(opens, closes, strict=True)],
        close=closes, volume=[Decimal("12.5")] * count,
    )  # fmt: skip


def equity(count: int = 720, **changed: Any) -> AccountEquity:
    """The equity of an account with two strategies, one of which holds something."""
    last = int(NOW.timestamp())
    results = [Decimal(n % 97) * 4 - n // 3 for n in range(count)]
    fields: dict[str, Any] = {
        "account": "main", "currency": "USDT", "start": Decimal(100_000), "equity_now": Decimal(100_000) + results[-1],
        "day_result": results[-1], "drawdown": -0.0012, "deepest": -0.004, "gross": Decimal(40_000),
        "net": Decimal(40_000), "at": [last - 60 * n for n in range(count)][::-1],
        "equity": [Decimal(100_000) + result for result in results],
        "instances": [
            InstanceResult(instance="trend", result=results),
            InstanceResult(instance="rotation", result=[Decimal(0)] * count),
        ],
        "positions": [
            ValuedPosition(instance="trend", instrument="BTC/USDT", quantity=Decimal("0.66"), cost=Decimal(39_800),
                           mark=Decimal("60606.06"), value=Decimal(40_000)),
        ],
    }  # fmt: skip
    return AccountEquity(**fields | changed)


def order(number: int = 0, **changed: Any) -> RecordedOrder:
    """An order of so many minutes ago."""
    at = NOW - timedelta(minutes=number)
    fields: dict[str, Any] = {
        "order_id": f"{number:032x}", "client_order_id": f"{number:026x}", "signal_id": f"signal-{number}",
        "account": "main", "venue": "market", "instance": "trend", "instrument": "BTC/USDT",
        "side": "sell" if number % 2 else "buy", "kind": "market", "quantity": Decimal("0.66"),
        "reference_price": Decimal(60_600), "reserved": Decimal(0), "decided_at": at,
        "expires_at": at + timedelta(minutes=5), "state": "FILLED", "filled": Decimal("0.66"), "reason": "",
        "doubt": "", "code": "", "detail": "", "changed_at": at, "message_id": f"approved-{number}",
    }  # fmt: skip
    return RecordedOrder(**fields | changed)


def fill(number: int = 0) -> Fill:
    """The fill of an order of that number."""
    of = order(number)
    return Fill(
        trade_id=f"t{number}", order_id=of.order_id, client_order_id=of.client_order_id, account="main", venue="market",
        instance="trend", instrument="BTC/USDT", side=of.side, price=Decimal("60606.06"), quantity=Decimal("0.66"),
        fee=Decimal("4.01"), liquidity="taker", at=of.decided_at,
    )  # fmt: skip


def explained(of: RecordedOrder, fills: list[Fill]) -> ExplainedOrder:
    """An order with the chain of its causes, from its decision back to the bar."""
    common: dict[str, Any] = {"at": of.decided_at, "stream": "main", "hash": "0" * 64, "segment": "chain/main/1.jsonl"}
    prices = BarPrices(timeframe="1m", open=Decimal(60_500), high=Decimal(60_700), low=Decimal(60_400),
                       close=Decimal(60_600), volume=Decimal("12.5"))  # fmt: skip
    decided: dict[str, Any] = {"kind": "OrdersApproved", "reserved": Decimal(0)}
    if of.state == "REFUSED":
        decided = {"kind": "OrdersRefused", "code": of.code, "detail": of.detail}
    chain = [
        Cause(message_id=of.message_id, cause="targets", seq=12, reference_price=Decimal(60_600), **decided, **common),
        Cause(kind="Targets", message_id="targets", cause="bars", seq=11, weight=0.4, timeframe="1m", **common),
        Cause(kind="BarsClosed", message_id="bars", cause="poll", seq=10, venue="market", bar=prices, **common),
    ]
    return ExplainedOrder(order=of, fills=fills, chain=chain)


def responses() -> dict[str, Any]:
    """Answers of a desk that trades to every question of the page."""
    newest = [order(n) for n in range(1, 40)] + [order(40, state="REFUSED", code="GROSS_EXPOSURE", detail="too much")]
    filled = order(1)
    return {
        "/status": Status(accounts=[account()]),
        "/equity?account=main&days=1": equity(),
        "/equity?account=main&days=7": equity(),
        "/bars?instrument=BTC%2FUSDT&venue=market&timeframe=1m&limit=500": bars(),
        "/orders?account=main&instrument=BTC%2FUSDT&limit=100": OrderPage(orders=newest, next=None),
        "/trades?account=main&day=2026-03-01&limit=100": TradePage(trades=[fill(n) for n in range(1, 40)], next=None),
        "/orders?limit=100": OrderPage(orders=newest, next=None),
        f"/orders/{filled.order_id}": explained(filled, [fill(1)]),
        f"/orders/{newest[-1].order_id}": explained(newest[-1], []),
    }


class CannedDesk:
    """Responses by path and query: a record, a Problem, or an Event that holds the answer back until it is set.

    ``recorded`` names what the desk has recorded, "" where it does not say. ``posted`` has every command that was sent,
    ``reads`` every read with its status.
    """

    def __init__(self) -> None:
        self.responses = responses()
        self.clock = NOW + timedelta(seconds=20)
        self.recorded = ""
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.reads: list[tuple[str, int]] = []

    def read(self, event: dict[str, Any], _context: object) -> dict[str, Any]:
        query = event["rawQueryString"]
        path = event["rawPath"] + (f"?{query}" if query else "")
        body = self.responses.get(path, Problem(404, "not-found", f"there is no {path}"))
        if isinstance(body, Event):
            body.wait()
            body = self.responses[path]
        response = self._response(event, body)
        self.reads.append((path, response["statusCode"]))
        return response

    def command(self, event: dict[str, Any], _context: object) -> dict[str, Any]:
        self.posted.append((event["rawPath"], msgspec.json.decode(base64.b64decode(event["body"]))))
        return self._response(event, self.responses[f"POST {event['rawPath']}"])

    def _response(self, event: dict[str, Any], body: Any) -> dict[str, Any]:
        problem = isinstance(body, Problem)
        headers = {"content-type": MEDIA_TYPE if problem else "application/json"}
        headers |= {RECORDED_HEADER: self.recorded} if self.recorded and not problem else {}
        response = {
            "statusCode": body.status if problem else 200,
            "headers": headers | {CLOCK_HEADER: self.clock.isoformat()},
            "body": _encode(body.document() if problem else body).decode(),
        }
        return unless_known(event, response)

    @contextmanager
    def served(self, *, control: bool = True, page: PageSettings | None = None) -> Iterator[str]:
        """Serve the page in front of the responses; yield its address."""
        reading = {READING, *(TARGETS[f"GET {path}"] for path in ("/limits", "/system"))}
        commanding = {TARGETS[f"POST {path}"] for path in ("/halt", "/resume")}
        functions: dict[RouteTarget, Any] = dict.fromkeys(reading, self.read) | dict.fromkeys(commanding, self.command)
        principals = {"jwt": {}} | ({"iam": OPERATOR} if control else {})
        listening = http_gateway.server(Gateway(functions, principals, page), 0)
        Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            listening.server_close()
