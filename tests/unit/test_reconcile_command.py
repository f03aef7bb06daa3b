"""The requests of `fanfold reconcile` to execution, and its output."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.cli import box_checks
from fanfold.cli.box_checks import BoxComparison
from fanfold.cli.commands import reconcile
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.desk import Desk
from fanfold.errors import BadInput, NothingThere, NotReachable
from fanfold.local import state_directory
from fanfold.local.session import LocalSession
from fanfold.local.state_directory import RunRequest
from support.core_desk import small_desk

DESK = small_desk()


class Options:
    """The options that all commands share."""

    state = Path("none")
    command = "fanfold reconcile"


class Reached:
    """A desk whose execution answers with changes."""

    def __init__(self, desk: Desk, changes: list[str]) -> None:
        self.desk = desk
        self.events: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self._changes = changes

    def accounts(self, account: str | None) -> list[str]:
        return [account] if account else list(self.desk.accounts)

    def invoke(self, service: str, function: str, event: dict[str, Any]) -> dict[str, Any]:
        assert (service, function) == ("execution", "sweep")
        self.events.append(event)
        if self.faults:
            raise AwsFault(self.faults.pop(0), "the clock is off", 500)
        return {"account": event["reconcile"], "applied": bool(event.get("apply")), "changes": self._changes}


def run(monkeypatch: pytest.MonkeyPatch, mode: str, changes: list[str], **options: Any) -> tuple[Reached, Answer]:
    account = msgspec.structs.replace(DESK.accounts["main"], mode=mode)
    reached = Reached(msgspec.structs.replace(DESK, accounts={"main": account}), changes)
    reached.faults = options.pop("faults", [])

    @contextmanager
    def reach(*_given: Any) -> Iterator[Reached]:
        yield reached

    monkeypatch.setattr(reconcile, "reach", reach)
    return reached, reconcile.command(options=Options(), **options)  # type: ignore[arg-type]


def test_a_plan_is_asked_for_by_default_and_changes_are_applied_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, answer = run(monkeypatch, "live", ["Freeze: BTC/USDT"])
    assert reached.events == [{"reconcile": "main"}]
    assert answer.blocks == ["account main: to be done\n  Freeze: BTC/USDT"]
    reached, answer = run(monkeypatch, "live", [], apply=True, reason="a deposit")
    (event,) = reached.events
    assert (event["apply"], event["reason"], bool(event["actor"])) == (True, "a deposit", True)
    assert answer.blocks == ["account main: books and exchange agree"]


def test_an_order_is_ended_by_its_account_and_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, _ = run(monkeypatch, "live", ["order 1 becomes CANCELED"], account="main", end="1", reason="lost")
    (event,) = reached.events
    assert event.pop("actor")
    assert event == {"reconcile": "main", "end": "1", "reason": "lost"}
    for wrong in ({"account": "main"}, {"reason": "r"}, {"apply": True, "account": "main", "reason": "r"}):
        with pytest.raises(BadInput, match="--end"):
            run(monkeypatch, "live", [], end="1", **wrong)


def test_an_exchange_that_gives_no_answer_is_asked_again_and_at_last_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "PAUSE_S", 0)
    _, answer = run(monkeypatch, "live", [], faults=["VenueUnavailable"] * (reconcile.TRIES - 1))
    assert answer.blocks == ["account main: books and exchange agree"]
    with pytest.raises(NotReachable, match="the clock is off; ask again in a minute"):
        run(monkeypatch, "live", [], faults=["VenueUnavailable"] * reconcile.TRIES)


def test_a_refusal_of_execution_is_said_in_its_words_and_a_crash_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=r"^the clock is off"):
        run(monkeypatch, "live", [], faults=["BadInput"])
    with pytest.raises(AwsFault):
        run(monkeypatch, "live", [], faults=["KeyError"])


class AtRest(LocalSession):
    """The desk of a run that has ended."""

    def __init__(self, state: Path) -> None:
        self.state, self.running = state, False
        live = msgspec.structs.replace(DESK.accounts["main"], mode="live")
        self._desk = msgspec.structs.replace(DESK, accounts={"main": live})


def after(monkeypatch: pytest.MonkeyPatch, state: Path, live: str = "box", **options: Any) -> Answer:
    @contextmanager
    def reach(*_given: Any) -> Iterator[LocalSession]:
        yield AtRest(state)

    with state_directory.begin(state, DESK, RunRequest(desk="desk.toml", live=live), overwrite=True):
        state_directory.write_progress(state, 60)
        if "compared" in options:
            box_checks.store(state, options.pop("compared"))
    monkeypatch.setattr(reconcile, "reach", reach)
    return reconcile.command(options=Options(), **options)  # type: ignore[arg-type]


def test_after_a_run_at_the_exchange_in_the_box_its_last_comparison_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = after(monkeypatch, tmp_path, compared=BoxComparison({"html_403": 2}, 9, 8, {"STALE": 1}, [], ["c1"]))
    assert answer.exit == Exit.OK
    (text,) = answer.blocks
    assert str(text).startswith(
        "the simulated exchange ended with its run; when it did:\nfaults        2 injected: 2 html"
    )
    assert "1 orders are not at their end yet" in str(text)
    wrong = BoxComparison({}, 9, 8, {}, ["order c is 2 times at the exchange"], [])
    assert after(monkeypatch, tmp_path, compared=wrong).exit == Exit.FAILED


def test_after_a_run_nothing_can_be_applied_and_what_was_killed_or_on_paper_was_not_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="ended with its run, so --apply has nothing to correct the books by"):
        after(monkeypatch, tmp_path, apply=True, reason="x")
    with pytest.raises(NothingThere, match="the run was killed, and its exchange with it"):
        after(monkeypatch, tmp_path)
    with pytest.raises(BadInput, match="no real orders went out of this run"):
        after(monkeypatch, tmp_path, live="")


@pytest.mark.parametrize(
    ("mode", "options", "wrong"),
    [
        ("paper", {}, "no account is live"),
        ("live", {"apply": True}, "--apply goes with --reason"),
        ("live", {"reason": "x"}, "--apply goes with --reason"),
    ],
)
def test_invalid_options_are_refused(
    mode: str, options: dict[str, Any], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match=wrong):
        run(monkeypatch, mode, [], **options)
