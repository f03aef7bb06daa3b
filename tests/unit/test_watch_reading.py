"""A watch's reading of a desk: the equity before it began, each account's books once, and limits as deployed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from textual.pilot import Pilot

from fanfold.api.risk_schemas import LimitList
from fanfold.aws.client.call import AwsFault, RecordedCall, with_recording
from fanfold.cli.argument_types import Options
from fanfold.cli.commands.halt import set_state
from fanfold.cli.limit_reading import limits_of, now_of
from fanfold.cli.reading import books_of
from fanfold.cli.watching import desk_snapshot, screen_text
from fanfold.cli.watching.desk_snapshot import DeskReader
from fanfold.local.session import table_name
from fanfold.market import bars
from fanfold.market.bars import Bar, Series
from fanfold.messages import BarsClosed, TradingState
from fanfold.simulation.cloud import MemoryCloud
from fanfold.stages.session import StageSession
from support.api_desk import NOW, ORDERS, A, B, World, history, record
from support.assistant_desk import DeskInMemory, StoredLog
from support.watch_screens import Scripted, account, app_of, drive, settled, snapshot


def test_the_chart_begins_with_the_day_before_the_watch_and_has_one_value_a_bar() -> None:
    close = int(account()["last_bar"].timestamp())
    before = [(close - 60 * n, Decimal(100 - n)) for n in range(3)][::-1]
    first = snapshot(history={"main": before}, accounts=[account(equity=Decimal(101))])
    later = account(equity=Decimal(102), last_bar=account()["last_bar"] + timedelta(minutes=1))
    app = app_of(Scripted(first, snapshot(accounts=[account(equity=Decimal(99))]), snapshot(accounts=[later])))
    kept = []

    async def act(pilot: Pilot[Any]) -> None:
        for _ in range(3):
            kept.append([int(value) for _, value in app._equities["main"]])
            app.poll()
            await settled(pilot)

    drive(app, act)
    assert kept == [[98, 99, 101], [98, 99, 99], [98, 99, 99, 102]]


def test_the_history_is_that_of_the_equity_of_the_api(tmp_path: Path) -> None:
    desk = DeskInMemory(tmp_path)
    closes_at = [int(NOW.timestamp()) + 60 * n for n in range(-5, 1)]
    record(desk.views, StoredLog(desk.aws), [bars_at(close) for close in closes_at])
    now = NOW + timedelta(minutes=1)
    shown = desk_snapshot.history_of(desk, now)
    assert [at for at, _ in shown["main"]] == closes_at
    assert shown["spare"] == []
    reader = DeskReader(Options(tmp_path, json=False, command="watch"), "", history=True)
    assert reader._snapshot(desk).history == desk_snapshot.history_of(desk, now_of(desk))
    assert reader._snapshot(desk).history == {}


def test_a_picture_reads_the_books_of_each_account_once(tmp_path: Path) -> None:
    desk, calls = DeskInMemory(tmp_path), list[RecordedCall]()
    desk.call = with_recording(desk.call, calls.append)
    desk_snapshot.of_session(desk, NOW)
    queries = [call.parameters for call in calls if call.operation == "Query"]
    books = [each for each in queries if each["TableName"] == table_name("ledger", "local")]
    ledger = [each["ExpressionAttributeValues"][":pk"]["S"] for each in books]
    assert len(ledger) == len(set(ledger))
    assert {"account#main", "account#spare"} <= set(ledger)


class Answering(StageSession):
    """A stage whose risk service answers, or does not."""

    def __init__(self, desk: DeskInMemory, limits: Any) -> None:
        self.stage, self.running, self.call, self._limits, self.state = "live", True, desk.call, limits, desk.state
        self.__dict__["desk"] = desk.desk

    principal = "arn:aws:iam::000000000000:user/anna"

    def invoke(self, service: str, function: str, event: dict[str, Any]) -> dict[str, Any]:
        assert (service, function) == ("risk", "api_limits")
        if isinstance(self._limits, Exception):
            raise self._limits
        return self._limits(event)


def test_limits_of_a_stage_are_those_that_are_deployed_where_its_risk_service_answers(tmp_path: Path) -> None:
    world = World(MemoryCloud().call, history(ORDERS), "watch")
    desk = DeskInMemory(tmp_path)
    stored = books_of(desk, ["main"])
    (row,) = limits_of(Answering(desk, world.limits), stored, NOW)
    assert (row["account"], row["read"]) == ("main", "deployed")
    assert row["limits"] == [
        msgspec.structs.asdict(use)
        for use in msgspec.convert(world.get("/limits", "account=main").body, LimitList, strict=False)
        .accounts[0]
        .limits
    ]
    for fault in (AwsFault("AccessDeniedException", "no", 403), AwsFault("ResourceNotFoundException", "none", 404)):
        (row,) = limits_of(Answering(desk, fault), stored, NOW)
        assert row["read"] == "desk file"
    assert screen_text.limits_title(snapshot()) == "limits, desk file"


def test_an_account_that_the_risk_service_does_not_know_is_read_from_the_desk_file(tmp_path: Path) -> None:
    """The service knows one that the desk does not have any more, too."""
    world = World(MemoryCloud().call, history(ORDERS), "watch")
    desk = DeskInMemory(tmp_path)

    def renamed(event: dict[str, Any]) -> dict[str, Any]:
        response = world.limits(event)
        return response | {"body": response["body"].replace('"spare"', '"gone"')}

    rows = limits_of(Answering(desk, renamed), books_of(desk, ["main", "spare"]), NOW)
    assert [(row["account"], row["read"]) for row in rows] == [("main", "deployed"), ("spare", "desk file")]


def test_a_halt_that_names_nothing_is_one_that_a_stage_of_before_takes(tmp_path: Path) -> None:
    stage, sent = Answering(DeskInMemory(tmp_path), None), list[dict[str, Any]]()

    def control(path: str, body: dict[str, Any]) -> dict[str, Any]:
        sent.append(body)
        return {"state": "HALTED", "accounts": ["main"], "reason": "drill", "actor": "anna"}

    stage.control = control
    assert set_state(stage, TradingState.HALTED, "drill", []).document["accounts"][0]["state"] == "HALTED"
    set_state(stage, TradingState.HALTED, "drill", [], ["c0ffee00"])
    assert ["replaces" in body for body in sent] == [False, True]


def bars_at(closes_at: int) -> BarsClosed:
    """A minute of both instruments."""
    bar = Bar(closes_at, 10_000, 10_100, 9_900, 10_050, 1_500)
    series = [
        Series(instrument=name, timeframe="1m", price_scale=2, volume_scale=3, after=0, bars=[bar]) for name in (A, B)
    ]
    at = datetime.fromtimestamp(closes_at, UTC)
    return BarsClosed(id=f"bars-{closes_at}", cause="poll", at=at, venue="v", frames=bars.pack(series))
