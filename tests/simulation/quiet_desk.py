"""A desk of production handlers over AWS in memory, without a fault but those that a test makes; a minute at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.sns import Topics
from fanfold.desk import Desk
from fanfold.market.bars import Bar
from fanfold.messages import TOPICS, Message, Target, Targets, TradingState, decode
from fanfold.records import Fill
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.schedules.laws import PAPER_LAWS, broken
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.places import as_record, places_of
from fanfold.simulation.schedules.process import SERVICES, ServiceProcess
from fanfold.simulation.schedules.witness import Witness
from support.core_desk import START, A, B, bars_message, series

LOTS = 10**9


class QuietDesk:
    """``around`` stands between the processes and AWS; it is given the call and what is asked."""

    def __init__(self, desk: Desk, *, opened: bool = True) -> None:
        self.desk, self.now = desk, float(START)
        self.cloud = MemoryCloud(lambda: self.now)
        self.places = places_of(self.cloud)
        self.table = Table(self.cloud.call, "ledger")
        self.witness = Witness(self.table)
        self.around: Callable[..., dict[str, Any]] = lambda call, *parameters: call(*parameters)
        self.topics = Topics(self.cloud.call, {name: self.places[f"{name.replace('-', '_')}_topic"] for name in TOPICS})
        self.requests, self.lost = 0, set[str]()
        self.failed: list[str] = []
        self.restart()
        for account in desk.accounts if opened else ():
            self.command("open", account)

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def call(self, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        answer = self.around(self.cloud.call, service, operation, parameters)
        self.witness.see(self.now, self.cloud.dynamodb.table("ledger"), operation, parameters)
        return answer

    def restart(self, desk: Desk | None = None) -> None:
        """Cold processes, after a deploy of another desk where there is one."""
        self.desk = desk or self.desk
        self.desks = [self.desk]
        self.processes = {
            name: ServiceProcess(name, self.call, self.clock, self.desk, self.places) for name in SERVICES
        }

    def command(
        self, action: str, account: str = "main", state: TradingState = TradingState.HALTED, **more: Any
    ) -> None:
        self.requests += 1
        self.now += 0.1
        event = {"action": action, "account": account, "reason": "test", "actor": "ann", "state": state}
        self.processes["risk"].control(self.witness.looked(event) | more, f"request-{self.requests}")
        self.settle()

    def minute(self, minute: float, *, lots: int = LOTS, **prices: Any) -> None:
        """Bars of a minute reach everybody; a price may be four, of open, high, low and close."""
        self.now = max(self.now, START + 60.0 * minute)
        self.publish(self.bars(minute, lots=lots, **prices))
        self.settle()

    def minutes(self, first: int, last: int, **prices: Any) -> None:
        for minute in range(first, last + 1):
            self.minute(minute, **prices)

    def bars(self, minute: float, *, lots: int = LOTS, **prices: Any) -> Message:
        closes = START + round(60 * minute)
        moved = []
        for name, price in ((A, prices.get("a", 100)), (B, prices.get("b", 100))):
            shape = price if isinstance(price, tuple) else (price,) * 4
            if price:
                moved.append(series(name, [Bar(*[closes, *(round(figure * 100) for figure in shape), lots])],
                                   0 if minute <= 1 else closes - 60))  # fmt: skip
        return bars_message(moved, f"m{minute}")

    def tell(
        self, name: str, targets: dict[tuple[str, str], float], account: str = "main", at: float | None = None
    ) -> None:
        """A webhook's signal."""
        moment = self.clock() if at is None else datetime.fromtimestamp(START + 60 * at, UTC)
        self.publish(Targets(
            id=f"told-{name}", cause="webhook", at=moment, account=account, poll_id="",
            targets=[Target(signal_id=f"{name}-{number}", instance=leg[0], instrument=leg[1], timeframe="1m",
                            weight=weight) for number, (leg, weight) in enumerate(targets.items())],
        ))  # fmt: skip
        self.settle()

    def publish(self, *messages: Message) -> None:
        self.topics.publish(list(messages))

    def settle(self) -> None:
        """Deliver until nothing waits."""
        while ready := [name for name in SERVICES if self.cloud.sqs.queue(self.places[name]).visible()]:
            for name in ready:
                self._deliver(name)

    def _deliver(self, service: str) -> None:
        request = {"QueueUrl": self.places[service], "MaxNumberOfMessages": 10}
        letters = self.cloud.call("sqs", "ReceiveMessage", request).get("Messages", [])
        if not letters:
            return
        answer = self.hand(service, letters)
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        queue = self.cloud.sqs.queue(self.places[service])
        for letter in letters:
            if letter["MessageId"] in failed:
                queue.with_receipt(letter["ReceiptHandle"]).visible_at = self.now
            else:
                where = {"QueueUrl": self.places[service], "ReceiptHandle": letter["ReceiptHandle"]}
                self.cloud.call("sqs", "DeleteMessage", where)

    def hand(self, service: str, letters: list[dict[str, Any]]) -> dict[str, Any]:
        if service in self.lost:
            return {"batchItemFailures": []}
        return self.processes[service].handle({"Records": [as_record(letter) for letter in letters]}, "delivery")

    @contextmanager
    def deaf(self, service: str) -> Iterator[None]:
        """A service's messages are lost."""
        self.lost.add(service)
        yield
        self.lost.remove(service)

    def sweep(self) -> None:
        for service in ("risk", "execution"):
            self.processes[service].sweep({}, "schedule")
        self.settle()

    def sweep_whatever_fails(self) -> None:
        """Sweep as schedules do: what fails is tried again in the next minute."""
        for service in ("risk", "execution"):
            try:
                self.processes[service].sweep({}, "schedule")
            except Exception as fault:  # noqa: BLE001 - told of, as by an alarm
                self.failed.append(f"{service}: {fault!r}")
        self.settle()

    def dead(self) -> int:
        return sum(len(self.cloud.sqs.queue(self.places[f"dead-{name}"]).messages) for name in SERVICES)

    def heard(self, kind: type[Message]) -> list[Any]:
        """Messages of a kind, each once, in their order."""
        queue = self.cloud.sqs.queue(self.places["audit"])
        unique = {message.id: message for message in (decode(letter.body) for letter in queue.messages)}
        return [message for message in unique.values() if isinstance(message, kind)]

    def fills(self) -> list[Fill]:
        return Outcome(self).fills  # type: ignore[arg-type]

    def states(self) -> list[str]:
        records = sorted(Outcome(self).records.values(), key=lambda record: record.order.decided_at)  # type: ignore[arg-type]
        return [f"{record.order.side} {record.order.instrument} {record.state}" for record in records]

    def held(self, account: str = "main") -> dict[tuple[str, str], Decimal]:
        books = ledger.read(self.table, account)
        return {leg: item.position.quantity for leg, item in books.positions.items() if item.position.quantity}

    def cash(self, account: str = "main") -> Decimal:
        stored = ledger.read(self.table, account).account
        assert stored is not None
        return stored.cash

    def broken(self, *but: str) -> list[str]:
        """Laws that do not hold, but for some that a test breaks on purpose."""
        laws = [law for law in PAPER_LAWS if law.name not in {*but, *MARKET}]
        return broken(Outcome(self), laws)  # type: ignore[arg-type]


# Laws that ask the simulated market.
MARKET = {
    "no_exposure_is_approved_over_its_limit", "no_entry_is_approved_while_a_loss_limit_is_broken",
    "a_broken_loss_limit_is_noted_by_the_last_poll_and_nothing_rests_under_it",
}  # fmt: skip
