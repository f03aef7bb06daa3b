"""The delivery's role may do what its deploys do and no more, and no role that it makes may go beyond the boundary."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import access_rules as access
import pytest
from merged import merged
from packaged_stages import STAGES, templates
from provisioning import DOCKER, NEEDED, Statement, allowed, lacking, listed, resources, statements

from fanfold.aws.calls import AwsFault
from fanfold.console.stage import bootstrap
from fanfold.refusals import BadInput

# Actions that know no resource of ours when they are asked for, or none at all.
ON_ANYTHING = {
    "cloudformation:DescribeStacks", "cloudformation:ValidateTemplate", "ecr:GetAuthorizationToken", "kms:CreateKey",
    "kms:TagResource", "kms:ListAliases", "lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping",
    "lambda:UpdateEventSourceMapping", "lambda:GetEventSourceMapping", "lambda:ListEventSourceMappings",
    "xray:PutTraceSegments", "xray:PutTelemetryRecords",
    "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
}  # fmt: skip
# The kinds of names that the statements are about, none of which is of another's.
OURS = re.compile(r"fanfold|key/\*$|alarm:\*$|::/(apis|tags)|CodeDeployDefault|:catalog$")
MAKING_ROLES = {"iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePolicy"}


def kinds() -> set[str]:
    return {one["Type"] for named in STAGES for template in templates(named).values()
            for one in template["Resources"].values()}  # fmt: skip


def wide(policy: list[Statement]) -> list[str]:
    """Wildcard actions, and resources of anybody."""
    wrong = [action for one in policy for action in one["Action"] if "*" in action]
    for one in policy:
        loose = [each for each in listed(one["Resource"]) if not OURS.search(each)]
        wrong += [f"{action} on {loose}" for action in one["Action"] if loose and action not in ON_ANYTHING]
    return wrong


def unfenced(policy: list[Statement]) -> list[str]:
    """Ways to make a role that has no bounds, to hand a role to anybody, or to use a key that is not the desk's."""
    wrong = []
    for one in policy:
        condition = one.get("Condition", {}).get("StringEquals", {})
        bounded = str(condition.get("iam:PermissionsBoundary", "")).endswith(":policy/fanfold-boundary")
        wrong += [action for action in one["Action"] if action in MAKING_ROLES and not bounded]
        wrong += ["iam:PassRole"] * ("iam:PassRole" in one["Action"] and not condition.get("iam:PassedToService"))
        wrong += ["kms"] * ("kms:PutKeyPolicy" in one["Action"] and condition != {"aws:ResourceTag/project": "fanfold"})
    return wrong


def test_every_type_of_every_stage_can_be_made_changed_and_taken_away() -> None:
    assert lacking(list(statements("delivery.yml")), kinds()) == []
    assert set(NEEDED) == kinds(), "the table has types that no stage has"


@pytest.mark.parametrize("file", ["bootstrap.yml", "delivery.yml"])
def test_no_policy_is_wide_and_none_is_aws_s_own(file: str) -> None:
    assert wide(list(statements(file))) == []
    assert unfenced(list(statements(file))) == []
    assert "iam::aws:policy" not in (DOCKER / file).read_text()


def test_the_delivery_is_of_one_repository_and_its_protected_environments_and_may_not_change_itself() -> None:
    role = resources("delivery.yml")["DeliveryRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    asked = trust["Condition"]["StringEquals"]
    assert asked["token.actions.githubusercontent.com:sub"] == [
        "repo:acme/desk:environment:dev", "repo:acme/desk:environment:live",
    ]  # fmt: skip
    assert asked["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    own = f"arn:aws:iam::123456789012:role/{role['RoleName']}"
    policy = list(statements("delivery.yml"))
    for action in ("iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:PassRole", "iam:DeleteRole"):
        assert not allowed(policy, action, own)


@pytest.mark.parametrize("named", [one for one in STAGES if one != "local"])
def test_nothing_that_a_stage_s_role_may_do_is_beyond_the_boundary(named: str) -> None:
    bounds = {action for one in statements("bootstrap.yml") for action in one["Action"]}
    asked = {action for _, one in access.grants(merged(templates(named))) for action in listed(one["Action"])}
    assert asked - bounds == set()


def test_the_boundary_has_nothing_that_no_role_asks_for() -> None:
    asked = {action for named in STAGES for _, one in access.grants(merged(templates(named)))
             for action in listed(one["Action"])}  # fmt: skip
    assert {action for one in statements("bootstrap.yml") for action in one["Action"]} - asked == set()


def test_what_the_role_lacks_or_has_too_much_of_is_seen() -> None:
    policy = list(statements("delivery.yml"))
    poor = [one for one in policy if "sqs:CreateQueue" not in one["Action"]]
    assert "AWS::SQS::Queue: sqs:CreateQueue" in lacking(poor, {"AWS::SQS::Queue"})
    assert wide([{"Action": ["s3:*"], "Resource": "arn:aws:s3:::fanfold-*"}]) != []
    for resource in ("*", ["arn:aws:s3:::others/*"]):
        assert wide([{"Action": ["s3:PutObject"], "Resource": resource}]) != []
    for loose in ({"Action": ["iam:CreateRole"], "Resource": []}, {"Action": ["iam:PassRole"], "Resource": []}):
        assert unfenced([loose]) != []


def test_what_an_account_needs_once_is_clean_to_cfn_lint() -> None:
    lint = str(Path(sys.executable).with_name("cfn-lint"))
    files = [str(DOCKER / "bootstrap.yml"), str(DOCKER / "delivery.yml")]
    done = subprocess.run([lint, "-r", "eu-west-1", "-t", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Account:
    """CloudFormation, as far as a bootstrap asks it."""

    def __init__(self) -> None:
        self.stacks: dict[str, dict[str, Any]] = {}

    def __call__(self, _service: str, operation: str, parameters: Any) -> dict[str, Any]:
        name = parameters["StackName"]
        if operation == "DescribeStacks":
            if name not in self.stacks:
                raise AwsFault("ValidationError", f"Stack with id {name} does not exist", 400)
            outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.stacks[name].items()]
            return {"Stacks": [{"StackName": name, "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}
        if operation == "UpdateStack":
            raise AwsFault("ValidationError", "No updates are to be performed.", 400)
        given = {one["ParameterKey"]: one["ParameterValue"] for one in parameters["Parameters"]}
        self.stacks[name] = given
        return {}


def test_a_bootstrap_may_be_repeated_and_does_not_move_the_artefacts() -> None:
    account, told = Account(), list[str]()
    for _ in range(2):
        bootstrap(account, "dev", "acme-dev", "acme/desk", told.append)
    bucket = {"DeploymentBucket": "acme-dev-deployment", "Buckets": "acme"}
    assert account.stacks == {"fanfold-bootstrap": bucket, "fanfold-delivery": bucket | {"Repository": "acme/desk"}}
    with pytest.raises(BadInput, match="aws s3 mb s3://acme-live-deployment"):
        bootstrap(account, "live", "acme-live", "", told.append)
