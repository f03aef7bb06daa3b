"""The five services' functions in this process, joined by queues in memory, with every AWS call through a meter.

Topics and queues are answered here; tables and buckets by an emulator, whose answers are kept, or from what was kept,
so that the same minutes run again without a socket.
"""

import json
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fanfold.aws.client.call import AwsFault, Call
from fanfold.aws.client.connect import connect
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.sqs import SqsConsumer, consume, consume_batch
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.deployment import FIFO, topic_name
from fanfold.messages import SUBSCRIPTIONS, TOPICS, BarsClosed, decode
from fanfold.simulation.cloud import MemoryCloud
from fanfold.venues import replay
from support.emulator import ministack, through_boto3
from support.situations import Situation

HANDLERS = {"market-data": "serve", "signal": "fold", "risk": "assess", "execution": "execute", "audit": "record"}
# What the handler of each function does with the process of its service.
FUNCTIONS: dict[str, Callable[[Any, dict[str, Any]], dict[str, Any]]] = {
    "market-data/poll": lambda process, _event: {"bars": process.poller.poll(None)},
    "market-data/serve": lambda process, event: consume(event, process.serve, process.runtime.edge),
    "signal/fold": lambda process, event: consume(event, process.fold, process.runtime.edge),
    "risk/assess": lambda process, event: consume(event, process.assess, process.runtime.edge),
    "risk/control": lambda process, event: process.control(event, "bench"),
    "risk/sweep": lambda process, _event: process.sweep(),
    "execution/execute": lambda process, event: consume(event, process.execute, process.runtime.edge),
    "execution/sweep": lambda process, _event: process.sweep(),
    "audit/record": lambda process, event: consume_batch(event, process.record, process.runtime.edge),
    "audit/flush": lambda process, _event: {"rows": process.flush()},
    "audit/compact": lambda process, _event: {"days": process.compact()},
}
AUDIT_BATCH = 10
TABLES = ("ledger", "folds", "cursors", "paper-book", "views", "faults")
BUCKETS = ("audit", "lake")
Answer = dict[str, Any] | AwsFault


class Context(NamedTuple):
    """The context of an invocation, as Lambda passes it."""

    aws_request_id: str


class Delivery(NamedTuple):
    """One invocation: times in us without the AWS calls, and beside it the calls and their time.

    ``functions`` are the calls of functions, of Python's own too, where they were counted.
    """

    minute: int
    service: str
    kind: str
    messages: int
    bars: int
    wall_us: float
    cpu_us: float
    calls: tuple[str, ...]
    call_wall_us: float
    call_cpu_us: float
    functions: int = 0


class Meter:
    """The seam of one service."""

    def __init__(self, answer: Call) -> None:
        self._answer = answer
        self.reset()

    def reset(self) -> None:
        self.calls: list[str] = []
        self.wall = 0.0
        self.cpu = 0.0

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return self._answer(service, operation, parameters)
        finally:
            self.calls.append(f"{service} {operation}")
            self.cpu += time.process_time() - cpu
            self.wall += time.perf_counter() - wall


class UncountedMeter(Meter):
    """Lets no profiler see how a call is answered, which is no work of the service."""

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        profiler = sys.getprofile()
        sys.setprofile(None)
        try:
            return super().__call__(service, operation, parameters)
        finally:
            sys.setprofile(profiler)


class Recording:
    """An emulator's answers by service, in the order of the calls."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[str, Answer]]] = {service: [] for service in SUBSCRIPTIONS}

    def recording(self, service: str, call: Call) -> Call:
        def recorded(name: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            try:
                answer = call(name, operation, parameters)
            except AwsFault as fault:
                self.answers[service].append((operation, fault))
                raise
            self.answers[service].append((operation, answer))
            return answer

        return recorded

    def replaying(self, service: str) -> Call:
        left = iter(self.answers[service])

        def replayed(_name: str, operation: str, _parameters: Mapping[str, Any]) -> dict[str, Any]:
            wanted, answer = next(left)
            if wanted != operation:
                raise AssertionError(f"{service} asked for {operation} where it asked for {wanted} before")
            if isinstance(answer, AwsFault):
                raise answer
            return answer

        return replayed


class Chain:
    """A desk under way; ``store`` gives each service's call for what is not a topic."""

    meter: type[Meter] = Meter

    def __init__(
        self,
        situation: Situation,
        folder: Path,
        store: Callable[[str], Call],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """``settings`` go into the environment of the services."""
        replay.write(folder, situation.recordings)
        environ = {**_environment(folder), **(settings or {})}
        self.now = situation.closes[0]
        self.deliveries: list[Delivery] = []
        self.published: list[tuple[str, str]] = []
        self.queues: dict[str, deque[dict[str, Any]]] = {service: deque() for service in SUBSCRIPTIONS}
        self._numbers = 0
        self._meters = {service: self.meter(self._seam(store(service))) for service in SUBSCRIPTIONS}
        self._processes = {
            service: _process(service, situation, meter, self._clock, environ)
            for service, meter in self._meters.items()
        }
        for account in situation.desk.accounts:
            command = {"action": "open", "account": account, "reason": "bench", "actor": "bench"}
            self._run("risk", "control", command, "open", 0, 0)
        self.queues["audit"].clear()

    def minute(self, now: int) -> None:
        """Poll, and deliver what comes of it, message by message; audit gets its messages by tens at the end."""
        self.poll(now)
        while any(self.queues[service] for service in SUBSCRIPTIONS if service != "audit"):
            for service in ("market-data", "signal", "execution", "risk"):
                if self.queues[service]:
                    self._deliver(service, 1)
        while self.queues["audit"]:
            self._deliver("audit", AUDIT_BATCH)

    def poll(self, now: int) -> None:
        self.now = now
        self._run("market-data", "poll", {}, "poll", 1, 0)

    def hand_over(self, service: str, event: dict[str, Any]) -> Delivery:
        """Invoke a service's queue handler with an event; kind and bars noted are those of its first message."""
        records = event["Records"]
        first = decode(records[0]["body"])
        bars = sum(len(frame.step) for frame in first.frames) if isinstance(first, BarsClosed) else 0
        answer = self._run(service, HANDLERS[service], event, type(first).__name__, len(records), bars)
        if answer["batchItemFailures"]:
            raise AssertionError(f"{service} failed on {type(first).__name__}")
        return self.deliveries[-1]

    def _deliver(self, service: str, size: int) -> None:
        queue = self.queues[service]
        records = [queue.popleft() for _ in range(min(size, len(queue)))]
        # Parsed from JSON, as the runtime client hands it over; that the queue wrote it is no work of the desk.
        self.hand_over(service, json.loads(msgspec.json.encode({"Records": records})))

    def _run(self, service: str, name: str, event: dict[str, Any], kind: str, messages: int, bars: int) -> Any:
        meter, process, function = self._meters[service], self._processes[service], FUNCTIONS[f"{service}/{name}"]
        meter.reset()
        cpu, wall = time.process_time(), time.perf_counter()
        with process.runtime.watch.invocation(Context("bench")):
            answer = function(process, event)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.deliveries.append(
            Delivery(
                self.now,
                service,
                kind,
                messages,
                answer["bars"] if kind == "poll" else bars,
                (wall - meter.wall) * 1e6,
                (cpu - meter.cpu) * 1e6,
                tuple(meter.calls),
                meter.wall * 1e6,
                meter.cpu * 1e6,
            )
        )
        return answer

    def _clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def _seam(self, call: Call) -> Call:
        def answered(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            if service != "sns":
                return call(service, operation, parameters)
            topic = parameters["TopicArn"].rsplit(":", 1)[-1].removesuffix(FIFO)
            for entry in parameters.get("PublishBatchRequestEntries", [parameters]):
                self._spread(topic, entry)
            return {}

        return answered

    def _spread(self, topic: str, entry: Mapping[str, Any]) -> None:
        self.published.append((topic, entry["Message"]))
        attributes = {name: attribute["StringValue"] for name, attribute in entry["MessageAttributes"].items()}
        for service, topics in SUBSCRIPTIONS.items():
            wanted = topics.get(topic)
            if wanted is not None and all(attributes.get(name) in values for name, values in wanted.items()):
                self._numbers += 1
                self.queues[service].append(sqs_record(entry, self._numbers, self.now, service))


def sqs_record(entry: Mapping[str, Any], number: int, now: int, service: str) -> dict[str, Any]:
    """A record as SQS hands it to Lambda with raw delivery, from a FIFO queue if its topic is one."""
    ordered = ("MessageGroupId", "MessageDeduplicationId")
    group = {name: entry[name] for name in ordered if name in entry}
    return {
        "messageId": f"00000000-0000-4000-8000-{number:012d}",
        "receiptHandle": "A" * 184,
        "body": entry["Message"],
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(now * 1_000),
            "SequenceNumber": f"{number:020d}",
            "SenderId": "AIDAISMY7JYY5F7RTT6AO",
            "ApproximateFirstReceiveTimestamp": str(now * 1_000 + 4),
            **group,
        },
        "messageAttributes": {
            name: {
                "stringValue": attribute["StringValue"],
                "dataType": "String",
                "stringListValues": [],
                "binaryListValues": [],
            }
            for name, attribute in entry["MessageAttributes"].items()
        },
        "md5OfBody": "d41d8cd98f00b204e9800998ecf8427e",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:000000000000:fanfold-bench-{service}.fifo",
        "awsRegion": "eu-west-1",
    }


@contextmanager
def recorded(situation: Situation) -> Iterator[tuple[Chain, Recording]]:
    """A chain on an emulator of its own, its minutes traded, and the answers that it got."""
    kept = Recording()
    with ministack() as emulator, tempfile.TemporaryDirectory() as folder:
        _create(through_boto3(emulator.endpoint))
        chain = Chain(
            situation, Path(folder), lambda service: kept.recording(service, connect("light", emulator.endpoint))
        )
        for now in situation.closes:
            chain.minute(now)
        yield chain, kept


class CountingChain(Chain):
    """Counts the calls of functions of each invocation, without those that answer AWS calls.

    Other work on the machine adds none.
    """

    meter = UncountedMeter

    def _run(self, *invocation: Any) -> Any:
        functions = 0

        def count(_frame: object, event: str, _argument: object) -> None:
            nonlocal functions
            functions += event in {"call", "c_call"}

        sys.setprofile(count)
        try:
            answer = super()._run(*invocation)
        finally:
            sys.setprofile(None)
        self.deliveries[-1] = self.deliveries[-1]._replace(functions=functions)
        return answer


def replayed(situation: Situation, kept: Recording, kind: type[Chain] = Chain) -> Chain:
    """The same minutes again, answered from memory."""
    with tempfile.TemporaryDirectory() as folder:
        chain = kind(situation, Path(folder), kept.replaying)
        for now in situation.closes:
            chain.minute(now)
    return chain


def best(passes: Sequence[Chain]) -> list[Delivery]:
    """Each delivery's least times of several passes over the same minutes: what a busy machine added is left out."""
    same_deliveries = zip(*(chain.deliveries for chain in passes), strict=True)
    return [
        same[0]._replace(
            wall_us=min(delivery.wall_us for delivery in same), cpu_us=min(delivery.cpu_us for delivery in same)
        )
        for same in same_deliveries
    ]


def _process(
    service: str, situation: Situation, call: Call, clock: Callable[[], datetime], environ: Mapping[str, str]
) -> Any:
    wiring = import_module(f"{service.replace('-', '_')}_service.wiring")
    watch = Telemetry({}, clock, write=len)
    edge = SqsConsumer(call, "dead-letters", "faults", clock, watch)
    runtime = Runtime(call, clock, situation.desk, edge, watch, sleep=lambda _seconds: None)
    return wiring.build(runtime, read(wiring.Settings, environ))


def _environment(folder: Path) -> dict[str, str]:
    topics = {f"{name}-topic": f"arn:aws:sns:eu-west-1:000000000000:{topic_name(name)}" for name in TOPICS}
    tables = {f"{name}-table": name for name in TABLES}
    buckets = {f"{name}-bucket": name for name in BUCKETS}
    named = topics | tables | buckets | {"recordings": str(folder), "stage": "counted"}
    return {name.replace("-", "_").upper(): value for name, value in named.items()}


def _create(admin: Call) -> None:
    for table in TABLES:
        admin(
            "dynamodb",
            "CreateTable",
            {
                "TableName": table,
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            },
        )
    for bucket in BUCKETS:
        admin(
            "s3", "CreateBucket", {"Bucket": bucket, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
        )


def memory_cloud(now_s: Callable[[], float]) -> MemoryCloud:
    """Return an AWS in memory with the tables and buckets of the services."""
    cloud = MemoryCloud(now_s)
    for table in TABLES:
        cloud.table(table)
    for bucket in BUCKETS:
        cloud.call("s3", "CreateBucket", {"Bucket": bucket})
    return cloud
