"""A desk in memory: production handlers, each call a point where they may be stopped, and one dice that decides.

The seed decides everything: who goes on next, who dies before or after a call, whose answer is lost, what is delivered
twice, whose message is seen again while it is still worked on.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet

from fanfold.aws.dynamodb.table import Table
from fanfold.aws.sns import Topics
from fanfold.desk import Desk
from fanfold.messages import TOPICS, BarsRequested, Message, decode
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.schedules.faults import Crash, FaultDice
from fanfold.simulation.schedules.market import START, SeededMarket
from fanfold.simulation.schedules.places import as_record, places_of, topic_setting
from fanfold.simulation.schedules.process import ServiceProcess
from fanfold.simulation.schedules.witness import Witness

SERVICES = ("signal", "risk", "execution")
STEPS_MAX = 100_000
WARM = 0.8


class NoEnd(AssertionError):
    """Work that never comes to an end."""


class RunningInvocation(greenlet):  # type: ignore[misc]
    """A process at work on an event; it stops at every call, until it is its turn again."""

    def __init__(self, process: ServiceProcess, work: Callable[[], Any], **more: Any) -> None:
        super().__init__(self._run)
        self.process = process
        self.queue: str = more.get("queue", "")
        self.receipts: dict[str, str] = more.get("receipts", {})
        # An operator's command and its request, which are repeated where they fail.
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
    """The desk, its queues, and who is at work. What happens in it, and when, is a subclass's."""

    def __init__(self, random: Random, faults: FaultDice, desk: Desk, market: SeededMarket) -> None:
        self.random, self.faults, self.desk, self.market = random, faults, desk, market
        self.now = float(START)
        self.cloud = MemoryCloud(lambda: self.now)
        self.places = places_of(self.cloud)
        self.warm: dict[str, list[ServiceProcess]] = {service: [] for service in SERVICES}
        self.running: list[RunningInvocation] = []
        self.witness = Witness(Table(self.cloud.call, "ledger"))
        self.requests = 0
        self.topics = Topics(self.cloud.call, {name: self.places[topic_setting(name)] for name in TOPICS})

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def call(self, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        """The seam of every process."""
        getcurrent().parent.switch()
        return self.faults.between(self._carry_out, service, operation, parameters)

    def _carry_out(self, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        answer = self.cloud.call(service, operation, parameters)
        self.witness.see(self.now, self.cloud.dynamodb.table("ledger"), operation, parameters)
        return answer

    def command(self, event: dict[str, Any]) -> None:
        """Give an operator's command, again and again until it is obeyed."""
        self.requests += 1
        self._command(event, f"request-{self.requests}")

    def _command(self, event: dict[str, Any], request: str) -> None:
        process = self.process("risk")

        work = partial(process.control, event, request)
        self.running.append(RunningInvocation(process, work, command=(event, request)))

    def sweep(self) -> None:
        """Start the schedules of risk and execution."""
        for service in ("risk", "execution"):
            process = self.process(service)
            self.running.append(RunningInvocation(process, partial(process.sweep, {}, "schedule")))

    def process(self, service: str) -> ServiceProcess:
        """Return a warm process, or a cold one."""
        warm = self.warm[service]
        if warm and self.random.random() < WARM:
            return warm.pop(self.random.randrange(len(warm)))
        return self.cold(service)

    def cold(self, service: str) -> ServiceProcess:
        return ServiceProcess(service, self.call, self.clock, self.desk, self.places)

    def until_quiet(self) -> None:
        for _ in range(STEPS_MAX):
            if not self.step():
                return
        at_work = [invocation.queue for invocation in self.running]
        raise NoEnd(f"no end after {STEPS_MAX} steps; at work: {at_work}")

    def step(self) -> bool:
        """Let somebody go on to the next call, or deliver; return false where there is nothing to do."""
        ready = [name for name in SERVICES if self._queue(name).visible()]
        options = len(self.running) + len(ready)
        self.fetch_bars()
        if not options:
            return False
        self.now += self.random.choice((0.0, 0.0, 0.05, 0.3))
        chosen = self.random.randrange(options)
        if chosen >= len(self.running):
            self._deliver(ready[chosen - len(self.running)])
        else:
            self._go_on(self.running[chosen])
        return True

    def fetch_bars(self) -> None:
        """Send missing bars, as market-data does."""
        for message in self._taken("market-data"):
            assert isinstance(message, BarsRequested)
            self.topics.publish([self.market.wanted(message)])

    def _taken(self, service: str) -> list[Message]:
        request = {"QueueUrl": self.places[service], "MaxNumberOfMessages": 10}
        letters = self.cloud.call("sqs", "ReceiveMessage", request).get("Messages", [])
        for letter in letters:
            where = {"QueueUrl": self.places[service], "ReceiptHandle": letter["ReceiptHandle"]}
            self.cloud.call("sqs", "DeleteMessage", where)
        return [decode(letter["Body"]) for letter in letters]

    def _queue(self, service: str) -> Any:
        return self.cloud.sqs.queue(self.places[service])

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

        work = partial(process.handle, event, "delivery")
        self.running.append(RunningInvocation(process, work, queue=service, receipts=receipts))

    def _bury(self, service: str, letters: list[dict[str, Any]]) -> None:
        """Move messages at which every process died, until the queue gave up."""
        queue = self._queue(service)
        for letter in letters:
            waiting = queue.with_receipt(letter["ReceiptHandle"])
            queue.messages.remove(waiting)
            self.cloud.sqs.queue(self.places[f"dead-{service}"]).messages.append(waiting)

    def dead_letters(self) -> list[Any]:
        """Return messages that no service could read, or that ended each process."""
        return [
            message for service in SERVICES for message in self.cloud.sqs.queue(self.places[f"dead-{service}"]).messages
        ]

    def _go_on(self, invocation: RunningInvocation) -> None:
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

    def _answered(self, invocation: RunningInvocation) -> None:
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

    def _show(self, invocation: RunningInvocation, names: list[str]) -> None:
        for name in names:
            waiting = self._queue(invocation.queue).with_receipt(invocation.receipts[name])
            if waiting is not None:
                waiting.visible_at = self.now
