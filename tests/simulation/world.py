"""A desk under fire: production handlers over an AWS in memory, every call a point where they may be stopped.

One seed decides everything: who goes on next, who dies before or after a call, whose answer is lost, what is delivered
twice, whose message is seen again while it is still worked on, what the operator sets and when.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from faulty import Crash, Faults
from greenlet import getcurrent, greenlet
from markets import Market, desk_of
from processes import Process
from witness import Witness

from fanfold.aws.dynamodb.table import Table
from fanfold.aws.sns import Topics
from fanfold.messages import SUBSCRIPTIONS, TOPICS, BarsRequested, Message, Target, Targets, TradingState, decode
from fanfold.simulation.cloud import MemoryCloud
from support.core_desk import START, B

SERVICES = ("signal", "risk", "execution")
RECEIVED_MAX = 5
STATES = (TradingState.HALTED, TradingState.REDUCE_ONLY, TradingState.FLATTENING, TradingState.ACTIVE)
STEPS_MAX = 100_000
HEALING_MIN = 9


class Invocation(greenlet):
    """A process at work on an event; it stops at every call, until it is its turn again."""

    def __init__(self, process: Process, work: Callable[[], Any], **more: Any) -> None:
        super().__init__(self._run)
        self.process = process
        self.queue: str = more.get("queue", "")
        self.receipts: dict[str, str] = more.get("receipts", {})
        # An operator's command and its request, which are given again where they fail.
        self.command: tuple[dict[str, Any], str] | None = more.get("command")
        self.frozen = False
        self.fault: BaseException | None = None
        self.answer: Any = None
        self._work = work

    def _run(self) -> None:
        try:
            self.answer = self._work()
        except (Crash, Exception) as fault:  # noqa: BLE001 - it is looked at by who switches here
            self.fault = fault


class World:
    """The desk, its queues, and who is at work."""

    def __init__(self, seed: int, minutes: int = 12) -> None:
        self.random = Random(seed)
        self.faults = Faults(self.random)
        limits = Random(f"limits {seed}")
        self.desk, self.market = desk_of(self.random, limits), Market(self.random, minutes + HEALING_MIN)
        self.quiet, self.halts = self.random.random() < 0.5, self.random.random() < 0.7
        self.minutes, self.now = minutes, float(START)
        self.cloud = MemoryCloud(lambda: self.now)
        self.places = places_of(self.cloud)
        self.warm: dict[str, list[Process]] = {service: [] for service in SERVICES}
        self.running: list[Invocation] = []
        self.commands: list[dict[str, Any]] = []
        self.witness = Witness(Table(self.cloud.call, "ledger"))
        self.requests = 0
        self.topics = Topics(self.cloud.call, {name: self.places[_setting(name)] for name in TOPICS})

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def call(self, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        """The seam of every process."""
        here = getcurrent()
        here.parent.switch()
        return self.faults.between(self._carry_out, service, operation, parameters)

    def _carry_out(self, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        answer = self.cloud.call(service, operation, parameters)
        self.witness.see(self.now, self.cloud.dynamodb.table("ledger"), operation, parameters)
        return answer

    def run(self) -> "World":
        self.command({"action": "open", "account": "main", "reason": "start", "actor": "ann"})
        self.until_quiet()
        for minute in range(1, self.minutes + 1):
            self.minute(minute)
        self.heal()
        return self

    def minute(self, minute: int) -> None:
        self.now = max(self.now, START + 60.0 * minute)
        self.topics.publish([self.market.minute(minute)])
        self._upset(minute)
        if self.quiet or not self.faults.on:
            self.until_quiet()
        else:
            for _ in range(self.random.randrange(200)):
                self.step()

    def _upset(self, minute: int) -> None:
        """Send what comes from outside besides bars, somewhere in the minute."""
        if not self.faults.on:
            return
        if self.halts and self.random.random() < 0.3:
            for _ in range(self.random.randrange(60)):
                self.step()
            self.command(
                {
                    "action": "halt",
                    "account": "main",
                    "reason": "drill",
                    "actor": "ann",
                    "state": self.random.choice(STATES),
                }
            )
        if self.random.random() < 0.2:
            self.topics.publish([self._told(minute)])
        if self.random.random() < 0.3:
            self.sweep()

    def _told(self, minute: int) -> Targets:
        """A signal from outside, decided in the middle of a bar."""
        target = Target(
            signal_id=f"told-{minute}",
            instance="told",
            instrument=B,
            timeframe="1m",
            weight=self.random.choice((0.0, 0.5, 1.0)),
        )
        return Targets(
            id=f"told-{minute}", cause="webhook", at=self.clock(), account="main", poll_id="", targets=[target]
        )

    def heal(self) -> None:
        """No faults from here on: what is under way comes to its end, and time goes on."""
        self.faults.on = False
        for minute in range(self.minutes + 1, self.minutes + HEALING_MIN + 1):
            self.until_quiet()
            self.sweep()
            self.until_quiet()
            self.minute(minute)
        self.sweep()
        self.until_quiet()

    def command(self, event: dict[str, Any]) -> None:
        """An operator's command, which is given again until it is obeyed."""
        self.requests += 1
        self._command(event, f"request-{self.requests}")

    def _command(self, event: dict[str, Any], request: str) -> None:
        process = self.process("risk")
        work = lambda: process.control(event, request)  # noqa: E731 - it is named for the line's length
        self.running.append(Invocation(process, work, command=(event, request)))

    def sweep(self) -> None:
        """The schedules of risk and execution."""
        for service in ("risk", "execution"):
            process = self.process(service)
            self.running.append(Invocation(process, lambda process=process: process.sweep({}, "schedule")))

    def process(self, service: str) -> Process:
        """A warm process, or a cold one."""
        warm = self.warm[service]
        if warm and self.random.random() < 0.8:
            return warm.pop(self.random.randrange(len(warm)))
        return Process(service, self.call, self.clock, self.desk, self.places)

    def until_quiet(self) -> None:
        for _ in range(STEPS_MAX):
            if not self.step():
                return
        at_work = [invocation.queue for invocation in self.running]
        raise AssertionError(f"no end after {STEPS_MAX} steps; at work: {at_work}")

    def step(self) -> bool:
        """Let somebody go on to the next call, or deliver; false where there is nothing to do."""
        ready = [name for name in SERVICES if self._queue(name).visible()]
        options = len(self.running) + len(ready)
        self._back_fill()
        if not options:
            return False
        self.now += self.random.choice((0.0, 0.0, 0.05, 0.3))
        chosen = self.random.randrange(options)
        if chosen >= len(self.running):
            self._deliver(ready[chosen - len(self.running)])
        else:
            self._go_on(self.running[chosen])
        return True

    def _queue(self, service: str) -> Any:
        return self.cloud.sqs.queue(self.places[service])

    def _back_fill(self) -> None:
        """Send missing bars, as market-data does."""
        for message in self._taken("market-data"):
            assert isinstance(message, BarsRequested)
            self.topics.publish([self.market.wanted(message)])

    def _taken(self, queue: str) -> list[Message]:
        request = {"QueueUrl": self.places[queue], "MaxNumberOfMessages": 10}
        letters = self.cloud.call("sqs", "ReceiveMessage", request).get("Messages", [])
        for letter in letters:
            where = {"QueueUrl": self.places[queue], "ReceiptHandle": letter["ReceiptHandle"]}
            self.cloud.call("sqs", "DeleteMessage", where)
        return [decode(letter["Body"]) for letter in letters]

    def _deliver(self, service: str) -> None:
        request = {"QueueUrl": self.places[service], "MaxNumberOfMessages": self.random.choice((1, 1, 3))}
        letters = self.cloud.call("sqs", "ReceiveMessage", request).get("Messages", [])
        if not letters:
            return  # What was there went to the dead letters.
        if self.faults.hit("dead"):
            self._bury(service, letters)
            return
        process = self.process(service)
        event = {"Records": [as_record(letter) for letter in letters]}
        receipts = {letter["MessageId"]: letter["ReceiptHandle"] for letter in letters}
        self.faults.note("deliver", service, list(receipts.values()))
        work = lambda: process.handle(event, "delivery")  # noqa: E731 - it is named for the line's length
        self.running.append(Invocation(process, work, queue=service, receipts=receipts))

    def _bury(self, service: str, letters: list[dict[str, Any]]) -> None:
        """Messages at which every process died, until the queue gave up."""
        queue = self._queue(service)
        for letter in letters:
            waiting = queue.with_receipt(letter["ReceiptHandle"])
            queue.messages.remove(waiting)
            self.cloud.sqs.queue(self.places[f"dead-{service}"]).messages.append(waiting)

    def dead_letters(self) -> list[Any]:
        """Messages that no service could read, or that ended each process."""
        return [
            message for service in SERVICES for message in self.cloud.sqs.queue(self.places[f"dead-{service}"]).messages
        ]

    def _go_on(self, invocation: Invocation) -> None:
        if invocation.queue and not invocation.frozen and self.faults.hit("zombie"):
            invocation.frozen = True
            self._show(invocation, list(invocation.receipts))
        invocation.switch()
        if not invocation.dead:
            return
        self.running.remove(invocation)
        if not isinstance(invocation.fault, Crash):
            self.warm[invocation.process.service].append(invocation.process)
        if invocation.queue:
            self._answered(invocation)
        elif invocation.fault and invocation.command:
            self._command(*invocation.command)

    def _answered(self, invocation: Invocation) -> None:
        """Delete what was handled, and show the rest again."""
        failed = list(invocation.receipts)
        if invocation.fault is None:
            failed = [entry["itemIdentifier"] for entry in invocation.answer["batchItemFailures"]]
        done = [name for name in invocation.receipts if name not in failed]
        if self.faults.hit("again"):
            failed, done = failed + done, []
        for name in done:
            where = {"QueueUrl": self.places[invocation.queue], "ReceiptHandle": invocation.receipts[name]}
            self.cloud.call("sqs", "DeleteMessage", where)
        self._show(invocation, failed)

    def _show(self, invocation: Invocation, names: list[str]) -> None:
        for name in names:
            waiting = self._queue(invocation.queue).with_receipt(invocation.receipts[name])
            if waiting is not None:
                waiting.visible_at = self.now


def as_record(message: dict[str, Any]) -> dict[str, Any]:
    """A record as Lambda gets it."""
    attributes = {
        name: {"stringValue": attribute["StringValue"], "dataType": attribute["DataType"]}
        for name, attribute in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": attributes,
        "eventSourceARN": "queue",
    }


def places_of(cloud: MemoryCloud) -> dict[str, str]:
    """Tables, topics and queues, as the stacks make them; their names by what settings call them."""
    places = {f"{name}_table": name for name in ("folds", "ledger", "paper_book", "faults")}
    for name in places.values():
        cloud.table(name)
    for name in TOPICS:
        request = {"Name": f"{name}.fifo", "Attributes": {"FifoTopic": "true"}}
        places[_setting(name)] = cloud.call("sns", "CreateTopic", request)["TopicArn"]
    for service, topics in SUBSCRIPTIONS.items():
        places |= _queues(cloud, service)
        for topic, wanted in topics.items():
            cloud.call(
                "sns",
                "Subscribe",
                {
                    "TopicArn": places[_setting(topic)],
                    "Protocol": "sqs",
                    "Endpoint": places[service],
                    "Attributes": {"RawMessageDelivery": "true", "FilterPolicy": json.dumps(wanted)},
                },
            )
    return places


def _setting(topic: str) -> str:
    """The key of a topic in a service's settings."""
    return f"{topic.replace('-', '_')}_topic"


def _queues(cloud: MemoryCloud, service: str) -> dict[str, str]:
    dead = cloud.call("sqs", "CreateQueue", {"QueueName": f"dead-{service}.fifo", "Attributes": {"FifoQueue": "true"}})
    redrive = {"deadLetterTargetArn": cloud.sqs.queue(dead["QueueUrl"]).arn, "maxReceiveCount": RECEIVED_MAX}
    attributes = {"FifoQueue": "true", "VisibilityTimeout": "60", "RedrivePolicy": json.dumps(redrive)}
    made = cloud.call("sqs", "CreateQueue", {"QueueName": f"{service}.fifo", "Attributes": attributes})
    return {service: made["QueueUrl"], f"dead-{service}": dead["QueueUrl"]}
