"""An operator's commands: each is a message of its own, and a command that is brought twice is one."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.cli.control import send
from fanfold.errors import BadInput
from fanfold.messages import TradingState, TradingStateChanged
from risk_service.control import ControlCommand, handle_command
from support.core_desk import instance, small_desk

DESK = small_desk(trend=instance())
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Accounts:
    """Accounts that are all open; keeps their changes."""

    def __init__(self) -> None:
        self.changes: list[TradingStateChanged] = []

    def open(self, _account: str, _cash: Decimal, change: TradingStateChanged) -> bool:
        self.changes.append(change)
        return True

    def halt(self, change: TradingStateChanged, *, rearm: bool = False) -> None:
        self.changes.append(change)


def command(state: TradingState, reason: str = "drill") -> ControlCommand:
    action = "resume" if state is TradingState.ACTIVE else "halt"
    return ControlCommand(action=action, account="main", reason=reason, actor="anna", state=state)


def ids(*brought: tuple[ControlCommand, str]) -> list[str]:
    accounts = Accounts()
    for brought_command, request in brought:
        handle_command(brought_command, DESK, accounts, NOW, request)
    return [change.id for change in accounts.changes]


def test_commands_at_the_same_time_have_different_ids() -> None:
    halt, resume = command(TradingState.HALTED), command(TradingState.ACTIVE)
    assert len(set(ids((halt, "r1"), (resume, "r2"), (halt, "r3"), (command(TradingState.FLATTENING), "r4")))) == 4


def test_a_repeated_command_has_the_same_id() -> None:
    halt = command(TradingState.HALTED)
    assert len(set(ids((halt, "r1"), (halt, "r1")))) == 1


def test_two_reasons_are_two_messages() -> None:
    assert len(set(ids((command(TradingState.HALTED, "first"), ""), (command(TradingState.HALTED, "again"), "")))) == 2


@pytest.mark.parametrize(
    ("wrong", "named"), [({"account": "other"}, "'other' is not in the desk"), ({"reason": " "}, "reason")]
)
def test_a_command_without_an_account_or_a_reason_is_refused(wrong: dict[str, str], named: str) -> None:
    fields = {"action": "halt", "account": "main", "reason": "drill", "actor": "anna"} | wrong
    with pytest.raises(BadInput, match=named):
        handle_command(ControlCommand(**fields), DESK, Accounts(), NOW)


def test_a_reason_of_any_length_halts_and_is_cut_to_what_a_message_carries() -> None:
    accounts = Accounts()
    for state in (TradingState.HALTED, TradingState.ACTIVE):
        handle_command(command(state, "é" * 300_000), DESK, accounts, NOW)
    assert [len(change.reason) for change in accounts.changes] == [1_000, 1_000]
    assert all(change.reason.endswith("…") for change in accounts.changes)


class Session:
    """A session whose risk refuses one account."""

    def __init__(self, refused: str) -> None:
        self.refused = refused
        self.halted: list[str] = []

    def invoke(self, _service: str, _function: str, payload: dict[str, Any]) -> dict[str, Any]:
        if payload["account"] == self.refused:
            raise AwsFault("BadInput", f"account {self.refused!r} was never opened", 400)
        self.halted.append(payload["account"])
        return payload


def test_an_account_that_cannot_be_halted_keeps_no_other_from_it() -> None:
    session = Session("second")
    with pytest.raises(BadInput, match="'second' was never opened"):
        send(session, {"action": "halt"}, ["first", "second", "third"])  # type: ignore[arg-type]
    assert session.halted == ["first", "third"]
