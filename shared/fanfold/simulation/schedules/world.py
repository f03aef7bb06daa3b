"""A desk in memory: production handlers, each call a point where they may be stopped, and one dice that decides.

The seed decides everything: who goes on next, who dies before or after a call, whose answer is lost, what is delivered
twice, whose message is seen again while it is still worked on.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet

from fanfold.aws.client.call import AwsFault, Call
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.sns import Topics
from fanfold.desk import Desk
from fanfold.messages import SUBSCRIPTIONS, TOPICS, BarsRequested, Message, TradingState, decode
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.schedules import clocks
from fanfold.simulation.schedules.faults import Crash, FaultDice
from fanfold.simulation.schedules.market import START, SeededMarket
from fanfold.simulation.schedules.places import RECEIVED_MAX, as_record, headline, places_of, topic_setting
from fanfold.simulation.schedules.prepared import Prepared
from fanfold.simulation.schedules.process import SERVICES, ServiceProcess, with_retries_at_once
from fanfold.simulation.schedules.running import RunningInvocation
from fanfold.simulation.schedules.witness import WRITES, Witness, written_orders

STEPS_MAX = 100_000
# The time that passes with a step.
STEPS_S = (0.0, 0.0, 0.05, 0.3)
STEPS = len(STEPS_S)
# The trading states that an operator sets.
STATES = (TradingState.HALTED, TradingState.REDUCE_ONLY, TradingState.FLATTENING, TradingState.ACTIVE)
WARM = 0.9


class NoEnd(AssertionError):
    """Work that never comes to an end."""


class World:
    """The desk, its queues, and who is at work. What happens in it, and when, is a subclass's."""

    # The services that have processes.
    services: tuple[str, ...] = SERVICES
    # Whether their logs are formatted.
    silent = False

    def __init__(
        self, random: Random, faults: FaultDice, desk: Desk, market: SeededMarket, before: Prepared | None = None
    ) -> None:
        """Go on from what was ``before``, or begin with nothing."""
        self.random, self.faults, self.market = random, faults, market
        self._draw = random.random
        self.desk, self.desks = desk, [desk]
        self.now = before.now if before else float(START)
        self._now = lambda: self.now
        self.cloud = MemoryCloud(self._now)
        self.places = before.fill(self.cloud, self._now) if before else places_of(self.cloud)
        self.queues = {name: self.cloud.sqs.queue(self.places[name]) for name in SUBSCRIPTIONS}
        self.reached = Counter[str]()
        self.story: list[str] | None = None
        faults.tell = self.tell
        self.warm: dict[str, list[ServiceProcess]] = {service: [] for service in self.services}
        # The services that are delivered to; another's messages wait.
        self.listening = self.services
        self.running: list[RunningInvocation] = []
        # Those that wait for an invocation; a schedule may be given those of the one before it.
        self.stacks: list[greenlet] = []
        self.ledger = Table(self.cloud.call, "ledger")
        self.witness = Witness(self.ledger)
        self.requests = 0
        self._retried: Call | None = None
        self.topics = Topics(self.cloud.call, {name: self.places[topic_setting(name)] for name in TOPICS})

    def tell(self, text: str) -> None:
        """Add a line to the story, where one is told."""
        if self.story is not None:
            self.story.append(f"{datetime.fromtimestamp(self.now, UTC):%H:%M:%S.%f}"[:-4] + f"  {text}")

    def clock(self) -> datetime:
        return clocks.moment(self.now)

    def call(self, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        """Call AWS for any process; the others run first, and the schedule's faults come in between."""
        getcurrent().parent.switch()
        return self.faults.between(self._carry_out, service, operation, parameters)

    def _carry_out(self, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        try:
            answer = self.cloud.call(service, operation, parameters)
        except AwsFault as fault:
            self.reached[f"AWS answers {fault.code}"] += 1
            raise
        if self.story is not None:
            self._tell_of_orders(operation, parameters)
        if operation in WRITES:
            self.witness.see(self.now, self.cloud.dynamodb.table("ledger"), operation, parameters)
        return answer

    def _tell_of_orders(self, operation: str, parameters: Any) -> None:
        for record in written_orders(operation, parameters):
            filled = f", {record.filled} filled" if record.filled else ""
            kind = f"{record.order.side} {record.order.quantity} {record.order.instrument}"
            self.tell(f"the ledger has order {record.order.order_id[:8]} ({kind}) as {record.state}{filled}")

    def command(self, event: dict[str, Any]) -> None:
        """Give the command of an operator who looked first, again and again until it is answered."""
        self.requests += 1
        self._command(self.witness.looked(event), f"request-{self.requests}", self.now)

    def _command(self, event: dict[str, Any], request: str, sent_at: float) -> None:
        process = self.process("risk")
        work = partial(self.witness.obey, event, partial(process.control, event, request), sent_at, lambda: self.now)
        again = partial(self._command, event, request, sent_at)
        self.running.append(RunningInvocation(process, work, again=again))

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
        self.reached["a process begins cold"] += 1
        return self.cold(service)

    def cold(self, service: str) -> ServiceProcess:
        clock = self.clock_of_a_process()
        outside = self.outside(service)
        # To make it anew takes as long as the rest of a process.
        self._retried = self._retried or with_retries_at_once(self.call)
        return ServiceProcess(
            service, self.call, clock, self.desk, self.places, outside, silent=self.silent, retried=self._retried
        )

    def outside(self, _service: str) -> Callable[[str], Any] | None:
        """Return what stands in for a service's exchange; None for a service that needs none."""
        return None

    def clock_of_a_process(self) -> Callable[[], datetime]:
        return clocks.of_a_process(self._now, self._draw, self.faults)

    def until_quiet(self) -> None:
        for _ in range(STEPS_MAX):
            if not self.step():
                return
        raise NoEnd(f"no end after {STEPS_MAX} steps; at work: {[work.queue for work in self.running]}")

    def settle(self, until: float | None = None) -> None:
        """Let everybody work, and time pass, until nobody has anything to do, or to a time."""
        self.until_quiet()
        while (until is None or self.now < until) and self.wake():
            self.until_quiet()

    def step(self) -> bool:
        """Let somebody go on to the next call, or deliver; return false where there is nothing to do."""
        now, queues, draw = self.now, self.queues, self._draw
        options: list[str | RunningInvocation] = [each for each in self.running if each.asleep_until <= now]
        # A loop: half a step's time would go to a comprehension and what it calls.
        for name in self.listening:
            queue = queues[name]
            if queue.messages and queue.is_ready(now):
                options.append(name)
        if queues["market-data"].messages:
            self.fetch_bars()
        if not options:
            return False
        self.now = now + STEPS_S[int(draw() * STEPS)]
        chosen = options[int(draw() * len(options))]
        if isinstance(chosen, str):
            self._deliver(chosen)
        else:
            self._go_on(chosen)
        return True

    def wake(self) -> bool:
        """Let time pass until somebody wakes up, or a message is visible again; return false where nobody waits."""
        hidden = [
            message.visible_at
            for name in self.services
            for message in self.queues[name].messages
            if message.visible_at > self.now
        ]
        moments = hidden + [
            invocation.asleep_until for invocation in self.running if invocation.asleep_until > self.now
        ]
        if moments:
            self.now = min(moments)
        return bool(moments)

    def fetch_bars(self) -> None:
        """Send missing bars, as market-data does."""
        for message in self._taken("market-data"):
            assert isinstance(message, BarsRequested)
            self.topics.publish([self.market.wanted(message)])

    def _taken(self, service: str) -> list[Message]:
        request = {"QueueUrl": self.places[service], "MaxNumberOfMessages": 10}
        letters = self.cloud.call("sqs", "ReceiveMessage", request).get("Messages", [])
        for letter in letters:
            self.queues[service].delete(letter["ReceiptHandle"])
        return [decode(letter["Body"]) for letter in letters]

    def _deliver(self, service: str) -> None:
        if self.faults.on and self._held_up(self.queues[service]):
            return
        letters = self.received(service)
        if not letters:
            return  # What was there went to the dead letters.
        if self.faults.hit("dead"):
            self._bury(service, letters)
            return
        if self.faults.hit("dropped"):
            return
        process = self.process(service)
        if self.story is not None:
            self.tell(f"{service} takes {', '.join(map(headline, letters))}")
        event = {"Records": [as_record(letter) for letter in letters]}
        receipts = {letter["MessageId"]: letter["ReceiptHandle"] for letter in letters}
        self.faults.note("deliver", service, list(receipts.values()))
        if any(receipts.keys() & invocation.receipts.keys() for invocation in self.running):
            self.reached["two processes work on one message"] += 1
        work = partial(process.handle, event, "delivery")
        self.running.append(RunningInvocation(process, work, queue=service, receipts=receipts))

    def received(self, service: str) -> list[dict[str, Any]]:
        """Receive the messages of a delivery."""
        request = {"QueueUrl": self.places[service], "MaxNumberOfMessages": self.random.choice((1, 1, 3))}
        letters: list[dict[str, Any]] = self.cloud.call("sqs", "ReceiveMessage", request).get("Messages", [])
        return letters

    def _held_up(self, queue: Any) -> bool:
        """Let the next message come late, or let others overtake it; return whether it comes late."""
        first = queue.visible()[0]
        if self.faults.hit("reorder"):
            group = [message for message in queue.messages if message.group == first.group]
            queue.messages[:] = [message for message in queue.messages if message.group != first.group] + group
        if self.faults.hit("delay"):
            first.visible_at = self.now + 20 * self.random.random()
            return True
        return False

    def _bury(self, service: str, letters: list[dict[str, Any]]) -> None:
        """Move messages at which every process died, until the queue gave up."""
        queue = self.queues[service]
        for letter in letters:
            waiting = queue.delete(letter["ReceiptHandle"])
            assert waiting is not None
            waiting.received = RECEIVED_MAX
            self.cloud.sqs.queue(self.places[f"dead-{service}"]).messages.append(waiting)

    def _go_on(self, invocation: RunningInvocation) -> None:
        faults, ended = self.faults, False
        if faults.on:
            if invocation.queue and not invocation.frozen and faults.hit("zombie"):
                invocation.frozen = True
                self._show(invocation, list(invocation.receipts))
            if faults.hit("freeze"):
                invocation.asleep_until = self.now + 2 + 58 * self.random.random()
                return
            ended = faults.hit("timeout")
        if ended:
            invocation.end()
        else:
            invocation.go_on(self.stacks)
        if not invocation.dead:
            return
        self.running.remove(invocation)
        if not isinstance(invocation.fault, Crash):
            self.warm[invocation.process.service].append(invocation.process)
        if invocation.queue and not ended:
            self._answered(invocation)
        elif invocation.fault and invocation.again:
            invocation.again()

    def _answered(self, invocation: RunningInvocation) -> None:
        """Delete what was handled, and show the rest again."""
        failed = list(invocation.receipts)
        if invocation.fault is None:
            failed = [entry["itemIdentifier"] for entry in invocation.answer["batchItemFailures"]]
        done = [name for name in invocation.receipts if name not in failed]
        if self.faults.hit("again"):
            failed, done = failed + done, []
        for name in done:
            self.queues[invocation.queue].delete(invocation.receipts[name])
        self._show(invocation, failed)

    def _show(self, invocation: RunningInvocation, names: list[str]) -> None:
        for name in names:
            waiting = self.queues[invocation.queue].with_receipt(invocation.receipts[name])
            if waiting is not None:
                waiting.visible_at = self.now
