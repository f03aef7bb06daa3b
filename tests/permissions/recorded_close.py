"""The state machines, run under their functions' roles: two days closed, one of them again, and a span filled."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from fanfold.deployment import STAGE
from fanfold.local.launcher import REGION
from support.trading import Desk

DAY_S = 86_400
EXECUTION_S = 60
LAKE = f"fanfold-{STAGE}-lake"


def close_days(desk: Desk) -> None:
    """The day that was traded, and the one after it, which begins where the first one ended.

    Then the first one again, as after a crash between its report and the page that says that the day is closed.
    """
    traded = datetime.fromtimestamp(desk.plan.start // DAY_S * DAY_S, UTC)
    for day in (traded, traded + timedelta(days=1)):
        assert _close(desk, day) == "SUCCEEDED", f"{day} is not closed"
    page = f"reports/dt={traded.date().isoformat()}/day.md"
    desk.cloud.call()("s3", "DeleteObject", {"Bucket": LAKE, "Key": page})
    assert _close(desk, traded) == "SUCCEEDED"
    desk.run.set_clock(desk.plan.until)


def fill_back(desk: Desk) -> None:
    span = {"timeframe": "1m", "since": desk.plan.start, "until": desk.plan.start + 600}
    assert _ended(desk, "back-fill", span | {"venue": "market", "instruments": ["BTC/USDT"]}) == "SUCCEEDED"
    assert desk.cloud.wait_until_quiet()


def _close(desk: Desk, day: datetime) -> str:
    scheduled = day + timedelta(days=1, minutes=20)
    desk.run.set_clock(scheduled.timestamp())
    return _ended(desk, "daily-close", {"time": scheduled.isoformat().replace("+00:00", "Z")})


def _ended(desk: Desk, machine: str, execution_input: dict[str, Any]) -> str:
    """The status in which an execution ended."""
    call = desk.cloud.call()
    arn = f"arn:aws:states:{REGION}:000000000000:stateMachine:fanfold-{STAGE}-{machine}"
    started = call("stepfunctions", "StartExecution", {"stateMachineArn": arn, "input": json.dumps(execution_input)})
    deadline = time.monotonic() + EXECUTION_S
    while time.monotonic() < deadline:
        status = str(call("stepfunctions", "DescribeExecution", {"executionArn": started["executionArn"]})["status"])
        if status != "RUNNING":
            return status
        time.sleep(0.1)
    raise AssertionError(f"{machine} did not end in {EXECUTION_S} s")
