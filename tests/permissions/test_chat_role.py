"""The chat's role allows what the function asks of AWS, no less and no more: it holds no right to ledger or views."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest

from alerts_service import wiring
from alerts_service.settings import Settings
from fanfold.aws.client.call import AwsFault, Call, with_recording
from fanfold.aws.client.recording import RecordedLine
from fanfold.aws.function.runtime import Runtime
from fanfold.aws.function.sqs import SqsConsumer
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.errors import AT_ONCE
from fanfold.messages import TradingState
from fanfold.simulation.cloud import MemoryCloud
from support.alerts_stage import packaged_alerts
from support.api_desk import NOW, World, answered
from support.chats import SECRETS_OF_CHATS, by_telegram, update
from support.packaged_stacks import ACCOUNT, REGION, Function, Stacks
from support.policies import allowed
from support.roles import Held, guarded, held, permissions, without

ANNA, BERT, STRANGER = "1001", "1002", "666"
TALK = (
    ("/status", STRANGER), ("/status", ANNA), ("/alerts", ANNA), ("/flatten", ANNA), ("CODE", ANNA),
    ("/resume main r", ANNA), ("CODE", BERT),
)  # fmt: skip
# A stage by default, one whose keys are AWS's, and one with a key of its own.
NAMED = ("dev", "lean", "live")


class Chat:
    """The function of a stage over an AWS in memory, whose calls pass through ``around``."""

    def __init__(self, function: Function, around: Callable[[Call], Call]) -> None:
        self.desk = World(MemoryCloud().call, [], "chat")
        cloud = MemoryCloud()
        cloud.table(function.environment["ALERTS_TABLE"])
        cloud.services |= {"ssm": _parameter, "sns": lambda *_: {"MessageId": "1"}, "lambda": self._invoke}
        call = around(cloud.call)
        watch = Telemetry({}, lambda: NOW, lambda _line: None)
        edge = SqsConsumer(call, "dead", "faults", lambda: NOW, watch)
        runtime = Runtime(call, lambda: NOW, self.desk.desk, edge, watch, AT_ONCE)
        variables = {name.lower(): value for name, value in function.environment.items()}
        settings = Settings(**{name: variables[name] for name in Settings.__struct_fields__ if name in variables})
        self.process = wiring.build(runtime, settings)

    def _invoke(self, _operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        service, _, function = parameters["FunctionName"].removeprefix("fanfold-").rpartition("-")
        event = json.loads(parameters["Payload"])
        return {"Payload": json.dumps(self.desk.invoke(service.partition("-")[0], function, event)).encode()}

    def talk(self) -> TradingState | None:
        """Go down every way that asks AWS for something, and return the account's state then."""
        code = ""
        for number, (text, user) in enumerate(TALK):
            request = by_telegram(update(text.replace("CODE", code), user, number, NOW))
            shown = str(answered(self.process.chat, request).body.get("text", ""))
            code = shown.partition("<code>")[2].partition("</code>")[0] or code
        return self.desk.halted()


def _parameter(_operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    assert parameters["WithDecryption"]
    return {"Parameter": {"Value": json.dumps(SECRETS_OF_CHATS), "Version": 1}}


def chat_of(stacks: Stacks) -> Function:
    (function,) = [function for function in stacks.functions if function.name.endswith("-chat")]
    return function


@cache
def role(named: str) -> Held:
    """The role of a stage's chat, with the calls of a talk."""
    stacks = packaged_alerts(named)
    function, lines = chat_of(stacks), list[RecordedLine]()

    def record(call: Any) -> None:
        lines.append(
            RecordedLine(
                function=function.name, service=call.service, operation=call.operation, parameters=dict(call.parameters)
            )
        )

    assert Chat(function, lambda call: with_recording(call, record)).talk() is TradingState.ACTIVE
    (holding,) = [each for each in held(stacks, lines, stacks) if each.function.name == function.name]
    return holding


@pytest.fixture(params=NAMED)
def holding(request: pytest.FixtureRequest) -> Held:
    return role(request.param)


def test_the_chat_asks_for_nothing_that_its_role_does_not_allow(holding):
    assert holding.missing == []


def test_its_role_allows_nothing_that_the_chat_does_not_ask_for(holding):
    assert holding.unused == []


def test_without_any_single_permission_of_its_own_a_call_of_the_talk_is_denied(holding):
    function = holding.function
    for permission in permissions(function.statements):
        rest = without(function.statements, permission)
        declared = [need for need in holding.declared if not allowed(rest, need.action, need.resource, need.context)]
        assert declared or denied(holding, rest), f"the chat does without {permission}"


def denied(holding: Held, statements: Any) -> bool:
    call = guarded(lambda *_: {}, statements, holding.keys)
    try:
        for line in holding.calls:
            call(line.service, line.operation, line.parameters)
    except AwsFault:
        return True
    return False


def test_the_chat_works_under_its_role():
    holding = role("dev")
    chat = Chat(holding.function, lambda call: guarded(call, holding.function.statements, holding.keys))
    assert chat.talk() is TradingState.ACTIVE


@pytest.mark.parametrize("table", ["ledger", "views", "folds", "paper-book"])
def test_it_may_not_touch_what_the_desk_trades_with(holding, table):
    stage = holding.function.environment["STAGE"]
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/fanfold-{stage}-{table}"
    actions = ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "Scan")
    assert not any(allowed(holding.function.statements, f"dynamodb:{action}", arn) for action in actions)


@pytest.mark.parametrize("function", ["risk-{}-control", "risk-{}-assess", "execution-{}-execute", "audit-{}-record"])
def test_it_may_call_no_function_that_asks_nobody_who_they_are(holding, function):
    stage = holding.function.environment["STAGE"]
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:fanfold-{function.format(stage)}"
    assert not allowed(holding.function.statements, "lambda:InvokeFunction", arn)
