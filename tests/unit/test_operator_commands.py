"""An operator's commands: each is a message of its own, and a command that is brought twice is one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.cli.control import send
from fanfold.errors import AT_ONCE, BadInput
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.changes import OpenAccount, SetTradingState
from fanfold.ledger.trading_state import STRICTNESS, OrderPermissions
from fanfold.messages import TradingState, TradingStateChanged
from fanfold.simulation.ledger_store import MemoryLedgerStore
from risk_service.control import ControlCommand, handle_command
from support.core_desk import instance, small_desk

DESK = small_desk(trend=instance())
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Accounts:
    """Accounts that are all open, and never in a stricter state; keeps their changes."""

    def __init__(self) -> None:
        self.changes: list[TradingStateChanged] = []

    def open(self, _account: str, _cash: Decimal, change: TradingStateChanged) -> bool:
        self.changes.append(change)
        return True

    def permissions(self, _account: str) -> OrderPermissions:
        return OrderPermissions(TradingState.ACTIVE)

    def halt(self, change: TradingStateChanged, *, rearm: bool = False) -> None:
        self.changes.append(change)


def command(state: TradingState, reason: str = "drill") -> ControlCommand:
    action: Literal["halt", "resume"] = "resume" if state is TradingState.ACTIVE else "halt"
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
    fields: dict[str, Any] = {"action": "halt", "account": "main", "reason": "drill", "actor": "anna"} | wrong
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


def opened() -> Approvals:
    store = MemoryLedgerStore(lambda _messages: None)
    store.commit([OpenAccount("main", Decimal(1_000))])
    return Approvals(store, AT_ONCE)


def gives(accounts: Approvals, state: TradingState, actor: str = "anna", replaces: str = "") -> str:
    """Command a state, and return the id of the change."""
    action: Literal["halt", "resume"] = "resume" if state is TradingState.ACTIVE else "halt"
    named = [replaces] if replaces else []
    wanted = ControlCommand(
        action=action,
        account="main",
        reason="drill",
        actor=actor,
        state=state,
        replaces=named,
    )
    return str(handle_command(wanted, DESK, accounts, NOW, f"{actor} {state}")["change"])


@pytest.mark.parametrize("first", STRICTNESS)
@pytest.mark.parametrize("second", STRICTNESS)
def test_of_two_commands_of_one_moment_the_stricter_holds_whichever_comes_first(
    first: TradingState, second: TradingState
) -> None:
    accounts = opened()
    for state, actor in ((first, "anna"), (second, "an assistant")):
        before = accounts.permissions("main")
        if STRICTNESS.index(state) < STRICTNESS.index(before.trading_state or TradingState.ACTIVE):
            with pytest.raises(BadInput, match=rf"is {first} since .*, set by anna, which is stricter than {second}"):
                gives(accounts, state, actor)
            assert accounts.permissions("main") == before
        else:
            gives(accounts, state, actor)
    assert accounts.permissions("main").trading_state is max(first, second, key=STRICTNESS.index)


def test_a_stricter_state_is_replaced_by_who_names_it_and_by_nobody_who_names_an_older_one() -> None:
    accounts = opened()
    seen = gives(accounts, TradingState.HALTED)
    newer = gives(accounts, TradingState.FLATTENING, "bert")
    for replaces in (seen, newer[:7], "", "f" * 32):
        with pytest.raises(BadInput, match=rf"FLATTENING.*set by bert.*name it: {newer[:8]}"):
            gives(accounts, TradingState.HALTED, "carl", replaces)
    gives(accounts, TradingState.HALTED, "carl", newer[:8])
    assert accounts.permissions("main").actor == "carl"


class Loosening(MemoryLedgerStore):
    """A store in which somebody else replaces a flattening just before it is looked at."""

    loosened: TradingState = TradingState.ACTIVE

    def permissions(self, account: str) -> OrderPermissions:
        before = super().permissions(account)
        if before.trading_state is TradingState.FLATTENING:
            looser = TradingStateChanged(
                id="looser", cause="", at=NOW, account=account, state=self.loosened, reason="over", actor="carl"
            )
            self.commit([SetTradingState(looser, before.change)])
        return super().permissions(account)


def test_a_halt_that_a_stricter_state_refused_is_set_where_that_is_replaced_before_it_is_read() -> None:
    """Else the account would trade on, and the answer would say that ACTIVE is stricter than HALTED."""
    store = Loosening(lambda _messages: None)
    store.commit([OpenAccount("main", Decimal(1_000))])
    flattening = TradingStateChanged(
        id="flat", cause="", at=NOW, account="main", state=TradingState.FLATTENING, reason="out", actor="bert"
    )
    halt = msgspec.structs.replace(flattening, id="halt", state=TradingState.HALTED, actor="anna")
    accounts = Approvals(store, AT_ONCE)
    accounts.halt(flattening)
    accounts.halt(halt)
    assert (store.permissions("main").trading_state, store.permissions("main").change) == (TradingState.HALTED, "halt")


def test_a_resume_that_a_halt_overtook_is_refused_and_once_more_after_a_look_it_is_not() -> None:
    accounts = opened()
    seen = gives(accounts, TradingState.HALTED)
    newer = gives(accounts, TradingState.HALTED, "bert")
    with pytest.raises(BadInput, match=r"HALTED.*set by bert"):
        gives(accounts, TradingState.ACTIVE, replaces=seen)
    assert accounts.permissions("main").trading_state is TradingState.HALTED
    gives(accounts, TradingState.ACTIVE, replaces=newer)
    assert accounts.permissions("main").trading_state is TradingState.ACTIVE


def test_a_command_that_is_repeated_without_an_answer_to_the_first_is_done_again() -> None:
    accounts = opened()
    seen = gives(accounts, TradingState.FLATTENING)
    for state in (TradingState.HALTED, TradingState.HALTED, TradingState.FLATTENING):
        gives(accounts, state, replaces=seen)
    assert accounts.permissions("main").trading_state is TradingState.FLATTENING


def test_a_change_is_never_dated_before_the_one_that_it_follows() -> None:
    """The clock of another process may be behind, and who reads the messages takes the later for the newer."""
    accounts = opened()
    halt = command(TradingState.HALTED)
    handle_command(halt, DESK, accounts, NOW + timedelta(seconds=2), "r1")
    handle_command(command(TradingState.FLATTENING), DESK, accounts, NOW, "r2")
    assert accounts.permissions("main").since == NOW + timedelta(seconds=2)
