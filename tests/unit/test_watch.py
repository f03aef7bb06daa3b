"""The live screen: each state as it was recorded, keys that do what they say, and a desk that is read beside it."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from fanfold.cli.argument_types import Options
from fanfold.cli.commands import mcp, watch
from fanfold.cli.limit_reading import now_of
from fanfold.cli.watching import desk_snapshot, screen_text
from fanfold.cli.watching.desk_snapshot import DeskReader, DeskSnapshot
from fanfold.errors import BadInput, NotReachable
from fanfold.local import session as local_session
from fanfold.messages import TradingState
from fanfold.stages import session as stage_session
from support.assistant_desk import DeskInMemory
from support.watch_screens import (
    RECORDED,
    SCREENS,
    UNKNOWN,
    Scripted,
    account,
    app_of,
    drive,
    limit,
    screen,
    settled,
    snapshot,
    text_of,
)


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_as_it_was_recorded(name: str) -> None:
    shown, size = SCREENS[name]
    lines = screen(Scripted(shown), size)
    assert lines + "\n" == (RECORDED / f"{name}.txt").read_text("utf-8")
    assert len(lines.splitlines()) == size[1]
    assert max(map(len, lines.splitlines())) <= size[0]


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 20), (40, 12), (30, 8)])
def test_orders_of_unknown_outcome_are_in_sight_at_any_size(size: tuple[int, int]) -> None:
    assert "UNKNOWN: order lost0123" in screen(Scripted(UNKNOWN), size)


def test_what_is_not_read_yet_is_said_and_nothing_waits_for_it() -> None:
    answer, shown = threading.Event(), []

    class Slow(Scripted):
        def read(self) -> DeskSnapshot:
            answer.wait(30)
            return super().read()

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("h", "escape")
        shown.append(text_of(pilot.app))
        for _ in range(3):
            app.poll()  # Under way already: nothing is begun beside it.
        answer.set()
        await settled(pilot)
        shown.append(text_of(pilot.app))

    reader = Slow(snapshot())
    app = app_of(reader, lambda *_asked: "")

    async def driven() -> None:
        async with app.run_test() as pilot:
            await pilot.pause()
            await act(pilot)

    asyncio.run(driven())
    assert "reading the desk" in shown[0]
    assert "equity 99,870.80" in shown[1]
    assert reader.reads == 1


def test_a_desk_that_does_not_answer_leaves_the_last_picture_and_says_so_until_it_does() -> None:
    shown = []

    async def act(pilot: Pilot[Any]) -> None:
        for _ in range(2):
            await pilot.press("r")
            await settled(pilot)
            shown.append(text_of(pilot.app))

    reader = Scripted(snapshot(), NotReachable("the desk is being deployed; ask again in a moment"), snapshot())
    drive(app_of(reader), act)
    assert "not read: the desk is being deployed; ask again in a moment" in shown[0]
    assert "equity 99,870.80" in shown[0]
    assert "not read" not in shown[1]
    assert reader.forgotten == 2


def test_a_bug_ends_the_screen() -> None:
    async def act(_pilot: Pilot[Any]) -> None:
        raise AssertionError("it went on")

    with pytest.raises(KeyError, match="a bug"):
        drive(app_of(Scripted(KeyError("a bug"))), act)


def test_a_halt_needs_a_reason_and_a_state_and_says_what_became_of_it() -> None:
    halted, shown = [], []

    def halt(state: str, reason: str, replaces: Sequence[str]) -> str:
        halted.append((state, reason, *replaces))
        return f"account main: {state} ({reason}, by ann)"

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("h")
        await pilot.pause()
        shown.append(text_of(pilot.app))
        await pilot.press("enter")  # From the empty reason to the buttons.
        await pilot.press("enter")
        await pilot.pause()
        shown.append(text_of(pilot.app))
        assert halted == []
        await pilot.press(*"odd", "enter", "tab", "enter")
        await pilot.pause()
        await settled(pilot)
        await settled(pilot)
        shown.append(text_of(pilot.app))

    reader = Scripted(snapshot(accounts=[account(trading_state_change="c0ffee00")]))
    drive(app_of(reader, halt), act)
    assert "now main ACTIVE" in shown[0]
    assert "say why first" in shown[1]
    assert halted == [("HALTED", "odd", "c0ffee00")]
    assert "account main: HALTED (odd, by ann)" in shown[2]
    assert reader.forgotten == 1


def test_a_halt_that_fails_is_said_and_one_that_is_left_does_nothing() -> None:
    shown = []

    def halt(_state: str, _reason: str, _replaces: Sequence[str]) -> str:
        raise NotReachable("the desk ended")

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("h", "x", "escape")
        await settled(pilot)
        shown.append(text_of(pilot.app))
        await pilot.press("h", "x", "enter", "enter")
        await pilot.pause()
        await settled(pilot)
        shown.append(text_of(pilot.app))

    drive(app_of(Scripted(snapshot()), halt), act)
    assert "HALT" not in shown[0].replace("h Halt", "")
    assert "NOT HALTED: the desk ended" in shown[1]


def test_a_watch_that_only_reads_takes_no_halt() -> None:
    shown = []

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("h")
        await pilot.pause()
        shown.append(text_of(pilot.app))

    drive(app_of(Scripted(snapshot())), act)
    assert "this watch reads only; `fanfold halt` stops the desk" in shown[0]


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_a_key_ends_it(key: str) -> None:
    app = app_of(Scripted(snapshot()))

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press(key)

    drive(app, act)
    assert app.return_code == 0


def test_a_screen_without_colour_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = screen(Scripted(UNKNOWN), (80, 24))
    monkeypatch.setenv("NO_COLOR", "1")
    assert screen(Scripted(UNKNOWN), (80, 24)) == coloured


def test_a_chart_goes_from_the_lowest_to_the_highest() -> None:
    assert screen_text.chart([], 10) == ""
    assert screen_text.chart([Decimal(5)] * 3, 10) == "▅▅▅"
    assert screen_text.chart([Decimal(value) for value in range(8)], 10) == screen_text.LEVELS
    assert screen_text.chart([Decimal(value) for value in range(800)], 8)[-1] == "█"
    assert len(screen_text.chart([Decimal(value) for value in range(801)], 8)) == 8


def test_a_bar_of_a_limit_is_full_at_all_of_it_and_beyond() -> None:
    assert screen_text.bar(Decimal(5), Decimal(10), 4) == "██··"
    assert screen_text.bar(Decimal(25), Decimal(10), 4) == "████"
    assert screen_text.bar(Decimal(0), Decimal(0), 4) == "████"
    broken = [{"account": "main", "breach": "the day's loss", "limits": [limit("gross_max", "25", "10")]}]
    lines = screen_text.limits(snapshot(limits=broken), 80)
    assert lines[0] == "main: BROKEN: the day's loss"
    assert "OVER 0 left of 10" in lines[1]


def test_a_frozen_instrument_is_an_alarm() -> None:
    shown = snapshot(accounts=[account(frozen={"BTC/USDT": "books in doubt"})])
    assert screen_text.alarms(shown) == ["main: BTC/USDT is frozen: books in doubt"]


def test_a_picture_of_a_desk_has_what_the_commands_have(tmp_path: Path) -> None:
    desk = DeskInMemory(tmp_path)
    desk.set_state("main", TradingState.REDUCE_ONLY)
    shown = desk_snapshot.of_session(desk, now_of(desk))
    assert [row["trading_state"] for row in shown.accounts] == ["REDUCE_ONLY", "ACTIVE"]
    assert (len(shown.orders), shown.unknown, shown.age_s) == (6, 0, None)
    assert len(shown.log) == 18
    assert any("ORDER_NOTIONAL  buy 0.5 ETH/USDT for trend: too large" in line for line in shown.log)
    assert {use["limit"] for use in shown.limits[0]["limits"]} >= {"gross_max", "drawdown_max"}
    assert screen_text.text(screen_text.orders(shown)).count("APPROVED") == 6


def test_a_desk_at_rest_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, reached = DeskInMemory(tmp_path), []
    desk.running = False

    @contextmanager
    def connected(_state: Path, _command: str) -> Any:
        reached.append(1)
        yield desk

    monkeypatch.setattr(stage_session, "connect", connected)
    monkeypatch.setattr(local_session, "running_cloud", lambda _state: None)
    reader = DeskReader(Options(tmp_path, json=False, command="watch"), "")
    first = reader.read()
    assert reader.read() is first
    (tmp_path / "clock").write_text("1772366400.0")
    assert reader.read() is not first
    reader.forget()
    reader.read()
    assert len(reached) == 3
    desk.running = True
    (tmp_path / "clock").write_text("1772366460.0")
    assert reader.read().running
    assert reader.read().running
    assert len(reached) == 5


def test_a_command_without_its_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(tmp_path, json=False, command="")
    for module, words in ((watch, "pip install -e '.[watch]'"), (mcp, "pip install -e '.[mcp]'")):
        monkeypatch.setattr(module, "find_spec", lambda _name: None)
        with pytest.raises(BadInput) as refused:
            module.command(options=options)
        assert words in str(refused.value)


def test_a_watch_needs_a_terminal_and_writes_one_picture_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match="is drawn on a terminal"):
        watch.command(options=Options(tmp_path, json=False, command="watch"))
    monkeypatch.setattr(DeskReader, "read", lambda _reader: snapshot())
    answer = watch.command(options=Options(tmp_path, json=True, command="watch"))
    assert not isinstance(answer, int)
    assert answer.document["accounts"][0]["account"] == "main"
