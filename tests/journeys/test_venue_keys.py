"""A stage whose venue is a real one trades its paper accounts without the venue's key."""

import os
import signal
from typing import Any

from fanfold.deployment import STAGE
from support.trading import Desk, closes, planned, trade

MINUTES = 60
FUNCTION = f"fanfold-execution-{STAGE}-execute"


def aim_at_a_real_venue(desk: Desk) -> None:
    """Configure the deployed function as the template of a live stage does; nobody has stored a key."""
    call = desk.cloud.call()
    known = call("lambda", "GetFunctionConfiguration", {"FunctionName": FUNCTION})["Environment"]["Variables"]
    variables = known | {"VENUE_SECRET": f"/fanfold/{STAGE}/venue"}
    call("lambda", "UpdateFunctionConfiguration", {"FunctionName": FUNCTION, "Environment": {"Variables": variables}})
    # Lambda starts processes anew for it; here those that heard of the opened account would go on.
    for pid in desk.cloud.control("processes").get(FUNCTION, {}).get("pids", []):
        os.kill(pid, signal.SIGKILL)


def letters(desk: Desk) -> list[dict[str, Any]]:
    url = f"{desk.cloud.endpoint}/000000000000/fanfold-{STAGE}-execution-dead-letters.fifo"
    request = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "VisibilityTimeout": 0}
    received: list[dict[str, Any]] = desk.run.call("sqs", "ReceiveMessage", request).get("Messages", [])
    return received


def test_paper_accounts_trade_before_the_first_key_of_a_real_venue_is_stored(deployed, tmp_path):
    plan = planned(MINUTES)
    dead: list[dict[str, Any]] = []

    def act(desk: Desk) -> None:
        aim_at_a_real_venue(desk)
        closes(desk, range(plan.start, plan.until + 1, 60))
        dead.extend(letters(desk))

    outcome = trade(tmp_path / "state", deployed, plan, act)
    assert outcome.fills
    assert dead == []
