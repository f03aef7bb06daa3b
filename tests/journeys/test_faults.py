"""A fault of one message affects that message alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fanfold.deployment import SERVICES, STAGE, dead_letters_names, fifo_parameters, queue_name
from fanfold.messages import OrdersRefused, Target, Targets, encode
from support.trading import Desk, Outcome, closes, planned, replayed, trade

MINUTES = 60
HALF = 30
UNKNOWN_VERSION = '{"type":"bars.v9","id":"p"}'


@pytest.fixture(scope="module")
def plan():
    return planned(MINUTES)


@pytest.fixture(scope="module")
def plain(plan, deployed: Path, tmp_path_factory) -> Outcome:
    return trade(tmp_path_factory.mktemp("plain") / "state", deployed, plan, replayed)


def halves(plan, between) -> Any:
    """Trade half of the plan, do something, trade the rest."""

    def act(desk: Desk) -> None:
        middle = plan.start + HALF * 60
        closes(desk, range(plan.start, middle, 60))
        between(desk)
        closes(desk, range(middle, plan.until + 1, 60))

    return act


def put(desk: Desk, service: str, body: str, group: str) -> None:
    """Put a body straight into a service's queue, as no topic would."""
    queue = queue_name(service, STAGE)
    request = {"QueueUrl": f"{desk.cloud.endpoint}/000000000000/{queue}", "MessageBody": body}
    desk.run.call("sqs", "SendMessage", request | fifo_parameters(queue, group, f"put {service}"))


def buried(desk: Desk, service: str) -> list[dict[str, Any]]:
    url = f"{desk.cloud.endpoint}/000000000000/{dead_letters_names(service, STAGE)[0]}"
    request = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "VisibilityTimeout": 0}
    letters: list[dict[str, Any]] = desk.run.call("sqs", "ReceiveMessage", request).get("Messages", [])
    return letters


def test_a_poisoned_message_rests_in_its_dead_letter_queue_while_all_else_goes_on(plan, plain, deployed, tmp_path):
    letters: dict[str, list[dict[str, Any]]] = {}

    def poison(desk: Desk) -> None:
        for service in SERVICES:
            # In the very group that trades: what comes behind it must not wait.
            put(desk, service, UNKNOWN_VERSION, "market" if service in {"signal", "market-data"} else "main")

    def act(desk: Desk) -> None:
        halves(plan, poison)(desk)
        assert desk.cloud.wait_until_quiet(timeout_s=30)
        letters.update({service: buried(desk, service) for service in SERVICES})

    outcome = trade(tmp_path / "state", deployed, plan, act)
    assert {service: len(buried_letters) for service, buried_letters in letters.items()} == dict.fromkeys(SERVICES, 1)
    for service, (letter,) in letters.items():
        assert letter["Body"] == UNKNOWN_VERSION
        assert "bars.v9" in letter["MessageAttributes"]["reason"]["StringValue"]
        assert letter["MessageAttributes"]["source"]["StringValue"].endswith(queue_name(service, STAGE))
    assert outcome.result == plain.result
    assert outcome.balance


def test_targets_held_back_ten_minutes_are_refused_as_stale(plan, plain, deployed, tmp_path):
    held = Targets(
        id="held back",
        cause="bars of ten minutes ago",
        at=datetime.fromtimestamp(plan.start + (HALF - 11) * 60, UTC),
        account="main",
        poll_id="poll of ten minutes ago",
        targets=[Target(signal_id="s", instance="trend", instrument="XRP/USDT", timeframe="1m", weight=-1.0)],
    )
    assert datetime.fromtimestamp(plan.start + (HALF - 1) * 60, UTC) - held.at == timedelta(minutes=10)

    def deliver(desk: Desk) -> None:
        put(desk, "risk", encode(held).decode(), "main")
        assert desk.cloud.wait_until_quiet(timeout_s=30)

    outcome = trade(tmp_path / "state", deployed, plan, halves(plan, deliver))
    refused = [
        (refusal.code, refusal.order.instrument)
        for message in outcome.messages
        if isinstance(message, OrdersRefused) and message.cause == held.id
        for refusal in message.refusals
    ]
    assert refused == [("STALE_SIGNAL", "XRP/USDT")]
    assert outcome.result == plain.result


def test_a_halted_account_sends_nothing_and_a_resumed_one_trades_on(plan, deployed, tmp_path):
    from fanfold.local.driver import invoke

    def act(desk: Desk) -> None:
        command = {"account": "main", "reason": "a test", "actor": "test"}
        halted = invoke(desk.run.call, "risk", "control", command | {"action": "halt", "state": "HALTED"})
        closes(desk, range(plan.start, plan.start + HALF * 60, 60))
        invoke(desk.run.call, "risk", "control", command | {"action": "resume", "replaces": [halted["change"]]})
        closes(desk, range(plan.start + HALF * 60, plan.until + 1, 60))

    outcome = trade(tmp_path / "state", deployed, plan, act)
    resumed = datetime.fromtimestamp(plan.start + HALF * 60, UTC)
    assert "KILL_STATE" in outcome.refusals.values()
    approved = [message.at for message in outcome.messages if type(message).__name__ == "OrdersApproved"]
    assert approved
    assert min(approved) >= resumed
    assert outcome.balance
    assert not outcome.dead_letters
