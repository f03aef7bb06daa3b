"""A stage whose venue is a real one places no order without the venue's keys, and needs no deploy to get them."""

import json
import os
import signal
from typing import Any

from fanfold.deployment import STAGE
from support.trading import Desk, closes, planned, trade

MINUTES = 60
HALF = 30
TRIES = 3
FUNCTION = f"fanfold-execution-{STAGE}-execute"
KEYS = f"/fanfold/{STAGE}/venue"


def aim_at_a_real_venue(desk: Desk) -> None:
    """Configure the deployed function as the template of a live stage does."""
    call = desk.cloud.call()
    call("ssm", "PutParameter", {"Name": KEYS, "Type": "SecureString", "Value": '{"apiKey": "key"}'})
    known = call("lambda", "GetFunctionConfiguration", {"FunctionName": FUNCTION})["Environment"]["Variables"]
    variables = known | {"VENUE_SECRET": KEYS}
    call("lambda", "UpdateFunctionConfiguration", {"FunctionName": FUNCTION, "Environment": {"Variables": variables}})
    # Each try takes the seconds for which the queue hides the message; that it is tried again shows from the first.
    queue = {"QueueUrl": f"{desk.cloud.endpoint}/000000000000/fanfold-{STAGE}-execution.fifo"}
    redrive = call("sqs", "GetQueueAttributes", queue | {"AttributeNames": ["RedrivePolicy"]})["Attributes"]
    fewer = json.loads(redrive["RedrivePolicy"]) | {"maxReceiveCount": TRIES}
    call("sqs", "SetQueueAttributes", queue | {"Attributes": {"RedrivePolicy": json.dumps(fewer)}})
    # Lambda starts processes anew for it; here those that heard of the opened account would go on.
    for pid in desk.cloud.control("processes").get(FUNCTION, {}).get("pids", []):
        os.kill(pid, signal.SIGKILL)


def letters(desk: Desk) -> list[dict[str, Any]]:
    url = f"{desk.cloud.endpoint}/000000000000/fanfold-{STAGE}-execution-dead-letters.fifo"
    request = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "VisibilityTimeout": 0}
    received: list[dict[str, Any]] = desk.run.call("sqs", "ReceiveMessage", request).get("Messages", [])
    return received


def faults(desk: Desk) -> str:
    """The reasons for which messages were tried again."""
    items = desk.cloud.call()("dynamodb", "Scan", {"TableName": f"fanfold-{STAGE}-faults"})["Items"]
    return "\n".join(str(item["reason"]) for item in items)


def test_orders_wait_for_the_keys_of_a_real_venue_and_for_no_deploy(deployed, tmp_path):
    plan = planned(MINUTES)
    middle = plan.start + HALF * 60
    evidence: dict[str, list[dict[str, Any]]] = {}

    def act(desk: Desk) -> None:
        aim_at_a_real_venue(desk)
        closes(desk, range(plan.start, middle, 60))
        evidence["without"], evidence["faults"] = letters(desk), [{"text": faults(desk)}]
        keys = json.dumps({"apiKey": "key", "secret": "hush"})
        put = {"Name": KEYS, "Type": "SecureString", "Value": keys, "Overwrite": True}
        desk.cloud.call()("ssm", "PutParameter", put)
        closes(desk, range(middle, plan.until + 1, 60))
        evidence["with"] = letters(desk)
        evidence["log"] = [{"text": (desk.state / "logs" / f"{FUNCTION}.log").read_text()}]

    # The local stage's role does not let it read the keys, and live's does: its calls are not held against the former.
    outcome = trade(tmp_path / "state", deployed, plan, act, RECORD_CALLS="")
    assert "has no ['secret']" in evidence["faults"][0]["text"]
    # What was tried often enough is the platform's letter; with the keys there is no other one.
    assert len(evidence["with"]) == len(evidence["without"])
    assert outcome.fills
    assert "hush" not in evidence["log"][0]["text"]
