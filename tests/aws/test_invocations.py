"""Lambda functions through both clients. Only ministack runs them; moto needs Docker for it."""

import io
import json
import zipfile
from typing import Any

import pytest

from fanfold.aws.client.call import Call
from fanfold.aws.client.connect import Client, connect
from support.emulator import Emulator, through_boto3

SOURCE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("as told")
    return {"name": event["name"]}
"""


@pytest.fixture(params=["light", "boto3"])
def invoke(request: pytest.FixtureRequest, ministack_session: Emulator) -> Call:
    """Call on an AWS with one function, ``echo``, which gives back the name in its event."""
    ministack_session.reset()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", SOURCE)
    function: dict[str, Any] = {
        "FunctionName": "echo",
        "Runtime": "python3.11",
        "Role": "arn:aws:iam::000000000000:role/any",
        "Handler": "app.handler",
        "Code": {"ZipFile": packed.getvalue()},
    }
    through_boto3(ministack_session.endpoint)("lambda", "CreateFunction", function)
    client: Client = request.param
    return connect(client, ministack_session.endpoint)


def test_an_answer_comes_back_as_bytes(invoke: Call) -> None:
    answer = invoke("lambda", "Invoke", {"FunctionName": "echo", "Payload": '{"name": "ä"}'.encode()})
    assert answer["StatusCode"] == 200
    assert json.loads(answer["Payload"]) == {"name": "ä"}
    assert "FunctionError" not in answer


def test_a_function_that_raises_is_an_answer_that_says_so(invoke: Call) -> None:
    answer = invoke("lambda", "Invoke", {"FunctionName": "echo", "Payload": b'{"fail": true}'})
    assert answer["FunctionError"] == "Unhandled"
    assert b"as told" in answer["Payload"]


def test_an_event_is_accepted_without_an_answer(invoke: Call) -> None:
    event = {"FunctionName": "echo", "InvocationType": "Event", "Payload": b'{"name": "x"}'}
    answer = invoke("lambda", "Invoke", event)
    assert (answer["StatusCode"], answer["Payload"]) == (202, b"")
