"""A stage's delivery may do what its deploys do and no more, and no role that it makes may go beyond the boundary."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import access_rules as access
import pytest
from account_templates import ACCOUNT, FILES, REGION, filled
from merged import listed, merged
from provisioning import BESIDE, KEY, Request, denied, named, requests, unused
from unused_actions import UNUSED

from fanfold.deployment import OPTIONAL, SERVICES
from fanfold.stages import names
from fanfold.stages.account_template import account_template
from support.cfn_lint import complaints
from support.packaged_stacks import packaged
from support.packaged_stages import LIVE, STAGES, templates
from support.policies import Statement, allowed, matches, statement

# Actions that know no resource of ours when they are asked for, or none at all.
ON_ANYTHING = {
    "cloudformation:DescribeStacks", "cloudformation:ValidateTemplate", "ecr:GetAuthorizationToken", "kms:CreateKey",
    "kms:TagResource", "kms:ListAliases", "lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping",
    "lambda:UpdateEventSourceMapping", "lambda:GetEventSourceMapping", "lambda:ListEventSourceMappings",
    "xray:PutTraceSegments", "xray:PutTelemetryRecords", "secretsmanager:GetRandomPassword",
    "lakeformation:DescribeLakeFormationIdentityCenterConfiguration", "lakeformation:DescribeResource",
    "lakeformation:ListResources", *BESIDE["AWS::ApiGatewayV2::Stage"].split(),
}  # fmt: skip
MAKING_ROLES = {"iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePolicy"}
READS = re.compile(r":(Describe|Get|List|View|Batch(Get|Check)|ValidateTemplate)|apigateway:GET")
SIZE_MAX = 6_144
DEPLOYED = [name for name in STAGES if name != "local"]
ROLE = f"arn:aws:iam::{ACCOUNT}:role"


def prefix(stage: str, environ: dict[str, str]) -> str:
    return names.bucket_prefix(stage, environ)


def delivery(stage: str) -> list[Statement]:
    begins = f"acme-{stage}" if stage in {"dev", "paper", "live"} else "acme-dev"
    return filled("delivery.yml", stage, begins).statements()


def demanded(name: str) -> Iterator[Request]:
    stage, _ = STAGES[name]
    return requests(packaged(name), stage, templates(name))


@pytest.mark.parametrize("name", DEPLOYED)
def test_the_delivery_role_may_create_update_and_delete_every_resource_of_its_stage(name: str) -> None:
    stage, environ = STAGES[name]
    role = filled("delivery.yml", stage, prefix(stage, environ)).statements()
    assert denied(role, demanded(name)) == []


@pytest.mark.parametrize("name", DEPLOYED)
def test_the_delivery_role_of_a_stage_cannot_change_another_stage(name: str) -> None:
    own = names.resources_of(STAGES[name][0], "x").stage
    changes = [request for request in demanded(name) if not READS.search(request.action) and not of_nobody(request)]
    assert len(changes) > 300
    for stage in {"dev", "paper", "live", "pr", "try"} - {own}:
        role = delivery(stage)
        assert [
            change
            for change in changes
            if any(allowed(role, change.action, arn, change.context) for arn in change.arns)
        ] == []


def of_nobody(request: Request) -> bool:
    """Say whether a request belongs to no stage: a mapping's tags, and requests that hold neither name nor tags."""
    unnamed = request.arns == ("*",) and not request.action.startswith("lambda:")
    return (
        unnamed
        or request.arns[0].startswith(("arn:aws:ecr:", "arn:aws:apigateway"))
        or "source-mapping" in request.arns[0]
    )


@pytest.mark.parametrize(("action", "resource"), [
    ("cloudformation:UpdateStack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/fanfold-execution-live/1"),
    ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:fanfold-execution-live-execute"),
    ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/fanfold-live-ledger"),
    ("s3:DeleteBucketPolicy", "arn:aws:s3:::acme-live-audit"),
    ("secretsmanager:UpdateSecret", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:fanfold-live-venue-aBcDeF"),
    ("iam:PassRole", f"{ROLE}/fanfold-execution-live-ExecuteRole-1"),
    ("s3:PutObject", "arn:aws:s3:::acme-live-deployment/serverless/fanfold-risk/live/1/x.json"),
    ("s3:DeleteBucket", "arn:aws:s3:::acme-payroll"),
    ("s3:DeleteBucket", "arn:aws:s3:::acme-dev-payroll"),
    ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:payroll-down"),
    ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:fanfold-risk-pr-dev-assess"),
])  # fmt: skip
def test_the_delivery_role_of_dev_reaches_neither_live_nor_foreign_resources(action: str, resource: str) -> None:
    context = {"aws:CalledVia": "cloudformation.amazonaws.com", "iam:PassedToService": "lambda.amazonaws.com"}
    assert not allowed(delivery("dev"), action, resource, context)


def test_foreign_apis_and_keys_can_be_neither_changed_nor_tagged_as_ours() -> None:
    api = f"arn:aws:apigateway:{REGION}::/apis/abcdefghij"
    tags = {"aws:RequestTag/project": "fanfold", "aws:RequestTag/stage": "dev"}
    for theirs in ({}, {"aws:ResourceTag/project": "payroll"},
                   {"aws:ResourceTag/project": "fanfold", "aws:ResourceTag/stage": "live"}):  # fmt: skip
        assert not allowed(delivery("dev"), "apigateway:DELETE", api, theirs)
        assert not allowed(delivery("dev"), "kms:PutKeyPolicy", KEY, theirs)
        assert not allowed(delivery("dev"), "kms:TagResource", KEY, theirs | tags)
    ours = {"aws:ResourceTag/project": "fanfold", "aws:ResourceTag/stage": "dev"}
    assert allowed(delivery("dev"), "apigateway:DELETE", api, ours)
    assert not allowed(delivery("dev"), "apigateway:DELETE", f"{api}/routes/1", ours)


@pytest.mark.parametrize("stage", ["dev", "live"])
def test_each_stage_has_its_own_deployment_bucket(stage: str) -> None:
    bucket = f"arn:aws:s3:::acme-{stage}-deployment"
    for action in ("s3:PutObject", "s3:GetObject", "s3:DeleteObject"):
        assert allowed(delivery(stage), action, f"{bucket}/serverless/fanfold-risk/{stage}/1-2026/compiled.json")
        assert not allowed(delivery(stage), action, f"{bucket}/serverless/fanfold-risk/paper/1-2026/compiled.json")
    made = filled("stage.yml", stage, f"acme-{stage}").resources
    assert made["Artefacts"]["Properties"]["BucketName"] == f"acme-{stage}-deployment"
    assert made["Artefacts"]["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "false" in json.dumps(made["ArtefactsPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]["Condition"])


def test_ephemeral_stages_share_dev_s_bucket_and_only_their_own_role_empties_them() -> None:
    assert "Artefacts" not in filled("stage.yml", "pr-12", "acme-dev").resources
    kept = "arn:aws:s3:::acme-dev-pr-12-audit/chain/1"
    assert allowed(delivery("pr-12"), "s3:BypassGovernanceRetention", kept)
    assert not allowed(delivery("try-1"), "s3:BypassGovernanceRetention", kept)
    for stage in ("dev", "paper", "live"):
        bypass = [grant for grant in delivery(stage) if "s3:BypassGovernanceRetention" in grant.actions]
        assert bypass == []


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("stage", ["dev", "live", "pr-1"])
def test_no_policy_is_wide_too_long_or_managed_by_aws(file: str, stage: str) -> None:
    template = filled(file, stage, "acme-dev")
    for document in template.documents():
        assert len(json.dumps(document, separators=(",", ":"))) <= SIZE_MAX
    assert wide(template.statements()) == []
    assert unfenced(template.statements()) == []
    assert "iam::aws:policy" not in account_template(file)


def wide(policy: list[Statement]) -> list[str]:
    """Wildcard actions, and actions on anything that know resources."""
    wrong = [action for grant in policy for action in grant.actions if "*" in action]
    return wrong + [action for grant in policy if "*" in grant.resources for action in grant.actions
                    if action not in ON_ANYTHING]  # fmt: skip


def unfenced(policy: list[Statement]) -> list[str]:
    """Ways to make a role that has no bounds, to hand a role to anybody, or to use a key that is not the desk's."""
    wrong = []
    for grant in policy:
        keys = {key for _, key, _ in grant.conditions}
        wrong += [
            action for action in grant.actions if action in MAKING_ROLES and "iam:PermissionsBoundary" not in keys
        ]
        wrong += ["iam:PassRole"] * ("iam:PassRole" in grant.actions and "iam:PassedToService" not in keys)
        wrong += ["kms"] * ("kms:PutKeyPolicy" in grant.actions and "aws:ResourceTag/stage" not in keys)
    return wrong


@pytest.mark.parametrize("stage", ["dev", "live", "pr"])
def test_a_delivery_role_trusts_only_its_environment_and_the_branch_main(stage: str) -> None:
    role = filled("delivery.yml", stage, "acme-dev").resources["DeliveryRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": f"repo:acme/desk:environment:{stage}",
        "token.actions.githubusercontent.com:ref": "refs/heads/main",
    }}  # fmt: skip
    for action in ("iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:PassRole", "iam:DeleteRole"):
        assert not allowed(delivery(stage), action, f"{ROLE}/{role['RoleName']}")
    for stack in ("fanfold-bootstrap", f"fanfold-bootstrap-{stage}", f"fanfold-delivery-{stage}"):
        arn = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/1"
        assert not allowed(delivery(stage), "cloudformation:UpdateStack", arn)


def test_account_wide_names_contain_stage_and_region() -> None:
    for file in ("stage.yml", "delivery.yml"):
        for resource in filled(file, "live", "acme").resources.values():
            name = resource["Properties"].get("ManagedPolicyName") or resource["Properties"].get("RoleName")
            assert name is None or f"-live-{REGION}" in name


@pytest.mark.parametrize("name", DEPLOYED)
def test_no_role_has_a_permission_beyond_its_boundary(name: str) -> None:
    stage, environ = STAGES[name]
    bounds = filled("stage.yml", stage, prefix(stage, environ)).statements()
    context = {"aws:ResourceTag/project": "fanfold", "aws:ResourceTag/stage": stage}
    stacks = packaged(name)
    for stack, logical, _ in stacks.of("AWS::IAM::Role"):
        for grant in stacks.statements(stack, logical):
            assert grant.effect == "Allow"
            beyond = [(action, arn) for action in grant.actions for arn in grant.resources
                      if not allowed(bounds, action, arn, context)]  # fmt: skip
            assert beyond == [], f"{stack}/{logical}"


@pytest.mark.parametrize("name", DEPLOYED)
def test_every_role_has_its_stage_s_boundary(name: str) -> None:
    stage, environ = STAGES[name]
    boundary = filled("stage.yml", stage, prefix(stage, environ)).resources["Boundary"]["Properties"]
    stacks = packaged(name)
    boundaries = {stacks.resolve(stack, role["Properties"]["PermissionsBoundary"])
             for stack, _, role in stacks.of("AWS::IAM::Role")}  # fmt: skip
    assert boundaries == {f"arn:aws:iam::{ACCOUNT}:policy/{boundary['ManagedPolicyName']}"}


def test_the_boundary_allows_only_what_roles_need_in_their_own_stage() -> None:
    wanted = {action for name in STAGES for _, grant in access.grants(merged(templates(name)))
              for action in listed(grant["Action"])}  # fmt: skip
    bounds = filled("stage.yml", "dev", "acme-dev").statements()
    assert {action for bound in bounds for action in bound.actions} - wanted == set()
    place = f"{REGION}:{ACCOUNT}"
    for resource in (f"arn:aws:dynamodb:{place}:table/fanfold-live-ledger", f"arn:aws:sns:{place}:fanfold-live-orders",
                     "arn:aws:s3:::acme-live-audit/x", "arn:aws:s3:::acme-payroll/x"):  # fmt: skip
        for action in ("dynamodb:PutItem", "s3:GetObject", "sns:Publish"):
            assert not allowed(bounds, action, resource)


def test_an_action_is_unused_by_a_reason_and_only_where_the_registry_names_it() -> None:
    for reason, kinds in UNUSED.items():
        assert len(reason) > 20
        for kind, actions in kinds.items():
            assert set(actions.split()) - named(kind) == set(), f"{kind}: {reason}"


def test_a_missing_and_an_unused_permission_of_the_role_fail() -> None:
    role = filled("delivery.yml", "dev", "fanfold-dev").statements()
    poor = [grant for grant in role if "sqs:CreateQueue" not in grant.actions]
    assert any("sqs:CreateQueue" in refusal for refusal in denied(poor, demanded("dev")))
    assert "lambda:TagResource" in named("AWS::Lambda::EventSourceMapping") - unused("AWS::Lambda::EventSourceMapping")
    assert wide([statement({"Effect": "Allow", "Action": ["s3:*"], "Resource": "arn:aws:s3:::fanfold-*"})]) != []
    assert wide([statement({"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": "*"})]) != []
    for action in ("iam:CreateRole", "iam:PassRole", "kms:PutKeyPolicy"):
        assert unfenced([statement({"Effect": "Allow", "Action": action, "Resource": f"{ROLE}/fanfold-*"})]) != []


def test_lambda_may_pull_images_by_the_repository_policy() -> None:
    made = filled("bootstrap.yml", "dev", "acme-dev").resources
    assert len(made) == len(SERVICES) + len(OPTIONAL)
    for service in (*SERVICES, *OPTIONAL):
        (repository,) = [each for each in made.values() if each["Properties"]["RepositoryName"] == f"fanfold-{service}"]
        (rule,) = repository["Properties"]["RepositoryPolicyText"]["Statement"]
        assert rule["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert set(rule["Action"]) == {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
        ours = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:fanfold-{service}-dev-x"
        assert matches(rule["Condition"]["ArnLike"]["aws:SourceArn"], ours)
    assert not [grant for grant in delivery("dev") if "ecr:SetRepositoryPolicy" in grant.actions]


def test_a_repository_keeps_what_each_stage_runs_and_two_before_it() -> None:
    for resource in filled("bootstrap.yml", "dev", "acme-dev").resources.values():
        rules = json.loads(resource["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        kept = {tag: rule["selection"]["countNumber"] for rule in rules
                for tag in rule["selection"].get("tagPrefixList", [])}  # fmt: skip
        assert kept == {"dev-": 3, "paper-": 3, "live-": 3}
        assert rules[-1]["selection"]["tagStatus"] == "any"
        assert [rule["rulePriority"] for rule in rules] == sorted(rule["rulePriority"] for rule in rules)


def test_the_account_templates_pass_cfn_lint(tmp_path: Path) -> None:
    assert complaints(tmp_path, {file: account_template(file) for file in FILES}) == ""


def test_the_settings_of_live_equal_those_of_its_delivery_workflow() -> None:
    made: dict[str, Any] = filled("stage.yml", "live", LIVE["FANFOLD_BUCKET_PREFIX"]).resources
    assert made["Artefacts"]["Properties"]["BucketName"] == "example-desk-deployment"
