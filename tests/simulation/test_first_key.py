"""Until the first key of a venue is stored, its live account waits, says so once, and paper accounts trade."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from execution_service import wiring
from execution_service.live import AwaitsKey
from execution_service.settings import Settings
from fanfold import desk
from fanfold.aws.client.call import AwsFault
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.function.sqs import Arrived
from fanfold.aws.sns import Topics
from fanfold.errors import AT_ONCE, BadInput, VenueUnavailable
from fanfold.ledger.approvals import Approvals
from fanfold.messages import Message, OrdersApproved, OrderState, TradingState, TradingStateChanged
from fanfold.risk.poll import PollState
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.schedules.places import places_of
from fanfold.simulation.schedules.process import ServiceProcess
from fanfold.simulation.schedules.venue import RealVenue
from support.core_desk import START, A, bars_message, raw, series, walk
from support.execution_world import halted, order
from support.real_world import D

SECRET = "/fanfold/live/venue"
KEY = '{"apiKey": "key", "secret": "secret"}'


def two_accounts() -> desk.Desk:
    """A live account, and one on paper at another venue."""
    tables = raw()
    tables["venues"] = {
        "v": tables["venues"]["v"] | {"kind": "ccxt", "exchange": "binance"}, "p": dict(tables["venues"]["v"]),
    }  # fmt: skip
    main = tables["accounts"]["main"] | {"kind": "spot"}
    tables["accounts"] = {"main": main | {"mode": "live"}, "paper": main | {"venue": "p"}}
    tables["limits"]["paper"] = tables["limits"]["main"]
    return desk.build(tables, "test")


class Stage:
    """Execution of such a desk; the parameter of the key has what ``key`` is, and does not exist where it is ""."""

    def __init__(self) -> None:
        self.key, self.now = "", datetime.fromtimestamp(START, UTC)
        self.cloud = MemoryCloud(lambda: self.clock().timestamp())
        self.cloud.services["ssm"] = self._parameter
        places, self.desk = places_of(self.cloud), two_accounts()
        self.venue = RealVenue(self.clock)
        self.venue.listed = dict(self.desk.instruments)
        self.log: list[str] = []
        process = ServiceProcess("execution", self.cloud.call, self.clock, self.desk, places)
        named = {name: places[name] for name in ("executions_topic", "ledger_table", "paper_book_table")}
        settings = Settings(**named, live_venue="v", venue_secret=SECRET)
        self.parts = wiring.build(process.runtime, settings, lambda _account: self.venue)
        self.parts.note = lambda event, **_figures: self.log.append(event)
        self.table = Table(self.cloud.call, "ledger")
        topics = Topics(self.cloud.call, {"orders": places["orders_topic"]})
        self.approvals = Approvals(DynamoLedger(self.table, Outbox(self.table, "risk", topics)), AT_ONCE)
        for account in self.desk.accounts:
            self.approvals.open(account, D(10_000), halted(TradingState.ACTIVE))

    def clock(self) -> datetime:
        return self.now

    def _parameter(self, _operation: str, _parameters: Mapping[str, Any]) -> dict[str, Any]:
        if not self.key:
            raise AwsFault("ParameterNotFound", "there is none", 400)
        return {"Parameter": {"Value": self.key, "Version": 1}}

    def take(self, message: Message) -> None:
        self.parts.execute(Arrived(message=message, body="", sent_ms=0, again=False))

    def approved(self, account: str) -> OrdersApproved:
        mine = msgspec.structs.replace(order(account), account=account)
        message = OrdersApproved(id=f"m-{account}", cause="t", at=self.now, account=account, orders=[mine])
        assert self.approvals.approve(self.approvals.book(account, PollState()), message, 1, 1) == []
        return message


def changed(account: str, state: TradingState, at: datetime) -> TradingStateChanged:
    return TradingStateChanged(
        id=f"state {account}", cause="t", at=at, account=account, state=state, reason="by hand", actor="ann"
    )


def test_a_live_account_waits_for_its_first_key_and_says_so_once() -> None:
    stage = Stage()
    for _ in range(3):
        assert stage.parts.sweep() == {"published": 0, "orders": 0}
        stage.take(bars_message([series(A, walk(1, A, 1))]))
    stage.take(changed("main", TradingState.HALTED, stage.now))
    (said,) = stage.log
    assert said == (
        "account 'main' waits for the first key of 'v': store it, as docs/live.md says, in the parameter " + SECRET
    )
    with pytest.raises(AwaitsKey, match="waits for the first key"):
        stage.parts.scheduled({"reconcile": "main"})
    assert stage.venue.requests == []


def test_an_account_on_paper_trades_without_the_key_of_the_live_one() -> None:
    stage = Stage()
    stage.take(stage.approved("paper"))
    assert ledger.records(stage.table, ["paper"])["paper"].state is OrderState.OPEN


def test_a_real_order_waits_for_the_key_and_rings_where_it_does_not_come() -> None:
    stage = Stage()
    message = stage.approved("main")
    with pytest.raises(VenueUnavailable, match=f"{SECRET} has no"):
        stage.take(message)
    with pytest.raises(BadInput, match="its key is gone"):
        stage.parts.sweep()
    stage.key = '{"apiKey": "key"}'
    with pytest.raises(VenueUnavailable, match=rf"{SECRET} has no \['secret'\]"):
        stage.take(message)
    stage.key, stage.now = KEY, datetime.fromtimestamp(START + 61, UTC)
    stage.take(message)
    assert (ledger.records(stage.table, ["main"])["main"].state, len(stage.venue.requests)) == (OrderState.FILLED, 1)


def test_a_key_that_was_there_and_is_gone_rings() -> None:
    stage = Stage()
    stage.key = KEY
    stage.parts.sweep()
    stage.key, stage.now = "", datetime.fromtimestamp(START + 120, UTC)
    with pytest.raises(BadInput, match="has traded at 'v', and its key is gone"):
        stage.parts.sweep()
