"""State machines, schedules, canaries, topics: what AWS's services may do in our name is what the resources need."""

import json

import pytest
from service_roles import ServiceRole, service_roles, tasks, users

from support.needs import Need, keyed
from support.packaged_stacks import Stacks, packaged
from support.packaged_stages import STAGES
from support.policies import Statement
from support.research_stage import packaged_research
from support.roles import missing, unused

ADMITTED = ("cloudwatch.amazonaws.com", "budgets.amazonaws.com", "events.amazonaws.com")


@pytest.fixture(scope="module", params=STAGES)
def stacks(request) -> Stacks:
    return packaged(request.param)


@pytest.fixture(scope="module", params=STAGES)
def research(request) -> Stacks:
    return packaged_research(request.param)


@pytest.fixture(scope="module")
def roles(stacks) -> list[ServiceRole]:
    return service_roles(stacks)


def test_a_role_is_a_functions_or_taken_on_by_exactly_the_services_whose_resources_name_it(stacks, roles):
    assert {role.name: role.trusted for role in roles} == users(stacks)


def test_nothing_is_used_that_such_a_role_does_not_allow(roles):
    assert [f"{role.name}: {wrong}" for role in roles for wrong in missing(role.statements, role.needed)] == []


def test_such_a_role_allows_nothing_that_is_not_used(roles):
    assert [f"{role.name}: {wrong}" for role in roles for wrong in unused(role.statements, role.needed)] == []


def test_roles_of_research_allow_what_its_machine_and_its_tasks_need_and_nothing_else(research):
    own = [role for role in service_roles(research) if role.name.startswith("research.")]
    assert {role.name: role.trusted for role in own} == {
        name: services for name, services in users(research).items() if name.startswith("research.")
    }
    assert len(own) == 3
    assert [f"{role.name}: {wrong}" for role in own for wrong in missing(role.statements, role.needed)] == []
    assert [f"{role.name}: {wrong}" for role in own for wrong in unused(role.statements, role.needed)] == []


def test_a_task_too_many_or_too_few_is_reported(roles):
    """The comparison does not pass for any role and any machine."""
    for role in roles:
        more = role.needed | {Need("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:000000000000:function:another")}
        assert missing(role.statements, more)
        wide = Statement("Allow", ("lambda:InvokeFunction",), ("arn:aws:lambda:*:*:function:another",))
        assert unused([*role.statements, wide], role.needed)


def test_only_live_shifts_its_traffic(stacks, roles):
    canaries = {role.name for role in roles if role.trusted == {"codedeploy.amazonaws.com"}}
    assert bool(canaries) == bool(stacks.of("AWS::Lambda::Alias"))


def test_the_machines_call_the_five_steps_of_the_close_the_back_fill_and_the_order_plans(stacks):
    machines = {machine["Properties"]["StateMachineName"]: list(tasks(machine["Properties"]["Definition"]))
                for _, _, machine in stacks.of("AWS::StepFunctions::StateMachine")}  # fmt: skip
    assert sorted(len(machine) for machine in machines.values()) == [2, 2, 7]


def test_a_queue_takes_what_its_topics_send_and_nothing_else(stacks):
    admitted: dict[str, set[str]] = {}
    for stack, _, policy in stacks.of("AWS::SQS::QueuePolicy"):
        properties = stacks.resolve(stack, policy["Properties"])
        for queue in properties["Queues"]:
            admitted.setdefault(queue, set()).update(_senders(queue, properties["PolicyDocument"]["Statement"]))
    assert {queue: senders for queue, senders in admitted.items() if senders} == _subscribed(stacks)


def _senders(queue: str, statements: list[dict]) -> set[str]:
    """The topics that a queue's policy lets in; raises AssertionError where it allows anything besides."""
    topics: set[str] = set()
    for statement in statements:
        if statement["Effect"] == "Allow":
            assert (statement["Principal"], statement["Action"]) == (
                {"Service": "sns.amazonaws.com"},
                "sqs:SendMessage",
            )
            assert statement["Resource"].endswith(f":{queue}")
            topics |= set(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
    return topics


def _subscribed(stacks: Stacks) -> dict[str, set[str]]:
    """By queue the topics that reach it, as subscribers or with what could not be delivered."""
    senders: dict[str, set[str]] = {}
    for stack, _, subscription in stacks.of("AWS::SNS::Subscription"):
        properties = stacks.resolve(stack, subscription["Properties"])
        if properties["Protocol"] == "sqs":
            for arn in (properties["Endpoint"], properties["RedrivePolicy"]["deadLetterTargetArn"]):
                senders.setdefault(arn.rpartition(":")[2], set()).add(properties["TopicArn"])
    return senders


def test_a_key_lets_the_topics_write_to_the_queues_that_it_encrypts(stacks):
    topics = {stacks.keys[queue] for _, queue in _encrypted(stacks, "AWS::SQS::Queue")}
    ciphers = [key for key in stacks.of("AWS::KMS::Key") if "KeyUsage" not in key[2]["Properties"]]
    for _, name, key in ciphers:
        admitted = {service for each in key["Properties"]["KeyPolicy"]["Statement"]
                    for service in _services(each["Principal"])}  # fmt: skip
        assert bool(topics) == ("sns.amazonaws.com" in admitted), name
        assert set(ADMITTED) <= admitted


def test_alarms_budgets_and_rules_reach_the_alarm_topic(stacks):
    services = {service for _, _, policy in stacks.of("AWS::SNS::TopicPolicy")
            for each in policy["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"
            for service in _services(each["Principal"])}  # fmt: skip
    made = {"cloudwatch.amazonaws.com": "AWS::CloudWatch::Alarm", "budgets.amazonaws.com": "AWS::Budgets::Budget",
            "events.amazonaws.com": "AWS::Events::Rule"}  # fmt: skip
    assert services == {service for service, kind in made.items() if stacks.of(kind)}


def _services(principal) -> list[str]:
    services = principal.get("Service", []) if isinstance(principal, dict) else []
    return [json.dumps(service) if isinstance(service, dict) else service
            for service in (services if isinstance(services, list) else [services])]  # fmt: skip


def _encrypted(stacks: Stacks, kind: str) -> list[tuple[str, str]]:
    return [(stack, stacks.arn(stack, name)) for stack, name, _ in stacks.of(kind)
            if stacks.arn(stack, name) in stacks.keys]  # fmt: skip


def test_who_publishes_to_an_encrypted_topic_needs_its_key():
    need = Need("sns:Publish", "arn:aws:sns:eu-west-1:000000000000:one")
    needed = keyed({need}, {need.resource: "the key"})
    assert needed == {need, *(Need(f"kms:{action}", "the key", "sns") for action in ("Decrypt", "GenerateDataKey"))}
