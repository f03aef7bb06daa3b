"""A limit that is changed while the desk trades holds from the next minute on, without a deploy."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.deployment import STAGE
from fanfold.local.driver import invoke
from fanfold.messages import OrdersApproved, OrdersRefused
from support.trading import Desk, closes, planned, trade

MINUTES = 60
HALF = 30


def put(desk: Desk, limits: str) -> None:
    parameters = {"Name": f"/fanfold/{STAGE}/limits/main", "Value": limits, "Type": "String", "Overwrite": True}
    desk.cloud.call()("ssm", "PutParameter", parameters)


def lines(desk: Desk, function: str) -> list[dict[str, Any]]:
    text = (desk.state / "logs" / f"fanfold-risk-{STAGE}-{function}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_tightened_limit_refuses_and_a_wrong_one_changes_nothing_and_rings(deployed, tmp_path):
    plan = planned(MINUTES)
    middle = plan.start + HALF * 60
    logged: dict[str, list[dict[str, Any]]] = {}

    def act(desk: Desk) -> None:
        closes(desk, range(plan.start, middle, 60))
        put(desk, '{"order_notional_max": 10}')
        closes(desk, range(middle, middle + 60 * HALF // 2, 60))
        put(desk, '{"order_notional_max": 1000000}')
        closes(desk, range(middle + 60 * HALF // 2, plan.until + 1, 60))
        with pytest.raises(AwsFault, match="order_notional_max"):
            invoke(desk.run.call, "risk", "sweep", {})
        logged.update({function: lines(desk, function) for function in ("assess", "sweep")})
        put(desk, "{}")
        desk.run.set_clock(plan.until + 60)

    outcome = trade(tmp_path / "state", deployed, plan, act)
    changed = datetime.fromtimestamp(middle, UTC)
    # What reduces a position is let through at any size.
    opened = [message.at for message in outcome.messages if isinstance(message, OrdersApproved)
              if not all(order.reduce_only for order in message.orders)]  # fmt: skip
    refused = [(message.at, refusal.code) for message in outcome.messages if isinstance(message, OrdersRefused)
               for refusal in message.refusals]  # fmt: skip
    assert opened
    assert max(opened) < changed
    assert {code for at, code in refused if at >= changed} == {"ORDER_NOTIONAL"}
    assert [line["account"] for line in logged["assess"] if line.get("level") == "ERROR"] == ["main"]
    assert [line["LimitsRefused"] for line in logged["assess"] if "LimitsRefused" in line] == [1]
    assert "the invocation failed" in [line.get("text") for line in logged["sweep"]]
    assert not outcome.dead_letters
