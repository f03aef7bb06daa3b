"""Documents that are written from the packaged stacks are current, and say of the stacks what is true."""

import pytest

from fanfold.messages import PUBLISHED, topic_of
from fanfold_dev.documents import service_heads
from fanfold_dev.documents.functions import FULLEST, USUAL, functions_markdown, purpose, stage
from fanfold_dev.documents.generate import packaged
from fanfold_dev.documents.message_examples import EXAMPLES
from fanfold_dev.documents.packaged import PackagedStage, Permission, refers
from support.packaged_stages import ROOT, SERVICES, templates

TOPIC = {type(example): topic_of(example) for example in EXAMPLES}


@pytest.fixture(autouse=True)
def _packaged() -> None:
    for named in (FULLEST, USUAL, "lean"):
        templates(named)


def published(service: str, of: PackagedStage) -> set[str]:
    """The topics that a service's functions may publish to."""
    permissions = [item for function in of.functions(service).values() for item in of.permissions(service, function)]
    return {item.resource.removesuffix(".fifo") for item in permissions if item.service == "sns"}


@pytest.mark.parametrize("path", packaged())
def test_a_document_of_the_stacks_is_current(path: str) -> None:
    assert (ROOT / path).read_text() == packaged()[path](), f"{path} is behind: run `make documents`"


@pytest.mark.parametrize("service", SERVICES)
def test_every_function_is_on_the_page_with_a_trigger_and_a_purpose(service: str) -> None:
    page = functions_markdown()
    for function in stage(FULLEST).functions(service).values():
        name = function["FunctionName"].removeprefix(f"fanfold-{service}-live-")
        section = page.partition(f"\n## {service} {name}\n")[2].partition("\n## ")[0]
        assert purpose(function) in section
        assert f"| **Time-out** | {function['Timeout']} s |" in section


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_publish_to_the_topics_of_its_messages_and_to_no_others(service: str) -> None:
    assert published(service, stage(FULLEST)) == {TOPIC[kind] for kind in PUBLISHED[service]}


@pytest.mark.parametrize("service", SERVICES)
def test_every_alarm_of_a_service_has_a_page_in_the_runbook(service: str) -> None:
    head = service_heads.readme(service)
    for name in stage(FULLEST).alarms(service):
        assert f"[`{name}`](../../docs/runbook.md#" in head


def test_a_changed_time_out_or_permission_makes_the_page_outdated() -> None:
    changed = PackagedStage({"risk": _stack(timeout=11)})
    ((logical, function),) = changed.functions("risk").items()
    assert function["Timeout"] == 11
    assert changed.triggers("risk", logical) == ["schedule `rate(1 minute)`"]
    assert changed.permissions("risk", function) == [Permission("sns", ("Publish",), "orders.fifo")]


def test_a_reference_is_found_at_any_depth() -> None:
    assert refers({"Fn::Join": [":", [{"Ref": "Sweep"}, "live"]]}, {"Sweep"})
    assert not refers({"Fn::GetAtt": ["Assess", "Arn"]}, {"Sweep"})


def _stack(timeout: int) -> dict[str, object]:
    statement = {"Effect": "Allow", "Action": ["sns:Publish"], "Resource": {"Ref": "Orders"}}
    resources = {
        "Sweep": ("AWS::Lambda::Function", {"Timeout": timeout, "Role": {"Fn::GetAtt": ["Role", "Arn"]}}),
        "Minute": (
            "AWS::Scheduler::Schedule",
            {"ScheduleExpression": "rate(1 minute)", "Target": {"Arn": {"Fn::GetAtt": ["Sweep", "Arn"]}}},
        ),
        "Role": ("AWS::IAM::Role", {"Policies": [{"PolicyDocument": {"Statement": [statement]}}]}),
        "Orders": ("AWS::SNS::Topic", {"TopicName": "fanfold-live-orders.fifo"}),
    }
    return {"Resources": {name: {"Type": kind, "Properties": values} for name, (kind, values) in resources.items()}}
