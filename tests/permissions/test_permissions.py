"""Roles allow what their functions ask of AWS, no less and no more."""

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.deployment import STAGE
from support.needs import EXCEPTIONS
from support.packaged_stacks import ACCOUNT, REGION, packaged
from support.packaged_stages import STAGES
from support.policies import Statement, allowed
from support.roles import Held, guarded, held, permissions, without


@pytest.fixture(scope="session", params=STAGES)
def functions(request, recording) -> list[Held]:
    return held(packaged(request.param), recording.calls)


def test_every_function_was_run(functions):
    assert [function.function.name for function in functions if not function.calls and not function.function.idle] == []


def test_no_function_uses_what_its_role_does_not_allow(functions):
    assert [wrong for function in functions for wrong in function.missing] == []


def test_no_role_allows_what_its_function_does_not_use(functions):
    assert [wrong for function in functions for wrong in function.unused] == []


def test_no_function_writes_another_ones_log(functions):
    for function in functions:
        others = {each.function.name for each in functions} - {function.function.name}
        logs = [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{name}:log-stream:any" for name in others]
        assert not any(allowed(function.function.statements, "logs:PutLogEvents", log) for log in logs), (
            function.function.name
        )


def test_there_are_at_most_six_exceptions_each_with_a_reason():
    assert len(EXCEPTIONS) <= 6
    assert all(reason.endswith(".") for reason, _ in EXCEPTIONS.values())


def test_a_function_has_a_role_of_its_own(functions):
    roles = [function.function.role for function in functions]
    assert len(set(roles)) == len(roles)


def test_the_recorded_calls_pass_in_memory_under_the_whole_role(functions):
    for function in functions:
        assert denied(function, function.function.statements) == set()


def test_without_any_single_permission_a_recorded_call_is_denied(functions):
    for function in functions:
        for permission in permissions(function.function.statements):
            rest = without(function.function.statements, permission)
            declared = [
                need for need in function.declared if not allowed(rest, need.action, need.resource, need.context)
            ]
            assert declared or denied(function, rest), f"{function.function.name} does without {permission}"


def denied(holding: Held, statements) -> set[str]:
    """The first operation of the recorded ones that a role in memory denies, if any."""
    call = guarded(lambda *_: {}, statements, holding.keys)
    for line in holding.calls:
        try:
            call(line.service, line.operation, line.parameters)
        except AwsFault:
            return {line.operation}
    return set()


def test_a_role_that_lacks_a_permission_is_reported(recording):
    for holding in held(packaged(STAGE), recording.calls):
        poor = holding._replace(function=holding.function._replace(statements=holding.function.statements[1:]))
        assert poor.missing


def test_a_role_with_a_permission_too_many_is_reported(recording):
    for holding in held(packaged(STAGE), recording.calls):
        more = Statement("Allow", ("dynamodb:Scan",), ("arn:aws:dynamodb:*:*:table/*",))
        rich = holding._replace(function=holding.function._replace(statements=[*holding.function.statements, more]))
        assert len(rich.unused) == 1


def test_the_journey_trades_under_the_deployed_roles_without_a_denial(recording):
    assert recording.denials == []
    assert recording.outcome.fills
    assert recording.outcome.balance
    assert {verdict.kind for verdict in recording.outcome.verdicts} == {"sound"}


def test_a_function_cannot_read_the_tables_of_another(recording):
    assert {_short(name) for name in recording.foreign} >= {"market-data.poll", "risk.assess", "execution.execute"}
    assert set(recording.foreign.values()) == {"AccessDeniedException"}


def test_a_topic_reaches_a_queue_by_the_queues_policy_alone(recording):
    assert recording.buried == {
        "with": {"market-data": 1, "audit": 1},
        "without": {"market-data": 0, "audit": 1},
    }


def _short(name: str) -> str:
    service, _, function = name.removeprefix("fanfold-").rpartition("-")
    return f"{service.rpartition('-')[0]}.{function}"
