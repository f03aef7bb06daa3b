"""The stack of alerts: sound by AWS's own registry, left out of a deploy, and fed by the alarms and the topics."""

from pathlib import Path
from typing import Any

import pytest

from fanfold.deployment import ALERTS, OPTIONAL, OPTIONAL_SUBSCRIPTIONS, SERVICES
from support.alerts_stage import ALERTS_IMAGE
from support.cfn_lint import complaints
from support.packaged_stages import STAGES, NotPackaged, template


def packaged(named: str, stack: str = ALERTS) -> dict[str, Any]:
    stage, environment = STAGES[named]
    return template(stack, stage, environment | ALERTS_IMAGE)


def properties(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in document["Resources"].values() if each["Type"] == kind]


def test_the_stack_passes_cfn_lint(tmp_path: Path) -> None:
    assert complaints(tmp_path, {f"{named}.json": packaged(named) for named in STAGES}, "W3005") == ""


def test_a_deploy_that_names_no_service_leaves_it_out() -> None:
    assert ALERTS in OPTIONAL
    assert ALERTS not in SERVICES


def test_live_wants_the_digest_of_its_image() -> None:
    stage, environment = STAGES["live"]
    with pytest.raises(NotPackaged, match="FANFOLD_DIGEST_ALERTS: the digest of alerts's image"):
        template(ALERTS, stage, environment)


def test_the_alarm_topic_and_the_topics_of_news_reach_its_queue_raw() -> None:
    subscriptions = properties(packaged("dev"), "AWS::SNS::Subscription")
    filters = {each["TopicArn"]["Fn::ImportValue"]: each.get("FilterPolicy") for each in subscriptions}
    assert filters == {
        "fanfold-dev-AlarmTopicArn": None,
        **{f"fanfold-dev-{topic.title()}TopicArn": wanted for topic, wanted in OPTIONAL_SUBSCRIPTIONS[ALERTS].items()},
    }
    assert all(each["RawMessageDelivery"] for each in subscriptions)


def test_what_a_fifo_topic_gives_up_goes_to_a_fifo_queue_and_the_alarms_to_a_standard_one() -> None:
    subscriptions = properties(packaged("dev"), "AWS::SNS::Subscription")
    letters = {
        each["TopicArn"]["Fn::ImportValue"]: each["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for each in subscriptions
    }
    assert letters.pop("fanfold-dev-AlarmTopicArn") == "DeadLetters"
    assert set(letters.values()) == {"Undelivered"}


def test_every_alarm_says_when_it_is_over_where_it_says_that_it_rings() -> None:
    alarms = [
        each for stack in ("platform", ALERTS) for each in properties(packaged("dev", stack), "AWS::CloudWatch::Alarm")
    ]
    assert len(alarms) >= 3
    assert all(alarm["OKActions"] == alarm["AlarmActions"] != [] for alarm in alarms)


def test_its_messages_are_in_flight_for_six_time_outs_of_the_function_that_reads_them() -> None:
    document = packaged("dev")
    queue = document["Resources"]["Queue"]["Properties"]
    assert queue["VisibilityTimeout"] == 6 * document["Resources"]["NotifyLambdaFunction"]["Properties"]["Timeout"]


def test_its_roles_are_bounded_by_their_policies_alone_as_the_delivery_does_not_make_them() -> None:
    roles = properties(packaged("dev"), "AWS::IAM::Role")
    assert roles
    assert all("PermissionsBoundary" not in role and "ManagedPolicyArns" not in role for role in roles)
