"""A bundle through the state machine of order plans on the embedded AWS, of which no order of one leg is taken."""

import json
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from fanfold.deployment import STAGE
from fanfold.local.launcher import REGION
from support.alarms import ACCOUNT_ID, Alarms
from support.boxed_desk import BoxedDesk, boxed_desk
from support.bundle_desk import LEGS

MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:fanfold-{STAGE}-order-plans"
# Where the schedules of a stage run, its template names the machine; those of the local stage do not.
STARTED = {"execute": {"ORDER_PLANS_MACHINE": MACHINE}}
ALWAYS, STEP_S, TIMEOUT_S = 99, 20, 120
KILLS = 2
SWEEP = f"fanfold-execution-{STAGE}-sweep"


class Ended(NamedTuple):
    """The end of an execution of the machine: its status and error, and how many tries of steps came to what."""

    status: str
    error: str
    tries: Mapping[str, int]


def want_a_bundle(traded: BoxedDesk) -> None:
    """Have a bundle ordered of which two legs fill."""
    traded.arm("symbol_halt", LEGS[1], ALWAYS)
    traded.want(0.3)
    held = traded.held()
    assert [bool(held[leg]) for leg in LEGS] == [True, False, True]


def started(traded: BoxedDesk) -> str:
    """Return the one execution that there is."""
    (execution,) = traded.cloud.call()("stepfunctions", "ListExecutions", {"stateMachineArn": MACHINE})["executions"]
    return str(execution["executionArn"])


def ended(traded: BoxedDesk, execution: str) -> Ended:
    """Let time pass from step to step, and nothing else happen, until the execution has ended."""
    call, seen, deadline = traded.cloud.call(), 0, time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        description = call("stepfunctions", "DescribeExecution", {"executionArn": execution})
        request = {"executionArn": execution, "maxResults": 1_000}
        events = [event["type"] for event in call("stepfunctions", "GetExecutionHistory", request)["events"]]
        if description["status"] != "RUNNING":
            tries = {kind: events.count(f"Task{kind}") for kind in ("Succeeded", "Failed")}
            return Ended(description["status"], description.get("error", ""), tries)
        if events.count("TaskSucceeded") > seen:
            seen = events.count("TaskSucceeded")
            traded.run.rest()
            traded.pass_time(STEP_S)
        time.sleep(0.05)
    raise AssertionError("the machine did not end")


def check_closed(traded: BoxedDesk) -> None:
    """Check that the two legs are closed, but for dust, and that the books are the exchange's."""
    lots = {"BTC/USDT": Decimal("0.00001"), "ETH/USDT": Decimal(0), "SOL/USDT": Decimal("0.001")}
    assert all(0 <= traded.held()[leg] <= lot for leg, lot in lots.items())
    orders = [order for order in traded.orders() if order["instrument"] != LEGS[1]]
    by_leg = {leg: [order["side"] for order in orders if order["instrument"] == leg] for leg in (LEGS[0], LEGS[2])}
    assert by_leg == {LEGS[0]: ["buy", "sell"], LEGS[2]: ["buy", "sell"]}
    assert traded.compared().violations == []


def test_the_machine_has_an_uneven_bundle_closed_without_a_poll_or_a_sweep(deployed: Path, tmp_path: Path) -> None:
    with boxed_desk(tmp_path / "state", deployed, STARTED, SFN_WAIT_SCALE="0.01") as traded:
        want_a_bundle(traded)
        wanted_at = traded.now
        end = ended(traded, started(traded))
        assert (end.status, end.tries["Failed"]) == ("SUCCEEDED", 0)
        # Two bars of a minute, a bar's delay, and two steps; then nothing is left to even out.
        assert 120 < (traded.now - wanted_at).total_seconds() < 360
        check_closed(traded)


def test_a_step_whose_process_is_killed_is_tried_again(deployed: Path, tmp_path: Path) -> None:
    chaos = f"seed=7,kill=1,kill_of={SWEEP},kills={KILLS}"
    with boxed_desk(tmp_path / "state", deployed, STARTED, SFN_WAIT_SCALE="0.01", FANFOLD_CHAOS=chaos) as traded:
        want_a_bundle(traded)
        end = ended(traded, started(traded))
        assert (end.status, end.tries["Failed"]) == ("SUCCEEDED", KILLS)
        assert traded.cloud.calm() == KILLS
        check_closed(traded)


def test_a_plan_whose_steps_all_fail_alarms_and_polls_close_the_bundle(deployed: Path, tmp_path: Path) -> None:
    with boxed_desk(tmp_path / "state", deployed, {}, SFN_WAIT_SCALE="0.01") as traded:
        alarms = Alarms(traded.cloud)
        want_a_bundle(traded)
        end = ended(traded, start(traded, {"account": "nobody", "orders": ["of nobody"]}))
        assert (end.status, end.error, end.tries["Failed"]) == ("FAILED", "LeftToTheSweep", 6)
        (message,) = alarms.messages()
        assert message["Subject"] == f"Fanfold {STAGE}: orders are left to the sweep"
        assert "'nobody' is not in the desk" in message["Message"]
        for _ in range(4):
            traded.minute()
        check_closed(traded)


def start(traded: BoxedDesk, plan: dict[str, Any]) -> str:
    request = {"stateMachineArn": MACHINE, "name": "of-nobody", "input": json.dumps(plan)}
    return str(traded.cloud.call()("stepfunctions", "StartExecution", request)["executionArn"])
