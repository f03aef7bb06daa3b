"""The chat deployed beside a desk: a stand-in for each platform sends commands, under the roles of all functions."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from fanfold.deployment import ALERTS, STAGE
from fanfold.local.driver import invoke
from fanfold.messages import CommandReceived, TradingStateChanged
from fanfold.operators.persons import Person
from support.chats import SECRETS_OF_CHATS, Event, by_discord, by_slack, by_telegram, interaction, slash, update
from support.packaged_stages import template
from support.research_stage import create
from support.trading import Desk, Outcome, closes, planned, trade

MINUTES = 5
ANNA, BERT, CARL = "1001", "T0001/U1002", "80351110224678912"
PERSONS = {
    "anna": Person(role="resume", telegram=ANNA),
    "bert": Person(role="resume", slack=BERT),
    "carl": Person(role="halt", discord=CARL),
}


class Talk(NamedTuple):
    """The answers that each platform showed, in order, and what is left of the desk."""

    shown: list[str]
    outcome: Outcome
    denials: list[str]


@pytest.fixture(scope="module")
def talk(deployed: Path, tmp_path_factory: pytest.TempPathFactory) -> Talk:
    state, shown = tmp_path_factory.mktemp("chat") / "state", list[str]()
    plan = planned(MINUTES)
    plan = plan._replace(desk=msgspec.structs.replace(plan.desk, chat=PERSONS))
    outcome = trade(state, deployed, plan, lambda desk: shown.extend(_talk(desk)), AUTH="true")
    logs = [line for log in (state / "logs").glob("*.log") for line in log.read_text().splitlines()]
    return Talk(shown, outcome, [line for line in logs if "AccessDenied" in line])


def _talk(desk: Desk) -> list[str]:
    call = desk.cloud.call()
    create(call, f"fanfold-{ALERTS}-{STAGE}", template(ALERTS, STAGE, {}))
    secrets = {"Name": f"/fanfold/{STAGE}/chat", "Type": "SecureString", "Value": json.dumps(SECRETS_OF_CHATS)}
    call("ssm", "PutParameter", secrets)
    closes(desk, range(desk.plan.start, desk.plan.until + 1, 60))
    assert desk.cloud.wait_until_quiet()
    now = datetime.fromtimestamp(desk.plan.until, UTC)
    shown = [
        _sent(desk, by_telegram(update("/status", ANNA, 1, now))),
        _sent(desk, by_telegram(update("/status", "666", 2, now))),
        _sent(desk, by_discord(interaction("/halt main tired", CARL, 3), now)),
        _sent(desk, by_telegram(update("/resume main awake", ANNA, 4, now))),
    ]
    code = shown[-1].partition("<code>/")[2].partition("</code>")[0]
    again = by_slack(slash(code, BERT, 5), now)
    shown += [_sent(desk, again), _sent(desk, again)]
    assert desk.cloud.wait_until_quiet()
    return shown


def _sent(desk: Desk, request: Event) -> str:
    response: dict[str, Any] = invoke(desk.run.call, ALERTS, "chat", request)
    return str(response["statusCode"]) + " " + response["body"]


def test_each_platform_is_answered_and_a_stranger_is_not(talk):
    status, stranger, halted, pending, resumed, replayed = talk.shown
    assert status.startswith('200 {"method":"sendMessage","chat_id":1001')
    assert "main: ACTIVE" in status
    assert stranger == "200 {}"
    assert halted.startswith('200 {"type":4')
    assert "HALTED" in halted
    assert "<code>/resume main " in pending
    assert "main trades again" in resumed
    assert replayed.startswith("409 ")


def test_the_audit_chain_has_every_command_and_what_it_did(talk):
    commands = [message for message in talk.outcome.messages if isinstance(message, CommandReceived)]
    changes = [message for message in talk.outcome.messages if isinstance(message, TradingStateChanged)]
    actors = {command.actor: command.denied for command in commands}
    assert actors == {"chat/anna": "", "chat/bert": "", "chat/carl": "", "telegram:666": "Nobody of the desk file"}
    assert [(change.actor, str(change.state)) for change in changes[-2:]] == [
        ("chat/carl", "HALTED"),
        ("chat/bert", "ACTIVE"),
    ]
    assert {verdict.kind for verdict in talk.outcome.verdicts} == {"sound"}
    assert "commands" in {verdict.stream for verdict in talk.outcome.verdicts}


def test_no_function_was_denied_anything(talk):
    assert talk.denials == []
    assert talk.outcome.dead_letters == 0
    assert talk.outcome.balance
