"""The stack of research: sound by AWS's own registry, left out of a deploy, and held to its share of the account."""

from pathlib import Path
from typing import Any

import pytest

from fanfold.deployment import RESEARCH, SERVICES
from support.cfn_lint import complaints
from support.packaged_stages import STAGES, NotPackaged, template
from support.research_stage import RESEARCH_IMAGE


def packaged(named: str, **settings: str) -> dict[str, Any]:
    stage, environment = STAGES[named]
    return template(RESEARCH, stage, environment | RESEARCH_IMAGE | settings)


def function(document: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = document["Resources"]["BatchLambdaFunction"]["Properties"]
    return properties


def at_once(document: dict[str, Any]) -> int:
    return int(document["Resources"]["Sweeps"]["Properties"]["Definition"]["States"]["Batches"]["MaxConcurrency"])


def test_the_stack_passes_cfn_lint(tmp_path: Path) -> None:
    assert complaints(tmp_path, {f"{named}.json": packaged(named) for named in STAGES}, "W3005") == ""


def test_a_deploy_that_names_no_service_leaves_it_out() -> None:
    assert RESEARCH not in SERVICES


def test_two_batches_run_at_once_where_nobody_says_more_and_nothing_is_reserved() -> None:
    document = packaged("dev")
    assert at_once(document) == 2
    assert "ReservedConcurrentExecutions" not in function(document)


def test_a_number_of_batches_is_reserved_so_that_it_is_the_most_there_may_be() -> None:
    document = packaged("dev", FANFOLD_RESEARCH_CONCURRENCY="40")
    assert at_once(document) == function(document)["ReservedConcurrentExecutions"] == 40


def test_the_function_and_the_task_run_one_image() -> None:
    document = packaged("dev")
    (container,) = document["Resources"]["BatchTask"]["Properties"]["ContainerDefinitions"]
    assert container["Image"] == function(document)["Code"]["ImageUri"]
    assert function(document)["Timeout"] == 900


def test_logs_end_and_are_under_the_stages_key() -> None:
    groups = [each["Properties"] for each in packaged("live")["Resources"].values()
              if each["Type"] == "AWS::Logs::LogGroup"]  # fmt: skip
    assert [(group["RetentionInDays"], group["KmsKeyId"]) for group in groups] == [
        (365, {"Fn::ImportValue": "fanfold-live-KeyArn"})
    ] * 2


def test_live_wants_the_digest_of_its_image() -> None:
    stage, environment = STAGES["live"]
    with pytest.raises(NotPackaged, match="FANFOLD_DIGEST_RESEARCH: the digest of research's image"):
        template(RESEARCH, stage, environment)


def test_an_errors_alarm_of_the_desk_does_not_count_its_errors() -> None:
    kinds = {each["Type"] for each in packaged("dev")["Resources"].values()}
    assert "AWS::Logs::MetricFilter" not in kinds
    assert "AWS::CloudWatch::Alarm" in kinds


def test_its_roles_are_bounded_by_their_policies_alone_as_the_delivery_does_not_make_them() -> None:
    roles = [each["Properties"] for each in packaged("dev")["Resources"].values() if each["Type"] == "AWS::IAM::Role"]
    assert len(roles) == 4
    assert all("PermissionsBoundary" not in role and "ManagedPolicyArns" not in role for role in roles)
