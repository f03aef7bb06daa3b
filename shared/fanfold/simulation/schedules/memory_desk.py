"""A desk in memory without faults: production handlers, one process a service, one call after the other."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.sns import Topics
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.desk import Desk
from fanfold.errors import AT_ONCE, BadInput
from fanfold.ledger.approvals import Approvals
from fanfold.messages import TOPICS, BarsRequested, Message, TradingStateChanged, decode
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.queues import RECEIVED_MAX
from fanfold.simulation.schedules.places import as_record, places_of, topic_setting
from fanfold.simulation.schedules.process import SERVICES, ServiceProcess


class MemoryDesk:
    """Signal, risk and execution of a desk on paper. ``answer`` gives the messages that follow a request for bars.

    ``now`` (epoch seconds) is the time of all of them. What they publish is in ``published``, in order.
    """

    def __init__(self, desk: Desk, answer: Callable[[BarsRequested], Iterable[Message]], now: float) -> None:
        self.desk = desk
        self.now = now
        self.published: list[Message] = []
        self._answer = answer
        self._cloud = MemoryCloud(lambda: self.now)
        self._places = places_of(self._cloud)
        self._topics = Topics(self._cloud.call, {name: self._places[topic_setting(name)] for name in TOPICS})
        self._processes = {
            service: ServiceProcess(service, self._cloud.call, self.clock, desk, self._places, silent=True)
            for service in SERVICES
        }
        table, watch = self._cloud.table("ledger"), Telemetry({}, self.clock, write=lambda _line: None)
        outbox = Outbox(table, "risk", self._topics, watch, self.clock)
        self._approvals = Approvals(DynamoLedger(table, outbox), AT_ONCE)

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def publish(self, messages: Iterable[Message]) -> None:
        """Let messages come from outside, and do all that follows."""
        self._topics.publish(messages)
        self.rest()

    def set_trading_state(self, message: TradingStateChanged, *, rearm: bool = False) -> None:
        """Set a trading state, as an operator's command that was recorded did; the first one opens the account."""
        if not self._approvals.open(message.account, self.desk.accounts[message.account].cash, message):
            # It was obeyed, whatever the rules were then.
            before = self._approvals.permissions(message.account).change
            self._approvals.halt(message, rearm=rearm, replaces=before)
        self.rest()

    def sweep(self) -> None:
        """Run the schedules of risk and execution once."""
        for service in ("risk", "execution"):
            self._processes[service].sweep({}, "schedule")
        self.rest()

    def rest(self) -> None:
        """Deliver until no queue has anything. Raises BadInput for a message that a service could not read."""
        while any([self._deliver(service) for service in SERVICES] + [self._back_fill()]):
            continue
        self.published += self._taken("audit")
        dead = [
            letter.body for name in SERVICES for letter in self._cloud.sqs.queue(self._places[f"dead-{name}"]).messages
        ]
        if dead:
            raise BadInput(f"the services cannot handle a message, and put it aside: {dead[0]:.300}")

    def _deliver(self, service: str) -> bool:
        queue = {"QueueUrl": self._places[service]}
        received = self._cloud.call("sqs", "ReceiveMessage", queue | {"MaxNumberOfMessages": RECEIVED_MAX})
        letters = received.get("Messages", [])
        if not letters:
            return False
        answer = self._processes[service].handle({"Records": [as_record(letter) for letter in letters]}, "delivery")
        failed = {entry["itemIdentifier"] for entry in answer["batchItemFailures"]}
        for letter in letters:
            receipt = queue | {"ReceiptHandle": letter["ReceiptHandle"]}
            if letter["MessageId"] in failed:
                self._cloud.call("sqs", "ChangeMessageVisibility", receipt | {"VisibilityTimeout": 0})
            else:
                self._cloud.call("sqs", "DeleteMessage", receipt)
        return True

    def _back_fill(self) -> bool:
        """Answer requests for bars, in place of market-data."""
        requests = self._taken("market-data")
        for request in requests:
            if isinstance(request, BarsRequested):
                self._topics.publish(self._answer(request))
        return bool(requests)

    def _taken(self, queue: str) -> list[Message]:
        waiting = self._cloud.sqs.queue(self._places[queue]).messages
        messages = [decode(letter.body) for letter in waiting]
        waiting.clear()
        return messages
