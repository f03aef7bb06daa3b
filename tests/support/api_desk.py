"""A desk behind the API without a cloud: moto's tables, recorded messages, events as the gateway makes them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from execution_service.fills_api import DeliveringAccount
from fanfold import desk, ids
from fanfold.alerts.record import AlertRecord
from fanfold.api.system_schemas import Alarm, DeadLetter, OpenAlert, QueueDepth, ResearchRun, RunningCode
from fanfold.audit import chain
from fanfold.audit.bar_history import BarHistory
from fanfold.audit.daily_report import DayReport
from fanfold.audit.open_orders import OpenOrders
from fanfold.audit.read_cache import ReadCache
from fanfold.audit.views import decision_view, message_view, newest, views_of
from fanfold.aws.client.call import Call
from fanfold.aws.dynamodb.chat_inbox import ChatInbox
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.nonces import Nonces
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.chat.webhook import ChatParts, ChatWebhook, connect
from fanfold.codes import Code
from fanfold.deployment import SERVICES
from fanfold.desk import Desk
from fanfold.errors import AT_ONCE
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.changes import OpenAccount
from fanfold.ledger.controls import LedgerControls
from fanfold.messages import (
    ExecutionReport,
    Message,
    Order,
    OrdersApproved,
    OrdersRefused,
    PositionSnapshot,
    Refusal,
    Target,
    Targets,
    TradingState,
    TradingStateChanged,
    encode,
)
from fanfold.risk.policy import prepare
from fanfold.simulation.stores import MemoryBus
from support.chats import SECRETS_OF_CHATS
from support.order_messages import fill_of, update_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = "2026-03-01"
ORDERS = 18
A, B = "BTC/USDT", "ETH/USDT"
SECRETS = [b"the first secret of the desk", b"the second"]
READER = {"jwt": {"claims": {"sub": "reader"}, "scopes": None}}
ANNA, BERT = ({"iam": {"userArn": f"arn:aws:iam::000000000000:user/{name}"}} for name in ("anna", "bert"))
TABLE = {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def small_desk() -> Desk:
    rules = {"tick": "0.01", "lot": "0.001", "notional_min": "5", "as_of": DAY, "source": "test"}
    leg = {"instruments": [A, B], "timeframe": "1m", "allocation": "0.3", "account": "main"}
    return desk.build(
        {
            "venues": {"v": {"kind": "replay", "symbols": [A, B]}},
            "accounts": {
                name: {"venue": "v", "kind": "margin", "currency": "USDT", "cash": "10000"}
                for name in ("main", "spare")
            },
            "strategies": {"trend": {"strategy": "sma_cross", **leg}, "hook": {"strategy": "external", **leg}},
            "limits": {
                name: {"order_notional_max": "5000", "position_notional_max": "9000"} for name in ("main", "spare")
            },
            "chat": PERSONS,
            "instruments": {A: {"base": "BTC", "quote": "USDT", **rules}, B: {"base": "ETH", "quote": "USDT", **rules}},
        },
        "test",
    )


PERSONS: dict[str, dict[str, Any]] = {
    "anna": {"role": "resume", "telegram": "1001", "slack": "T0001/U1001", "discord": "80351110224678912"},
    "bert": {"role": "resume", "telegram": "1002", "principals": [BERT["iam"]["userArn"]]},
    "carl": {"role": "halt", "telegram": "1003"},
    "dora": {"role": "read", "telegram": "1004", "slack": "T0001/U1004"},
}


class Kept:
    """The segments of the messages that were recorded, one each."""

    def __init__(self) -> None:
        self._heads: dict[str, chain.Head] = {}
        self._bodies: dict[str, bytes] = {}

    def head(self, stream: str) -> chain.Head:
        return self._heads.get(stream, chain.start(stream))

    def append(self, message: Message) -> chain.Segment:
        stream = chain.stream_of(message)
        entry = chain.Entry(topic="t", message=json.loads(encode(message)), sent_ms=0)
        segment, self._heads[stream] = chain.append(self.head(stream), [entry])
        self._bodies[segment.key] = segment.body
        return segment

    def read(self, key: str) -> bytes:
        return self._bodies[key]


class Answer(NamedTuple):
    """The answer of an HTTP function."""

    status: int
    headers: dict[str, str]
    body: Any


def event(
    method: str, path: str, query: str = "", *, who: dict[str, Any] | None = None, body: Any = None, **headers: str
) -> dict[str, Any]:
    """An event in payload format 2.0; a body that is no text is sent as JSON."""
    context: dict[str, Any] = {"http": {"method": method, "path": path}}
    if who is not None:
        context["authorizer"] = who
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": sent,
        "requestContext": context,
        "body": text,
        "isBase64Encoded": False,
    }


def answered(function: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any]) -> Answer:
    answer = function(request)
    return Answer(answer["statusCode"], answer["headers"], json.loads(answer["body"] or "null"))


class SeenStage:
    """A stage as it is watched: its queues, alarms, functions, newest close and sweeps, all to be set."""

    stage, place = "test", "s3://lake/research/sweeps/"

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.ringing: list[Alarm] = []
        self.open: list[OpenAlert] = []
        self.runs: list[ResearchRun] = []
        self.report: tuple[DayReport, bool] | None = None

    def depths(self) -> list[QueueDepth]:
        return [QueueDepth(service=name, waiting=2, in_flight=1, dead_letters=0) for name in SERVICES]

    def dead_letters(self) -> list[DeadLetter]:
        return self.letters

    def alarms(self) -> list[Alarm]:
        return self.ringing

    def alerts(self) -> list[OpenAlert]:
        return self.open

    def functions(self) -> list[RunningCode]:
        return [RunningCode(service="risk", function="assess", digest="sha256:1", version="$LATEST", deployed_at=NOW)]

    def last(self, since: str) -> tuple[DayReport, bool] | None:
        return self.report if self.report and self.report[0].day >= since else None

    def submitted(self) -> list[ResearchRun]:
        return self.runs


class World:
    """An account that traded, a spare one that was never opened, and the functions of the API."""

    def __init__(self, call: Call, messages: list[Message], name: str) -> None:
        from audit_service import read_api, read_system
        from execution_service.fills_api import FillsReceiver
        from risk_service import halt_api
        from risk_service.read_limits import LimitReader
        from signal_service.webhook import Receiver

        ledger_table, views, folds, chats = (f"{name}-{table}" for table in ("ledger", "views", "folds", "alerts"))
        for table in (ledger_table, views, folds, chats):
            call("dynamodb", "CreateTable", {"TableName": table, **TABLE})
        self.desk, self.now, self.bus, self.hooked = small_desk(), NOW, MemoryBus(), MemoryBus()
        self.ledger, self.views = Table(call, ledger_table), DynamoViews(call, views)
        self.store = DynamoLedger(self.ledger, Outbox(self.ledger, "risk", self.bus))  # type: ignore[arg-type]
        self.controls = LedgerControls(self.store, AT_ONCE)
        self.secrets = list(SECRETS)
        receiver = Receiver(self.desk, lambda: self.secrets, Nonces(Table(call, folds)), self.hooked)
        self.store.commit([OpenAccount("main", Decimal(10_000))])
        log = Kept()
        record(self.views, log, messages)
        bars = BarHistory(self.views, log, lambda: None)  # type: ignore[arg-type, return-value]
        parts = read_api.ReadParts(self.views, OpenOrders(self.views), log, bars, ReadCache(self.views, log))
        self.read = lambda request: read_api.answer(request, self.desk, parts, self.now)
        polls, approvals, plan = DynamoPolls(self.ledger), Approvals(self.store, AT_ONCE), prepare(self.desk)
        self.watched = SeenStage()
        self.limits = lambda request: LimitReader(self.desk, plan, polls.read, approvals, self.now).answer(request)
        self.system = lambda request: read_system.answer(
            request, self.watched, self.views, self.watched, self.watched, self.now
        )
        self.control = lambda request: halt_api.answer(request, self.desk, self.controls, self.now)
        self.webhook = lambda request: receiver.answer(request, self.now)
        # No account of this desk is live.
        accounts: dict[str, DeliveringAccount] = {}
        fills = FillsReceiver(self.desk, lambda: self.secrets, accounts.__getitem__)
        self.fills = lambda request: fills.answer(request, self.now)
        self.chats, self.commands = ChatInbox(Table(call, chats)), MemoryBus()
        self.alerts: list[AlertRecord] = []
        self.chat = lambda request: self.chat_webhook().answer(request, self.now)

    def chat_webhook(self, inbox: Any = None, bus: Any = None, invoke: Any = None, secrets: Any = None) -> ChatWebhook:
        """The chat's webhook, with parts of its own where they are given."""
        secrets = secrets or (lambda: SECRETS_OF_CHATS)
        parts = ChatParts(
            invoke or self.invoke, inbox or self.chats, bus or self.commands, lambda: self.alerts, secrets
        )
        return connect(self.desk, parts)

    def invoke(self, service: str, function: str, request: dict[str, Any]) -> dict[str, Any]:
        """The response of a function of the API, by its names on AWS."""
        return {("audit", "api"): self.read, ("risk", "api_control"): self.control}[service, function](request)

    def get(self, path: str, query: str = "") -> Answer:
        function = {"/limits": self.limits, "/system": self.system, "/research": self.system}.get(path, self.read)
        return answered(function, event("GET", path, query, who=READER))

    def post(
        self, path: str, body: Any, who: dict[str, Any] = ANNA, key: str = "key-00000001", **more_headers: str
    ) -> Answer:
        headers = {"idempotency_key": key} | more_headers
        return answered(self.control, event("POST", path, who=who, body=body, **headers))

    def halted(self) -> TradingState | None:
        return self.controls.permissions("main").trading_state


def record(views: DynamoViews, log: Kept, messages: list[Message]) -> None:
    """Bring messages into the views, as audit does: the heads move last."""
    before: dict[str, chain.Head] = {}
    for message in messages:
        stream = chain.stream_of(message)
        before.setdefault(stream, log.head(stream))
        segment = log.append(message)
        own = message_view(message, segment.records[0], segment.hashes[0], segment.key)
        views.note([own, *decision_view(message)])
        for view in newest(views_of(message, sent_ms=0, seq=segment.records[0].seq)):
            views.put(view)
    for stream, head in before.items():
        views.commit(head, log.head(stream))


def history(count: int) -> list[Message]:
    """Targets, ``count`` orders of which every third is refused, every third fills and every third stays open."""
    messages: list[Message] = [_halt()]
    for number in range(count):
        order = _order(number)
        cause = Targets(
            id=f"targets-{number}",
            cause=f"bars-{number}",
            at=order.decided_at,
            account="main",
            poll_id="b",
            targets=[
                Target(
                    signal_id=order.signal_id, instance="trend", instrument=order.instrument, timeframe="1m", weight=0.5
                )
            ],
        )
        common: dict[str, Any] = {"cause": cause.id, "at": order.decided_at, "account": "main"}
        if number % 3 == 0:
            refused = Refusal(order=order, code=Code.ORDER_NOTIONAL, detail="too large")
            messages += [cause, OrdersRefused(id=f"refused-{number}", refusals=[refused], **common)]
        else:
            messages += [cause, OrdersApproved(id=f"approved-{number}", orders=[order], **common)]
            messages += [_filled(order, number)] if number % 3 == 1 else []
    return messages


def _halt() -> TradingStateChanged:
    return TradingStateChanged(
        id="open", cause="x", at=NOW, account="main", state=TradingState.ACTIVE, reason="opened", actor="a"
    )


def _order(number: int) -> Order:
    order_id = ids.derive("order", number)
    # Several orders a second, as a batch has them: their times alone do not tell them apart.
    at = NOW + timedelta(seconds=number // 4)
    return Order(
        order_id=order_id,
        client_order_id=order_id[:26],
        signal_id=f"signal-{number}",
        account="main",
        venue="v",
        instance="trend",
        instrument=A if number % 2 else B,
        side="buy",
        kind="market",
        quantity=Decimal("0.5"),
        reference_price=Decimal(100),
        reserved=Decimal(0),
        decided_at=at,
        expires_at=at + timedelta(minutes=5),
    )


def _filled(order: Order, number: int) -> ExecutionReport:
    fill = fill_of(order, trade_id=f"t{number}", price=Decimal("100.10"), fee=Decimal("0.05"))
    holding = PositionSnapshot(
        instance="trend",
        instrument=order.instrument,
        quantity=Decimal("0.5"),
        cost=Decimal("50.05"),
        realised=Decimal(0),
        fees=Decimal("0.05"),
        version=number,
    )
    return ExecutionReport(
        id=f"report-{number}",
        cause=f"approved-{number}",
        at=order.decided_at,
        account="main",
        venue="v",
        matched=True,
        poll_id="b",
        updates=[update_of(order)],
        fills=[fill],
        positions=[holding],
        cash=Decimal("9949.90"),
        version=number,
    )
