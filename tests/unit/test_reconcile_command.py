"""What `fanfold reconcile` asks of execution, and says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanfold.cli.commands import reconcile
from fanfold.cli.output import Answer
from fanfold.desk import Desk
from fanfold.errors import BadInput
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
        self.asked: list[dict[str, Any]] = []
        self._changes = changes

    def accounts(self, account: str | None) -> list[str]:
        return [account] if account else list(self.desk.accounts)

    def invoke(self, service: str, function: str, event: dict[str, Any]) -> dict[str, Any]:
        assert (service, function) == ("execution", "sweep")
        self.asked.append(event)
        return {"account": event["reconcile"], "applied": bool(event.get("apply")), "changes": self._changes}


def run(monkeypatch: pytest.MonkeyPatch, mode: str, changes: list[str], **given: Any) -> tuple[Reached, Answer]:
    account = msgspec.structs.replace(DESK.accounts["main"], mode=mode)
    reached = Reached(msgspec.structs.replace(DESK, accounts={"main": account}), changes)

    @contextmanager
    def reach(*_given: Any) -> Iterator[Reached]:
        yield reached

    monkeypatch.setattr(reconcile, "reach", reach)
    return reached, reconcile.command(options=Options(), **given)  # type: ignore[arg-type]


def test_a_plan_is_asked_for_by_default_and_changes_are_applied_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, answer = run(monkeypatch, "live", ["Freeze: BTC/USDT"])
    assert reached.asked == [{"reconcile": "main"}]
    assert answer.blocks == ["account main: to be done\n  Freeze: BTC/USDT"]
    reached, answer = run(monkeypatch, "live", [], apply=True, reason="a deposit")
    (event,) = reached.asked
    assert (event["apply"], event["reason"], bool(event["actor"])) == (True, "a deposit", True)
    assert answer.blocks == ["account main: books and exchange agree"]


@pytest.mark.parametrize(
    ("mode", "given", "wrong"),
    [
        ("paper", {}, "no account is live"),
        ("live", {"apply": True}, "--apply goes with --reason"),
        ("live", {"reason": "x"}, "--apply goes with --reason"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    mode: str, given: dict[str, Any], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match=wrong):
        run(monkeypatch, mode, [], **given)
