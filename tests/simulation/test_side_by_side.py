"""Two desks stand side by side in one program: each has processes, an AWS, a clock and a market of its own.

Audit's processes stand side by side in tests/aws, for the memory has no buckets.
"""

from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

from fanfold import desk
from fanfold.desk import Desk
from fanfold.messages import SUBSCRIPTIONS, BarsClosed, ExecutionReport, Message, decode
from fanfold.simulation import market
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.schedules.places import as_record, places_of
from fanfold.simulation.schedules.process import ServiceProcess
from fanfold.venues import replay
from support.core_desk import START, A, B, instance, raw

MINUTES = 30
TRADING = tuple(service for service in SUBSCRIPTIONS if service != "audit")


def desk_of(account: str) -> Desk:
    """A desk whose only account has this name."""
    document = raw(trend=instance(account=account))
    for entries in ("accounts", "limits"):
        document[entries] = {account: document[entries]["main"]}
    return desk.build(document, "test")


class Stack:
    """A desk with its processes; ``heard`` has every message that was published."""

    def __init__(self, account: str, seed: int, folder: Path) -> None:
        self.now = START
        self.cloud = MemoryCloud(lambda: self.now)
        self.heard: list[Message] = []
        replay.write(folder / account, market.market(seed, [A, B], MINUTES, START))
        self.places = places_of(self.cloud) | {"cursors_table": "cursors", "recordings": str(folder / account)}
        self.cloud.table("cursors")
        traded = desk_of(account)
        self.processes = {
            name: ServiceProcess(name, self.cloud.call, self.clock, traded, self.places) for name in TRADING
        }
        opened = {"action": "open", "account": account, "reason": "test", "actor": "ann"}
        self.processes["risk"].control(opened, "first")

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def minute(self) -> None:
        """Poll, and deliver until nothing waits."""
        self.now += 60
        self.processes["market-data"].parts.poller.poll()
        while any(self._deliver(service) for service in SUBSCRIPTIONS):
            pass

    def _deliver(self, service: str) -> bool:
        queue = self.places[service]
        request = {"QueueUrl": queue, "MaxNumberOfMessages": 10}
        letters = self.cloud.call("sqs", "ReceiveMessage", request).get("Messages", [])
        if letters and service != "audit":
            answer = self.processes[service].handle({"Records": [as_record(letter) for letter in letters]}, "delivery")
            assert answer == {"batchItemFailures": []}
        for letter in letters:
            self.cloud.call("sqs", "DeleteMessage", {"QueueUrl": queue, "ReceiptHandle": letter["ReceiptHandle"]})
        if service == "audit":
            self.heard += [decode(letter["Body"]) for letter in letters]
        return bool(letters)


def traded(stack: Stack) -> list[str]:
    """Ids of the fills."""
    reports = [message for message in stack.heard if isinstance(message, ExecutionReport)]
    return [fill.trade_id for report in reports for fill in report.fills]


def test_a_desk_beside_another_does_what_it_does_alone(tmp_path: Path) -> None:
    made = [partial(Stack, "main", 7, tmp_path), partial(Stack, "other", 8, tmp_path)]
    alone = [build() for build in made]
    for stack in alone:
        for _ in range(MINUTES):
            stack.minute()
    beside = [build() for build in made]
    for _ in range(MINUTES):
        for stack in beside:
            stack.minute()
    assert all(traded(stack) for stack in alone)
    assert [stack.heard for stack in beside] == [stack.heard for stack in alone]


def test_a_desk_beside_another_hears_of_its_own_account_alone(tmp_path: Path) -> None:
    stacks = {name: Stack(name, 7, tmp_path) for name in ("main", "other")}
    for _ in range(MINUTES):
        for stack in stacks.values():
            stack.minute()
    for name, stack in stacks.items():
        assert {message.account for message in stack.heard if hasattr(message, "account")} == {name}
        assert any(isinstance(message, BarsClosed) for message in stack.heard)


@pytest.mark.parametrize("service", SUBSCRIPTIONS)
def test_a_service_caches_only_its_runtime_and_its_process(service: str) -> None:
    """Handlers hold the instance that the environment describes, and it is built as any other."""
    wiring = import_module(f"{service.replace('-', '_')}_service.wiring")
    names = {name for name, part in vars(wiring).items() if hasattr(part, "cache_clear")}
    assert names == {"runtime", "process"}
