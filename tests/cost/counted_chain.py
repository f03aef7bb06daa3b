"""The chain of the benches with every call counted as AWS bills it, and with the schedules that a stage has."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chain import Chain, _create
from cost_situations import Scenario
from emulator import ministack
from situations import Situation

from fanfold.aws.calls import Call, connect
from fanfold.aws.metrics import Counts
from fanfold.cost import units
from fanfold.cost.calls import units_of
from fanfold.cost.days import Activity, Day
from fanfold.messages import Message, OrdersApproved, decode

FLUSH_MINUTES = 15
DAY_MINUTES = 1_440
AUDIT_BATCH = 10
MINUTELY = (("risk", "sweep"), ("execution", "sweep"))


class Tally:
    """What one function did so far."""

    def __init__(self) -> None:
        self.invocations = self.received = self.bars = 0
        self.calls: Counter[str] = Counter()
        self.units: Counter[str] = Counter()

    def activity(self) -> Activity:
        found = {name: Decimal(count) for name, count in self.units.items()}
        return Activity(invocations=self.invocations, received=self.received, bars=self.bars,
                        calls=dict(self.calls), units=found)


class CountedChain(Chain):
    """A chain whose audit is woken as soon as something is there, which is the dearest way."""

    def __init__(self, situation: Situation, folder: Path, call: Call) -> None:
        self._direct = call
        self.at = ""
        self.counts: dict[str, Tally] = {}
        self.stored: dict[str, int] = {}
        self.sizes: dict[tuple[str, ...], int] = {}
        self.hours: dict[str, set[int]] = {}
        super().__init__(situation, folder, lambda _service: call)

    def reset(self) -> None:
        """Begin to count."""
        self.counts, self.published, self.deliveries, self.sizes = {}, [], [], {}
        self.hours: dict[str, set[int]] = {}

    def minute(self, now: int) -> None:
        before = len(self.published)
        self._trade(now)
        for name in _metrics([decode(body) for _, body in self.published[before:]]):
            self.hours.setdefault(name, set()).add(now // 3_600)

    def _trade(self, now: int) -> None:
        self.poll(now)
        while any(self.queues.values()):
            for service in ("market-data", "signal", "execution", "risk", "audit"):
                queue = self.queues[service]
                if queue:
                    size = AUDIT_BATCH if service == "audit" else 1
                    self.hand_over(service, {"Records": [queue.popleft() for _ in range(min(size, len(queue)))]})
        for service, name in MINUTELY:
            self.scheduled(service, name)
        if now // 60 % FLUSH_MINUTES == 0:
            self.scheduled("audit", "flush")
        if now // 60 % DAY_MINUTES == 0:
            self.scheduled("audit", "compact")

    def scheduled(self, service: str, name: str) -> None:
        handler = getattr(self._handlers[service], name, None)
        if handler is not None:
            self._run(service, handler, {}, name, 1, 0)

    def _run(self, service: str, handler: Any, event: dict[str, Any], kind: str, messages: int, bars: int) -> Any:
        self.at = f"{service}/{handler.__name__}"
        counts = self.counts.setdefault(self.at, Tally())
        counts.invocations += 1
        bodies = [len(record["body"].encode()) for record in event.get("Records", [])]
        counts.received += units.chunks(sum(bodies)) if bodies else 0
        answer = super()._run(service, handler, event, kind, messages, bars)
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
        counts.units.update(units_of(service, operation, parameters, answer, self._size_of))
        if operation in {"PutItem", "TransactWriteItems"}:
            for write in parameters.get("TransactItems", [{"Put": parameters}]):
                self._keep(write)
        if operation == "PutObject":
            self.sizes["bucket", parameters["Bucket"], parameters["Key"]] = len(parameters["Body"])

    def _keep(self, write: Mapping[str, Any]) -> None:
        item = write.get("Put", {}).get("Item")
        if item is not None:
            kind = "passing" if "expires" in item else "table"
            key = (kind, write["Put"]["TableName"], item["pk"]["S"], item["sk"]["S"])
            days = (int(item["expires"]["N"]) - self.now) // units.DAY_S + 1 if kind == "passing" else 1
            self.sizes[key] = units.item_bytes(item) * days

    def _size_of(self, table: str, key: Mapping[str, Any]) -> int:
        found = self._direct("dynamodb", "GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
        return units.item_bytes(found.get("Item", {}))

    def kept(self, *kinds: str) -> dict[str, int]:
        """Bytes by table or bucket of what was written."""
        found: Counter[str] = Counter()
        for (kind, place, *_), size in self.sizes.items():
            if kind in kinds:
                found[place] += size
        return dict(found)


def _metrics(messages: Iterable[Message]) -> list[str]:
    """The custom metrics that get a value where these messages are published and read."""
    lines: list[str] = []
    counts = Counts("day", lambda: datetime.fromtimestamp(0, UTC), lines.append)
    counts.measure("QueueAge", 0)
    for message in messages:
        counts.published(message)
    counts.flush({})
    return [one["Name"] for one in json.loads(lines[0])["_aws"]["CloudWatchMetrics"][0]["Metrics"]]


def day(scenario: Scenario) -> Day:
    """A scenario's minutes traded on an emulator of its own."""
    situation = scenario.situation
    with ministack() as emulator, TemporaryDirectory() as folder:
        _create(connect("boto3", emulator.endpoint))
        chain = CountedChain(situation, Path(folder), connect("light", emulator.endpoint))
        for now in situation.closes[: scenario.warm_minutes]:
            chain.minute(now)
        chain.reset()
        for now in situation.closes[scenario.warm_minutes :]:
            chain.minute(now)
        return _day(scenario, chain)


def _day(scenario: Scenario, chain: CountedChain) -> Day:
    messages = [decode(body) for _, body in chain.published]
    return Day(
        scenario=scenario.name,
        minutes=len(scenario.situation.closes) - scenario.warm_minutes,
        orders=sum(len(one.orders) for one in messages if isinstance(one, OrdersApproved)),
        venues=[len(venue.symbols) for venue in scenario.situation.desk.venues.values()],
        metric_hours={name: len(hours) for name, hours in sorted(chain.hours.items())},
        stored=chain.kept("table", "bucket"),
        passing=chain.kept("passing"),
        functions={name: counts.activity() for name, counts in sorted(chain.counts.items())},
    )
