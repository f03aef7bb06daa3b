"""The seam itself: what it tries again, what it calls a fault, what it reads from the environment."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fanfold.aws.client.call import (
    NO_ANSWER,
    AwsFault,
    Call,
    Credentials,
    Endpoint,
    Reason,
    RecordedCall,
    condition_failed,
    conflicted,
    not_found,
    precondition_failed,
    throttled,
    with_recording,
)
from fanfold.aws.client.connect import TRIES, connect, with_retries
from fanfold.errors import BadInput
from support.emulator import REGION

FAILED, CLASHED = Reason("ConditionalCheckFailed", "", {}), Reason("TransactionConflict", "", {})
FINE, SLOWED = Reason("None", "", {}), Reason("ThrottlingError", "", {})
THROTTLED = AwsFault("ThrottlingException", "slower", 400)


def cancelled(*reasons: Reason) -> AwsFault:
    return AwsFault("TransactionCanceledException", "", 400, reasons)


class Script:
    """A call that answers with the given faults, then with success, and remembers what it was asked."""

    def __init__(self, *faults: AwsFault) -> None:
        self.faults = list(faults)
        self.requests: list[Mapping[str, Any]] = []

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self.requests.append(parameters)
        if self.faults:
            raise self.faults.pop(0)
        return {"service": service, "operation": operation}


def patient(script: Script, pauses: list[float]) -> Call:
    return with_retries(script, sleep=pauses.append, chance=lambda: 1.0)


@pytest.mark.parametrize("passing", [
    THROTTLED,
    AwsFault("RequestThrottled", "", 429),
    AwsFault("InternalServerError", "", 500),
    AwsFault("503", "", 503),
    AwsFault("NoAnswer", "", NO_ANSWER),
    AwsFault("ConditionalRequestConflict", "", 409),
    cancelled(FINE, SLOWED),
    cancelled(CLASHED, FINE),
    cancelled(CLASHED, SLOWED),
    AwsFault("TransactionConflictException", "", 400),
])  # fmt: skip
def test_a_transient_fault_is_retried_with_growing_pauses(passing: AwsFault) -> None:
    pauses: list[float] = []
    script = Script(passing, passing)
    assert patient(script, pauses)("sqs", "SendMessage", {})["operation"] == "SendMessage"
    assert len(script.requests) == 3
    assert pauses == sorted(set(pauses))


@pytest.mark.parametrize("lasting", [
    AwsFault("ConditionalCheckFailedException", "", 400, (FAILED,)),
    cancelled(CLASHED, FAILED),
    cancelled(SLOWED, FAILED),
    AwsFault("PreconditionFailed", "", 412),
    AwsFault("ValidationException", "", 400),
])  # fmt: skip
def test_a_permanent_fault_is_raised_at_once(lasting: AwsFault) -> None:
    script = Script(lasting)
    with pytest.raises(AwsFault) as raised:
        patient(script, [])("dynamodb", "PutItem", {})
    assert raised.value is lasting
    assert len(script.requests) == 1


def test_retries_end_after_the_last_try() -> None:
    script = Script(*[THROTTLED] * 10)
    with pytest.raises(AwsFault, match="ThrottlingException"):
        patient(script, [])("dynamodb", "PutItem", {})
    assert len(script.requests) == TRIES


def test_a_function_is_not_invoked_again_unless_it_surely_did_not_run() -> None:
    silent = Script(AwsFault("NoAnswer", "", NO_ANSWER))
    with pytest.raises(AwsFault, match="NoAnswer"):
        patient(silent, [])("lambda", "Invoke", {})
    held = Script(AwsFault("TooManyRequestsException", "", 429))
    patient(held, [])("lambda", "Invoke", {})
    assert (len(silent.requests), len(held.requests)) == (1, 2)


def test_a_transaction_keeps_its_token_over_all_tries() -> None:
    script = Script(THROTTLED)
    call = patient(script, [])
    call("dynamodb", "TransactWriteItems", {"TransactItems": []})
    call("dynamodb", "TransactWriteItems", {"TransactItems": [], "ClientRequestToken": "mine"})
    first, again, own = (parameters["ClientRequestToken"] for parameters in script.requests)
    assert first == again != own == "mine"


@pytest.mark.parametrize(("fault", "said"), [
    (AwsFault("ConditionalCheckFailedException", "", 400, (FAILED,)), {condition_failed}),
    (cancelled(FINE, FAILED), {condition_failed}),
    (cancelled(FAILED, CLASHED), {condition_failed, conflicted}),
    (AwsFault("TransactionConflictException", "", 400), {conflicted}),
    (AwsFault("PreconditionFailed", "", 412), {precondition_failed}),
    (AwsFault("ConditionalRequestConflict", "", 409), {precondition_failed, conflicted}),
    (cancelled(SLOWED, FINE), {throttled}),
    (AwsFault("SlowDown", "", 503), {throttled}),
    *((AwsFault(code, "", 400), {throttled}) for code in (
        "KMSThrottling", "KmsThrottled", "KMS.ThrottlingException", "RequestTimeout", "RequestThrottledException",
        "BandwidthLimitExceeded", "PriorRequestNotComplete", "ReplicatedWriteConflictException",
    )),
    (AwsFault("NoSuchKey", "", 404), {not_found}),
    (AwsFault("ResourceNotFoundException", "", 400), {not_found}),
    (cancelled(FINE, Reason("ValidationError", "", {})), set()),
])  # fmt: skip
def test_a_fault_matches_its_predicates(fault: AwsFault, said: set[Callable[[AwsFault], bool]]) -> None:
    predicates = (condition_failed, conflicted, precondition_failed, throttled, not_found)
    assert {predicate for predicate in predicates if predicate(fault)} == said


def test_calls_are_recorded_before_they_are_made() -> None:
    seen: list[RecordedCall] = []
    call = with_recording(Script(THROTTLED), seen.append)
    with pytest.raises(AwsFault):
        call("sqs", "SendMessage", {"MessageBody": "x"})
    assert seen == [("sqs", "SendMessage", {"MessageBody": "x"})]


def test_the_endpoint_is_read_from_the_variables_aws_uses() -> None:
    environ = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    keys = Credentials(access_key="a", secret_key="b")
    assert Endpoint.of(environ | {"AWS_ENDPOINT_URL": ""}) == Endpoint(region="eu-west-1", credentials=keys)
    elsewhere = {"AWS_DEFAULT_REGION": "x", "AWS_ENDPOINT_URL": "http://h"}
    assert Endpoint.of(elsewhere) == Endpoint(region="x", url="http://h")
    with pytest.raises(BadInput, match="set AWS_REGION"):
        Endpoint.of({})


def test_a_secret_is_not_printed() -> None:
    assert "b-secret" not in repr(Endpoint(region="r", credentials=Credentials(access_key="a", secret_key="b-secret")))


def test_the_light_client_says_that_it_needs_keys() -> None:
    with pytest.raises(BadInput, match="AWS_ACCESS_KEY_ID"):
        connect("light", Endpoint(region=REGION))
