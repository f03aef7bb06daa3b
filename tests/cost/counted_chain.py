"""The chain of the benches with every call counted as AWS bills it, and with the schedules that a stage has."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cost_situations import Scenario

from fanfold.aws.client.call import Call
from fanfold.aws.client.connect import connect
from fanfold.aws.telemetry.metrics import Metrics
from fanfold.cli import cost_files
from fanfold.cost import units
from fanfold.cost.calls import Sizes, units_of
from fanfold.cost.days import Activity, Day
from fanfold.cost.templates import KEY_REUSE_S, Stacks
from fanfold.messages import Message, OrdersApproved, decode
from support.chain import FUNCTIONS, Chain, _create
from support.emulator import ministack, through_boto3
from support.situations import Situation

DAY_MINUTES = 1_440
# Lambda deletes ten messages in a request.
DELETES = 10
READERS = ("market-data", "signal", "execution", "risk")
MINUTELY = (("risk", "sweep"), ("execution", "sweep"))


class Tally:
    """The work of a function so far."""

    def __init__(self) -> None:
        self.invocations = self.received = self.deletes = self.bars = 0
        self.calls: Counter[str] = Counter()
        self.units: Counter[str] = Counter()
        self.spans: set[tuple[str, str, int]] = set()

    def activity(self) -> Activity:
        unit_counts = {name: Decimal(count) for name, count in self.units.items()}
        return Activity(
            invocations=self.invocations,
            received=self.received,
            deletes=self.deletes,
            bars=self.bars,
            calls=dict(self.calls),
            units=unit_counts,
            keys=dict(Counter(span[0] for span in self.spans)),
        )


class CountedChain(Chain):
    """A chain that a profile's stacks run: each message wakes its reader, but audit, which is woken once a window.

    Each of those who poll audit's queue gathers a batch of its own, and in a batch messages come in any order.
    """

    def __init__(
        self,
        situation: Situation,
        folder: Path,
        call: Call,
        stacks: Stacks,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._direct = call
        self._stacks = stacks
        self._recorder = stacks.functions["audit/record"]
        self._chance = random.Random(situation.name)
        self.at = ""
        self.counts: dict[str, Tally] = {}
        self.stored: dict[str, int] = {}
        self.sizes: dict[tuple[str, ...], int] = {}
        self.hours = {}
        self._lying: dict[tuple[str, str, str], int] = {}
        super().__init__(situation, folder, lambda _service: call, settings)

    def reset(self) -> None:
        """Begin to count."""
        self.counts, self.published, self.deliveries, self.sizes = {}, [], [], {}
        self.hours = {}

    def minute(self, now: int) -> None:
        before = len(self.published)
        self._trade(now)
        for name in _metrics([decode(body) for _, body in self.published[before:]]):
            self.hours.setdefault(name, set()).add(now // 3_600)

    def _trade(self, now: int) -> None:
        self.poll(now)
        while any(self.queues[service] for service in READERS):
            for service in READERS:
                if self.queues[service]:
                    self.hand_over(service, {"Records": [self.queues[service].popleft()]})
        for service, name in MINUTELY:
            self.scheduled(service, name)
        if now % max(60, self._recorder.window_s) == 0:
            self.record()
        if now % (units.MONTH_DAYS * units.DAY_S // self._stacks.functions["audit/flush"].runs_a_month) == 0:
            self.scheduled("audit", "flush")
        if now // 60 % DAY_MINUTES == 0:
            self.scheduled("audit", "compact")

    def record(self) -> None:
        """The end of audit's window: what waits is handed over."""
        batches: list[list[Any]] = [[] for _ in range(self._recorder.pollers)]
        while self.queues["audit"]:
            self._chance.choice(batches).append(self.queues["audit"].popleft())
        for batch in filter(None, batches):
            self._chance.shuffle(batch)
            self.hand_over("audit", {"Records": batch})

    def scheduled(self, service: str, name: str) -> None:
        if f"{service}/{name}" in FUNCTIONS:
            self._run(service, name, {}, name, 1, 0)

    def _run(self, service: str, name: str, event: dict[str, Any], kind: str, messages: int, bars: int) -> Any:
        self.at = f"{service}/{name}"
        counts = self.counts.setdefault(self.at, Tally())
        counts.invocations += 1
        bodies = [len(record["body"].encode()) for record in event.get("Records", [])]
        # A long poll returns with the first message that comes: each by a request of its own.
        counts.received += sum(map(units.chunks, bodies))
        counts.deletes += -(-len(bodies) // DELETES)
        answer = super()._run(service, name, event, kind, messages, bars)
        counts.bars += self.deliveries[-1].bars
        return answer

    def _seam(self, call: Call) -> Call:
        seam = super()._seam(call)

        def counted(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            answer: dict[str, Any] = {}
            try:
                answer = seam(service, operation, parameters)
            finally:
                self._count(service, operation, parameters, answer)
            return answer

        return counted

    def _count(self, service: str, operation: str, parameters: Mapping[str, Any], answer: dict[str, Any]) -> None:
        counts = self.counts.setdefault(self.at, Tally())
        counts.calls[f"{service} {operation}"] += 1
        counts.spans |= {(service, place, self.now // KEY_REUSE_S) for place in _places(parameters)}
        sizes = Sizes(before=lambda table, key: self._lying.get(_place(table, key), 0), after=self._size_of)
        counts.units.update(units_of(service, operation, parameters, answer, sizes))
        for kind, write in _writes(operation, parameters):
            self._keep(kind, write)
        if operation == "PutObject":
            self.sizes["bucket", parameters["Bucket"], parameters["Key"]] = len(parameters["Body"])

    def _keep(self, kind: str, write: Mapping[str, Any]) -> None:
        item = write.get("Item", {})
        place = _place(write["TableName"], write.get("Key", item))
        size = units.item_bytes(item) if item else self._size_of(write["TableName"], write["Key"])
        self._lying[place] = size
        if kind == "Put":
            lasts = "passing" if "expires_at_s" in item else "table"
            days = (int(item["expires_at_s"]["N"]) - self.now) // units.DAY_S + 1 if "expires_at_s" in item else 1
            self.sizes[lasts, *place] = size * days

    def _size_of(self, table: str, key: Mapping[str, Any]) -> int:
        answer = self._direct("dynamodb", "GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
        return units.item_bytes(answer.get("Item", {}))

    def kept(self, *kinds: str) -> dict[str, int]:
        """Bytes by table or bucket of what was written."""
        sizes: Counter[str] = Counter()
        for (kind, place, *_), size in self.sizes.items():
            if kind in kinds:
                sizes[place] += size
        return dict(sizes)


def _places(parameters: Mapping[str, Any]) -> list[str]:
    """The tables or the topic of a call."""
    writes = [write for item in parameters.get("TransactItems", []) for write in item.values()]
    named = [write.get("TableName", write.get("TopicArn")) for write in (parameters, *writes)]
    return [*filter(None, named), *parameters.get("RequestItems", {})]


def _place(table: str, key: Mapping[str, Any]) -> tuple[str, str, str]:
    return table, key["pk"]["S"], key["sk"]["S"]


def _writes(operation: str, parameters: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The writes of a call, by kind; a check writes nothing."""
    if operation == "TransactWriteItems":
        pairs = [pair for item in parameters["TransactItems"] for pair in item.items()]
        return [(kind, write) for kind, write in pairs if kind != "ConditionCheck"]
    if operation == "BatchWriteItem":
        return [
            ("Put", {"TableName": table, "Item": request["PutRequest"]["Item"]})
            for table, requests in parameters["RequestItems"].items()
            for request in requests
        ]
    kind = operation.removesuffix("Item")
    return [(kind, dict(parameters))] if kind in {"Put", "Update", "Delete"} else []


def _metrics(messages: Iterable[Message]) -> list[str]:
    """The custom metrics that get a value where these messages are published and read."""
    lines: list[str] = []
    counts = Metrics("day", lambda: datetime.fromtimestamp(0, UTC), lines.append)
    counts.measure("QueueAge", 0)
    for message in messages:
        counts.published(message)
    counts.flush({})
    return [metric["Name"] for metric in json.loads(lines[0])["_aws"]["CloudWatchMetrics"][0]["Metrics"]]


def day(scenario: Scenario) -> Day:
    """A scenario's minutes traded on an emulator of its own, by the stacks of its profile as they are recorded."""
    situation = scenario.situation
    stacks = cost_files.recorded_stacks(scenario.profile)
    with ministack() as emulator, TemporaryDirectory() as folder:
        _create(through_boto3(emulator.endpoint))
        chain = CountedChain(situation, Path(folder), connect("light", emulator.endpoint), stacks)
        return traded(scenario, chain)


def traded(scenario: Scenario, chain: CountedChain) -> Day:
    """Trade a scenario's minutes, and count all but the first."""
    for now in scenario.situation.closes[: scenario.warm_minutes]:
        chain.minute(now)
    chain.record()
    chain.reset()
    for now in scenario.situation.closes[scenario.warm_minutes :]:
        chain.minute(now)
    chain.record()
    messages = [decode(body) for _, body in chain.published]
    return Day(
        scenario=scenario.name,
        minutes=len(scenario.situation.closes) - scenario.warm_minutes,
        orders=sum(len(message.orders) for message in messages if isinstance(message, OrdersApproved)),
        venues=[len(venue.symbols) for venue in scenario.situation.desk.venues.values()],
        metric_hours={name: len(hours) for name, hours in sorted(chain.hours.items())},
        stored=chain.kept("table", "bucket"),
        passing=chain.kept("passing"),
        functions={name: counts.activity() for name, counts in sorted(chain.counts.items())},
    )
