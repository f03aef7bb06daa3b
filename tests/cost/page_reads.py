"""The calls and units of each read of the page, at a desk of 150 orders a day for a week, at noon.

Audit's own verbs record the desk and bring its bars into the lake as the profile full does: what came in five minutes
at once, and into the lake every fifteen.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from audit_service import read_api, read_system
from audit_service.flush import flush
from audit_service.read_api import ReadParts
from audit_service.record import Arrival, record
from fanfold.api.conditional import UNCHANGED
from fanfold.audit.bar_history import BarHistory
from fanfold.audit.open_orders import OpenOrders
from fanfold.audit.read_cache import ReadCache
from fanfold.aws.client.call import Call
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.function.watched import WatchedStage
from fanfold.aws.s3.audit_log import S3Log
from fanfold.aws.s3.lake import S3Lake
from fanfold.aws.s3.lake_bars import S3LakeBars
from fanfold.aws.s3.reports import S3Reports
from fanfold.aws.s3.sweeps import S3Sweeps
from fanfold.cost.calls import Sizes, units_of
from fanfold.cost.page import PathUse, ReadUse
from fanfold.errors import AT_ONCE
from fanfold.market import bars
from fanfold.market.bars import Bar, Series
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Message,
    OrdersApproved,
    OrdersRefused,
    encode,
)
from fanfold.simulation.cloud import MemoryCloud
from support import api_desk
from support.api_desk import NOW, READER, A, B

ORDERS = 1_050
APART = timedelta(minutes=9.6)
WINDOW, FLUSHED = timedelta(minutes=5), timedelta(minutes=15)
AUDIT, LAKE, VIEWS = "audit", "lake", "page-views"
NO_SIZES = Sizes(lambda _table, _key: 0, lambda _table, _key: 0)
LAST = NOW + APART * (ORDERS - 1)
DAY = LAST.replace(hour=0, minute=0, second=0, microsecond=0)
# The paths of the page with the queries that it sends.
QUERIES = {
    "/status": "",
    "/equity": "account=main&days=1",
    "/bars": f"instrument={A}&venue=v&timeframe=1m&limit=500",
    "/orders": "limit=100",
    "/orders?instrument": f"account=main&instrument={A}&limit=100",
    "/trades": f"account=main&day={LAST.date().isoformat()}&limit=100",
    "/refusals": "",
    "/limits": "",
    "/research": "",
    "/system": "",
}
# Services that a desk in memory has not: nothing is in their queues, no alarm is set.
OUTSIDE = {"sqs", "cloudwatch", "lambda"}


class Counted:
    """A call that counts what it costs."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.calls: Counter[str] = Counter()
        self.units: Counter[str] = Counter()

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        answer = {} if service in OUTSIDE else self._call(service, operation, parameters)
        self.calls[f"{service} {operation}"] += 1
        self.units.update(units_of(service, operation, parameters, answer, NO_SIZES))
        return answer

    def use(self, read: Callable[[], dict[str, Any]]) -> ReadUse:
        """Return what a read takes."""
        self.calls.clear()
        self.units.clear()
        answer = read()
        assert answer["statusCode"] in {200, UNCHANGED}
        calls = {name: Decimal(count) for name, count in self.calls.items()}
        units = {name: Decimal(count) for name, count in self.units.items()}
        return ReadUse(calls, units, len(answer["body"].encode()))


class RecordedWeek:
    """The desk of api_desk with a week of orders and the bars of its last half day, and the functions that answer."""

    def __init__(self) -> None:
        self.call = Counted(MemoryCloud().call)
        for bucket in (AUDIT, LAKE):
            self.call("s3", "CreateBucket", {"Bucket": bucket})
        self._world = api_desk.World(self.call, [], "page")
        self._world.now = LAST
        self._views, self._log = DynamoViews(self.call, VIEWS), S3Log(self.call, AUDIT)
        self.record(spread(api_desk.history(ORDERS)))
        self._at = DAY
        while self._at + WINDOW <= LAST:
            self.window()

    def record(self, messages: list[Message]) -> None:
        for start in range(0, len(messages), 100):
            batch = [Arrival(each, json.loads(encode(each)), 0) for each in messages[start : start + 100]]
            record(batch, self._log, self._views, AT_ONCE)

    def window(self) -> None:
        """Let five minutes come: their bars, and that the account was matched through them."""
        minutes = [self._at + timedelta(minutes=n) for n in range(1, WINDOW // timedelta(minutes=1) + 1)]
        self.record([message for at in minutes for message in (_bars(at), _matched(at))])
        self._at += WINDOW
        self._world.now = max(self._world.now, self._at)
        if not (self._at - DAY) % FLUSHED:
            flush(self._log, S3Lake(self.call, LAKE), self._views, self._views.heads())

    def process(self) -> Callable[[str, str], Callable[[], dict[str, Any]]]:
        """Return the functions of a new process, by path."""
        lake = S3LakeBars(self.call, LAKE)
        history = BarHistory(self._views, self._log, lambda: lake)
        parts = ReadParts(self._views, OpenOrders(self._views), self._log, history, ReadCache(self._views, self._log))
        watched = WatchedStage(self.call, self._world.ledger, self._world.ledger, "test", "https://queues")
        reports, sweeps = S3Reports(self.call, LAKE), S3Sweeps(self.call, LAKE)

        def system(request: dict[str, Any]) -> dict[str, Any]:
            return read_system.answer(request, watched, self._views, reports, sweeps, self._world.now)

        def read(request: dict[str, Any]) -> dict[str, Any]:
            return read_api.answer(request, self._world.desk, parts, self._world.now)

        functions = {"/limits": self._world.limits, "/system": system, "/research": system}
        return lambda path, tag: lambda: functions.get(path, read)(_request(path, tag))


def measured() -> dict[str, PathUse]:
    """Ask a new process for each path; then one that knows more after each window of a flush; then it with its tags."""
    desk = RecordedWeek()
    first = {path: desk.call.use(desk.process()(path, "")) for path in QUERIES}
    process = desk.process()
    for path in QUERIES:
        process(path, "")()
    anew: dict[str, list[ReadUse]] = {path: [] for path in QUERIES}
    for _ in range(FLUSHED // WINDOW):
        desk.window()
        for path in QUERIES:
            anew[path].append(desk.call.use(process(path, "")))
    unchanged = {path: desk.call.use(process(path, process(path, "")()["headers"]["etag"])) for path in QUERIES}
    return {path: PathUse(first[path], _mean(anew[path]), unchanged[path]) for path in QUERIES}


def _mean(reads: list[ReadUse]) -> ReadUse:
    calls, units = _mean_of([read.calls for read in reads]), _mean_of([read.units for read in reads])
    return ReadUse(calls, units, sum(read.body_bytes for read in reads) // len(reads))


def _mean_of(counts: list[dict[str, Decimal]]) -> dict[str, Decimal]:
    names = list(dict.fromkeys(name for each in counts for name in each))
    totals = {name: sum((each.get(name, Decimal(0)) for each in counts), Decimal(0)) for name in names}
    return {name: round(total / len(counts), 3) for name, total in totals.items()}


def _request(path: str, tag: str) -> dict[str, Any]:
    known = {"if_none_match": tag} if tag else {}
    return api_desk.event("GET", path.partition("?")[0], QUERIES[path], who=READER, **known)


def _bars(at: datetime) -> BarsClosed:
    closes_at = int(at.timestamp())
    bar = Bar(closes_at, 10_000, 10_100, 9_900, 10_050, 1_500)
    series = [
        Series(instrument=name, timeframe="1m", price_scale=2, volume_scale=3, after=0, bars=[bar]) for name in (A, B)
    ]
    return BarsClosed(id=f"bars-{closes_at}", cause="poll", at=at, venue="v", frames=bars.pack(series))


def _matched(at: datetime) -> ExecutionReport:
    return ExecutionReport(
        id=f"matched-{at.isoformat()}", cause="bars", at=at, account="main", venue="v", matched=True, poll_id="b",
        updates=[], fills=[], positions=[],
    )  # fmt: skip


def spread(messages: list[Message]) -> list[Message]:
    """The messages with their orders so far apart as a week has them, and without the orders that stay open."""
    numbers = {message.id: int(message.id.rpartition("-")[2]) for message in messages if "-" in message.id}
    kept = [message for message in messages if numbers.get(message.id, 0) % 3 != 2]
    return [_moved(message, numbers.get(message.id, 0)) for message in kept]


def _moved(message: Message, number: int) -> Message:
    later = {"at": message.at + APART * number}
    match message:
        case OrdersApproved():
            return msgspec.structs.replace(message, orders=[_later(each, number) for each in message.orders], **later)
        case OrdersRefused():
            refusals = [msgspec.structs.replace(each, order=_later(each.order, number)) for each in message.refusals]
            return msgspec.structs.replace(message, refusals=refusals, **later)
        case ExecutionReport():
            fills = [msgspec.structs.replace(fill, at=fill.at + APART * number) for fill in message.fills]
            return msgspec.structs.replace(message, fills=fills, **later)
    return msgspec.structs.replace(message, **later)


def _later(order: Any, number: int) -> Any:
    at = order.decided_at + APART * number
    return msgspec.structs.replace(order, decided_at=at, expires_at=at + timedelta(minutes=5))
