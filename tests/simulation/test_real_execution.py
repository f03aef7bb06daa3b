"""The wired execution service with a live account: messages in, orders at the venue, reports out."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from execution_service import wiring
from execution_service.settings import Settings
from fanfold import desk
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.sns import Topics
from fanfold.errors import AT_ONCE, BadInput
from fanfold.ledger.approvals import Approvals
from fanfold.messages import ExecutionReport, Order, OrdersApproved, OrderState, TradingState, decode
from fanfold.risk.poll import PollState
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.schedules.places import as_record, places_of
from fanfold.simulation.schedules.process import ServiceProcess
from fanfold.simulation.schedules.venue import RealVenue
from support.core_desk import START, A, raw
from support.execution_world import halted, minute, order
from support.real_world import D


def live_desk(mode: str = "live") -> desk.Desk:
    tables = raw()
    tables["venues"]["v"] |= {"kind": "ccxt", "exchange": "binance"}
    tables["accounts"]["main"] |= {"kind": "spot", "mode": mode}
    return desk.build(tables, "test")


class LiveDesk:
    """Execution of a desk with one live account, on an AWS in memory."""

    def __init__(self, live_venue: str) -> None:
        self.now = datetime.fromtimestamp(START, UTC)
        self.cloud = MemoryCloud(lambda: self.clock().timestamp())
        self.places = places_of(self.cloud)
        self.venue = RealVenue(self.clock)
        self.venue.listed = dict(live_desk().instruments)
        self.calls: list[str] = []
        self._live_venue = live_venue
        self.deploy("live")
        self.table = Table(self.cloud.call, "ledger")
        self.topics = Topics(self.cloud.call, {"orders": self.places["orders_topic"]})
        self.approvals = Approvals(DynamoLedger(self.table, Outbox(self.table, "risk", self.topics)), AT_ONCE)
        self.approvals.open("main", D(10_000), halted(TradingState.ACTIVE))

    def deploy(self, mode: str) -> None:
        """Deploy execution with the account in a mode."""
        self.process = ServiceProcess("execution", self._call, self.clock, live_desk(mode), self.places)
        places = {name: self.places[name] for name in ("executions_topic", "ledger_table", "paper_book_table")}
        settings = Settings(**places, live_venue=self._live_venue)
        self.process.parts = wiring.build(self.process.runtime, settings, lambda _account: self.venue)

    def clock(self) -> datetime:
        return self.now

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append(operation)
        return self.cloud.call(service, operation, parameters)

    def order(self, name: str) -> Order:
        return order(name)

    def approve(self, name: str) -> OrdersApproved:
        message = OrdersApproved(id=f"m-{name}", cause="t", at=self.now, account="main", orders=[self.order(name)])
        assert self.approvals.approve(self.approvals.book("main", PollState()), message, 1, 1) == []
        self.approvals.publish([message], [])
        return message

    def deliver(self) -> list[str]:
        """Deliver what waits in execution's queue; return what failed."""
        request = {"QueueUrl": self.places["execution"], "MaxNumberOfMessages": 10}
        waiting = self.cloud.call("sqs", "ReceiveMessage", request).get("Messages", [])
        for message in waiting:
            where = {"QueueUrl": self.places["execution"], "ReceiptHandle": message["ReceiptHandle"]}
            self.cloud.call("sqs", "DeleteMessage", where)
        answer = self.process.handle({"Records": [as_record(message) for message in waiting]}, "delivery")
        return [entry["itemIdentifier"] for entry in answer["batchItemFailures"]]

    def state(self, name: str) -> OrderState:
        return ledger.records(self.table, [name])[name].state

    def reports(self) -> list[ExecutionReport]:
        queue = self.cloud.sqs.queue(self.places["audit"])
        messages = [decode(message.body) for message in queue.messages]
        return [message for message in messages if isinstance(message, ExecutionReport)]


def test_placing_takes_one_claim_one_request_and_one_booking() -> None:
    desk_ = LiveDesk("v")
    desk_.deliver()  # That the account is open.
    desk_.approve("a")
    desk_.calls.clear()
    assert desk_.deliver() == []
    assert (desk_.state("a"), len(desk_.venue.requests)) == (OrderState.FILLED, 1)
    counts = Counter(desk_.calls)
    assert counts["TransactWriteItems"] == 2
    assert counts["BatchGetItem"] + counts["GetItem"] + counts["Query"] == 1
    assert ledger.read(desk_.table, "main").real.flows == {"BTC": D("1.998"), "USDT": D(-200)}


def test_what_is_lost_is_found_by_the_sweep_and_the_poll_is_reported_whatever_the_venue_says() -> None:
    desk_ = LiveDesk("v")
    desk_.approve("a")
    desk_.venue.faults = ["lost after"]
    desk_.deliver()
    assert desk_.state("a") is OrderState.SUBMITTING
    desk_.venue.silent = True
    Topics(desk_.cloud.call, {"bars": desk_.places["bars_topic"]}).publish([minute(1)])
    desk_.now += timedelta(seconds=60)
    assert desk_.deliver() == []
    assert [report.poll_id for report in desk_.reports() if report.matched] == ["poll-m1"]
    desk_.venue.silent = False
    assert desk_.process.sweep({}, "schedule") == {"published": 0, "orders": 1}
    assert desk_.state("a") is OrderState.FILLED
    assert ledger.read(desk_.table, "main").real.baseline == {"BTC": D(5), "ETH": D(5), "USDT": D(10_000)}


def test_an_order_that_was_sent_for_real_is_left_alone_on_paper() -> None:
    desk_ = LiveDesk("v")
    desk_.process.sweep({}, "schedule")
    message = desk_.approve("a")
    desk_.venue.faults = ["lost after"]
    desk_.deliver()
    desk_.deploy("paper")
    Topics(desk_.cloud.call, {"orders": desk_.places["orders_topic"]}).publish(
        [msgspec.structs.replace(message, id="again")]
    )
    for _ in range(10):
        desk_.now += timedelta(seconds=60)
        desk_.process.sweep({}, "schedule")
        assert desk_.deliver() == []
    assert desk_.state("a") is OrderState.SUBMITTING
    desk_.deploy("live")
    desk_.process.sweep({}, "schedule")
    assert (desk_.state("a"), len(desk_.venue.requests)) == (OrderState.FILLED, 1)


def test_a_halt_cancels_at_the_venue_at_once() -> None:
    desk_ = LiveDesk("v")
    desk_.approve("a")
    desk_.venue.faults = ["rests"]
    desk_.deliver()
    assert desk_.state("a") is OrderState.OPEN
    desk_.approvals.halt(halted(TradingState.HALTED, desk_.now))
    assert desk_.deliver() == []
    assert (desk_.state("a"), list(desk_.venue.open_orders())) == (OrderState.CANCELED, [])
    assert desk_.venue.armed == [180, 0]


def test_a_stage_that_does_not_name_the_venue_sends_nothing() -> None:
    desk_ = LiveDesk("")
    desk_.approve("a")
    assert desk_.deliver() == []
    *_, dead = desk_.cloud.sqs.queue(desk_.places["dead-execution"]).messages
    assert "the stage names none" in str(dead.attributes)
    assert (desk_.state("a"), desk_.venue.requests) == (OrderState.APPROVED, [])
    with pytest.raises(BadInput, match="FANFOLD_LIVE_VENUE"):
        desk_.process.sweep({}, "schedule")


def test_a_live_account_needs_an_exchange_and_cannot_be_short() -> None:
    for changes in ({"kind": "margin"}, {"venue": "replayed"}):
        tables = raw()
        tables["venues"]["v"] |= {"kind": "ccxt", "exchange": "binance"}
        tables["venues"]["replayed"] = {"kind": "replay", "symbols": [A]}
        tables["strategies"] = {}
        tables["accounts"]["main"] |= {"kind": "spot", "mode": "live"} | changes
        with pytest.raises(BadInput, match='mode "live" needs'):
            desk.build(tables, "test")
    assert msgspec.json.decode(desk.dump(live_desk()))["accounts"]["main"]["mode"] == "live"


def test_a_deposit_is_planned_and_accepted_by_an_operator_who_says_why() -> None:
    desk_ = LiveDesk("v")
    desk_.process.sweep({}, "schedule")
    desk_.venue.holdings["BTC"] += 1
    difference = "the venue has +1 BTC beside what is booked"
    plan = desk_.process.parts.scheduled({"reconcile": "main"})
    assert plan == {"account": "main", "applied": False, "changes": [f"Freeze: {A}, balance BTC, {difference}"]}
    assert ledger.read(desk_.table, "main").real.frozen == {}
    desk_.process.sweep({}, "schedule")
    assert desk_.approvals.book("main", PollState()).frozen == {A: difference}
    apply = {"reconcile": "main", "apply": True, "actor": "ann", "reason": "a deposit"}
    for wrong in (apply | {"reason": " "}, apply | {"actor": ""}, apply | {"reconcile": "other"}):
        with pytest.raises(BadInput):
            desk_.process.parts.scheduled(wrong)
    assert desk_.process.parts.scheduled(apply)["changes"] == [f"{A}: {difference}"]
    assert desk_.process.parts.scheduled({"reconcile": "main"})["changes"] == []
    assert ledger.read(desk_.table, "main").real.frozen == {}
