"""A drill of a halt: it shows what a halt does, and whatever happens the account trades on as before."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.cli.drill import JOURNAL, WAIT_S, AccountDrill, Drill, lines
from fanfold.errors import BadInput, NotReachable, Refused
from fanfold.ledger import orders
from fanfold.ledger.changes import CreateOrder, IndexOrder, MoveOrder, OpenAccount, SetTradingState, UnindexOrder
from fanfold.messages import OrderState, TradingState
from fanfold.simulation.cloud import MemoryCloud
from support.ledger_examples import AT, D, halted, order


class Published:
    def publish(self, _messages: Any) -> None:
        """Publish to nobody."""


class DeskUnderDrill:
    """A session with an account whose risk takes commands, and whose execution cancels a while later."""

    def __init__(self, state: Path, *, cancels: bool = True) -> None:
        self.state = state
        self.ledger = MemoryCloud().table("ledger")
        self.store = DynamoLedger(self.ledger, Outbox(self.ledger, "execution", Published()))  # type: ignore[arg-type]
        self.store.commit([OpenAccount("main", D(10_000))])
        self.now, self.cancels, self.faults = 0.0, cancels, 0
        self.commands: list[dict[str, Any]] = []
        self.during = lambda: None

    def rest(self, name: str, **changes: Any) -> None:
        """Let an order rest."""
        own = order(name, **changes)
        self.store.commit([CreateOrder(own), IndexOrder("main", name, "cause", AT)])

    def invoke(self, _service: str, _function: str, command: dict[str, Any]) -> dict[str, Any]:
        if self.faults:
            self.faults -= 1
            raise AwsFault("Timeout", "no answer", 500)
        self.commands.append(command)
        state = TradingState.ACTIVE if command["action"] == "resume" else TradingState(command["state"])
        message = msgspec.structs.replace(halted(state), id=f"halt-{len(self.commands)}", reason=command["reason"])
        (replaces,) = command["replaces"]
        try:
            self.store.commit([SetTradingState(message, replaces)])
        except Refused as refused:
            raise AwsFault("BadInput", "a stricter state is in force", 400) from refused
        return {"account": command["account"], "state": state, "change": message.id}

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.during()
        live = self.store.live("main")
        if not live or not self.cancels or self.now < 1:
            return
        record = self.store.orders([live[0].order_id])[live[0].order_id]
        if not record.order.reduce_only:
            after = orders.close(record, OrderState.BLOCKED, "the account is HALTED")
            self.store.commit([MoveOrder(record, after), UnindexOrder("main", record.order.order_id)])

    @property
    def trading_state(self) -> TradingState | None:
        return ledger.trading_state(self.ledger, "main").trading_state

    def drill(self) -> AccountDrill:
        (done,) = self.drills()
        return done

    def drills(self) -> list[AccountDrill]:
        return Drill(self, "ann", lambda: self.now, self.sleep).run(["main"])  # type: ignore[arg-type]


@pytest.fixture
def desk_(tmp_path: Path) -> DeskUnderDrill:
    return DeskUnderDrill(tmp_path)


def test_a_drill_shows_the_effects_of_a_halt_with_times_and_resumes_trading(desk_: DeskUnderDrill) -> None:
    desk_.rest("A")
    desk_.rest("B")
    done = desk_.drill()
    assert done.failures == []
    texts = [step.text for step in done.steps]
    assert texts == [
        "ACTIVE, 2 orders are open",
        "HALTED in the ledger: from here on no order is claimed for sending",
        "a claim was tried, and refused",
        "BLOCKED: buy 2 A/USDT, order A",
        "BLOCKED: buy 2 B/USDT, order B",
        "nothing that adds to a position is open",
        "ACTIVE again, as before",
    ]
    assert [step.after_s for step in done.steps] == sorted(step.after_s for step in done.steps)
    assert done.steps[3].after_s >= 1
    assert "    +0.00 s  ACTIVE, 2 orders are open" in lines(done)
    assert (desk_.trading_state, [command["action"] for command in desk_.commands]) == (
        TradingState.ACTIVE,
        ["halt", "resume"],
    )
    assert {(command["actor"], command["reason"]) for command in desk_.commands} == {
        ("ann", "drill: the account trades on by itself")
    }
    assert not (desk_.state / JOURNAL).exists()


def test_an_exit_stays_and_is_counted(desk_: DeskUnderDrill) -> None:
    desk_.rest("A", side="sell", reduce_only=True)
    assert desk_.drill().steps[-2].text == "nothing that adds to a position is open; exits that stay: 1"


def test_an_order_that_nobody_cancels_is_a_failure_and_the_account_trades_on_all_the_same(tmp_path: Path) -> None:
    desk = DeskUnderDrill(tmp_path, cancels=False)
    desk.rest("A")
    done = desk.drill()
    assert done.failures == ["1 orders are still open: A"]
    assert "  FAILED     1 orders are still open: A" in lines(done)
    assert desk.now > WAIT_S
    assert desk.trading_state is TradingState.ACTIVE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_drill_only_once_the_account_trades_again(desk_: DeskUnderDrill, number: int) -> None:
    desk_.rest("A", side="buy")
    desk_.cancels = False
    seen: list[TradingState | None] = []

    def interrupt() -> None:
        seen.append(desk_.trading_state)
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)

    desk_.during = interrupt
    with pytest.raises(KeyboardInterrupt):
        desk_.drill()
    assert (seen, desk_.trading_state) == ([TradingState.HALTED], TradingState.ACTIVE)
    assert not (desk_.state / JOURNAL).exists()


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.FLATTENING])
def test_an_account_that_is_stopped_stays_so(desk_: DeskUnderDrill, state: TradingState) -> None:
    desk_.store.commit([SetTradingState(halted(state))])
    assert [step.text for step in desk_.drill().steps] == [f"not drilled: it is {state}"]
    assert (desk_.trading_state, desk_.commands) == (state, [])


def test_a_drill_returns_a_reduce_only_account_to_its_state(desk_: DeskUnderDrill) -> None:
    desk_.store.commit([SetTradingState(halted(TradingState.REDUCE_ONLY))])
    assert desk_.drill().failures == []
    assert desk_.trading_state is TradingState.REDUCE_ONLY


@pytest.mark.parametrize("change", ["", halted(TradingState.HALTED).id])
def test_a_killed_drill_is_mended_by_the_next(desk_: DeskUnderDrill, change: str) -> None:
    (desk_.state / JOURNAL).write_text(json.dumps({"main": {"before": "ACTIVE", "change": change}}))
    desk_.store.commit([SetTradingState(halted(TradingState.HALTED))])
    mended, done = desk_.drills()
    assert mended.before == "HALTED by a drill that was killed"
    assert done.failures == []
    assert desk_.trading_state is TradingState.ACTIVE


def test_a_halt_that_came_after_a_killed_drill_stays(desk_: DeskUnderDrill) -> None:
    (desk_.state / JOURNAL).write_text(json.dumps({"main": {"before": "ACTIVE", "change": "of the drill"}}))
    desk_.store.commit([SetTradingState(halted(TradingState.HALTED))])
    mended, done = desk_.drills()
    assert [step.text for step in mended.steps] == ["HALTED, set by ann meanwhile, and left so"]
    assert [step.text for step in done.steps] == ["not drilled: it is HALTED"]
    assert desk_.trading_state is TradingState.HALTED


def test_a_second_drill_at_a_time_is_refused(desk_: DeskUnderDrill) -> None:
    desk_.rest("A")

    def again() -> None:
        with pytest.raises(BadInput, match=r"another drill of .* is under way"):
            desk_.drill()

    desk_.during = again
    assert desk_.drill().failures == []


def test_a_desk_that_does_not_answer_for_a_while_is_asked_again_and_at_last_the_way_out_is_said(
    desk_: DeskUnderDrill,
) -> None:
    desk_.faults = 2
    assert desk_.drill().failures == []

    def fall_silent() -> None:
        desk_.faults = 99

    desk_.rest("A")
    desk_.now, desk_.during = 0.0, fall_silent
    with pytest.raises(NotReachable, match="`fanfold resume --reason"):
        desk_.drill()
    noted = {"before": "ACTIVE", "change": ledger.trading_state(desk_.ledger, "main").change}
    assert json.loads((desk_.state / JOURNAL).read_text()) == {"main": noted}


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.FLATTENING])
def test_what_somebody_sets_during_a_drill_stays(desk_: DeskUnderDrill, state: TradingState) -> None:
    desk_.rest("A")
    desk_.during = lambda: desk_.store.commit([SetTradingState(halted(state), "halt-1")])
    done = desk_.drill()
    assert done.steps[-1].text == f"{state}, set by ann meanwhile, and left so"
    assert (desk_.trading_state, done.failures) == (state, [])
    assert [command["action"] for command in desk_.commands] == ["halt"]


def test_what_is_set_while_a_drill_gives_the_state_back_stays(desk_: DeskUnderDrill) -> None:
    """The command to resume is on its way when somebody flattens."""
    invoke = desk_.invoke

    def overtaken(_service: str, _function: str, command: dict[str, Any]) -> dict[str, Any]:
        if command["action"] == "resume":
            desk_.store.commit([SetTradingState(halted(TradingState.FLATTENING))])
        return invoke(_service, _function, command)

    desk_.invoke = overtaken
    assert desk_.drill().steps[-1].text == "FLATTENING, set by ann meanwhile, and left so"
    assert desk_.trading_state is TradingState.FLATTENING
