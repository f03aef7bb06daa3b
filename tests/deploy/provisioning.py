"""A deploy's requests to AWS in the deployer's name: for each packaged resource, by the handlers of AWS's registry.

cfn-lint ships the registry's schemas; a handler's permissions are those of every property that the type has, so those
of properties that no stack has are named in `unused_actions`.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from unused_actions import UNUSED

from support.packaged_stacks import ACCOUNT, REGION, Stacks
from support.policies import Statement, allowed

PLACE = f"{REGION}:{ACCOUNT}"
KEY = f"arn:aws:kms:{PLACE}:key/1"
API = f"arn:aws:apigateway:{REGION}::/apis"
HANDLERS = ("create", "read", "update", "delete")
STACK = {"aws:CalledVia": "cloudformation.amazonaws.com"}
# What the registry does not name, and AWS's guides do: how Lambda gets at an image, what DynamoDB asks of a key in the
# name of who makes a table, and how the access log of an API is delivered.
BESIDE = {
    "AWS::Lambda::Function": "ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:GetRepositoryPolicy",
    "AWS::DynamoDB::Table": ("kms:Encrypt kms:Decrypt kms:ReEncryptFrom kms:ReEncryptTo kms:GenerateDataKey "
                             "kms:GenerateDataKeyWithoutPlaintext kms:DescribeKey kms:CreateGrant"),
    "AWS::ApiGatewayV2::Stage": ("logs:CreateLogDelivery logs:UpdateLogDelivery logs:GetLogDelivery "
                                 "logs:DeleteLogDelivery logs:ListLogDeliveries logs:PutResourcePolicy "
                                 "logs:DescribeResourcePolicies logs:DescribeLogGroups"),
}  # fmt: skip
# Actions that know no resource, or list what there is.
ON_ANYTHING = {
    "lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping",
    "lambda:GetEventSourceMapping", "secretsmanager:GetRandomPassword", "kms:ListAliases", "kms:CreateKey",
    *(action for action in BESIDE["AWS::ApiGatewayV2::Stage"].split()),
}  # fmt: skip
PASSED_TO = {
    "AWS::Lambda::Function": "lambda", "AWS::StepFunctions::StateMachine": "states",
    "AWS::Scheduler::Schedule": "scheduler", "AWS::CodeDeploy::DeploymentGroup": "codedeploy",
}  # fmt: skip


class Request(NamedTuple):
    """One action in the deployer's name; any of the ARNs may be what it is asked on."""

    resource: str
    kind: str
    action: str
    arns: tuple[str, ...]
    context: dict[str, str]


@cache
def named(kind: str) -> frozenset[str]:
    """All that the registry's handlers of a type ask for; raises KeyError for a type without handlers."""
    # Here, for every worker imports this module: cfn-lint takes a second.
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    handlers = [schema["handlers"][handler]["permissions"] for handler in HANDLERS if handler in schema["handlers"]]
    return frozenset(
        permission
        for permissions in (*handlers, schema.get("tagging", {}).get("permissions", ()))
        for permission in permissions
    )


def unused(kind: str) -> frozenset[str]:
    return frozenset(action for kinds in UNUSED.values() for action in kinds.get(kind, "").split())


def needed(kind: str) -> set[str]:
    return set((named(kind) - unused(kind)) | set(BESIDE.get(kind, "").split()))


def requests(stacks: Stacks, stage: str, templates: Mapping[str, Any]) -> Iterator[Request]:
    """All that a stage's deploys, changes and removal ask for."""
    for stack, template in templates.items():
        for logical, resource in template["Resources"].items():
            asking = _Asking(stacks, stage, stack, logical, resource)
            for action in sorted(needed(resource["Type"])):
                yield Request(
                    f"{stack}/{logical}", resource["Type"], action, asking.arns(action), asking.context(action)
                )


def denied(policy: Iterable[Statement], demands: Iterable[Request]) -> list[str]:
    """The demands that a role with these statements may not make."""
    listed = list(policy)
    wrong = [
        request
        for request in demands
        if not any(allowed(listed, request.action, arn, request.context) for arn in request.arns)
    ]
    return sorted({f"{request.kind}: {request.action} on {request.arns[0]}" for request in wrong})


class _Asking(NamedTuple):
    """A resource that CloudFormation makes, changes or takes away."""

    stacks: Stacks
    stage: str
    stack: str
    logical: str
    resource: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.resource["Type"])

    def of(self, name: str) -> str:
        """A property as it will be."""
        return str(self.stacks.resolve(self.stack, self.resource["Properties"][name]))

    def within(self, outer: str, name: str) -> str:
        return str(self.stacks.resolve(self.stack, self.resource["Properties"][outer][name]))

    def first(self, name: str) -> str:
        return str(self.stacks.resolve(self.stack, self.resource["Properties"][name][0]))

    def context(self, action: str) -> dict[str, str]:
        """The context of the request for IAM; a new resource has no tags yet, its request has them."""
        tags = {"project": "fanfold", "stage": self.stage}
        known = STACK | {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        if action not in {"kms:CreateKey", "apigateway:POST"}:
            known |= {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
        if action == "iam:PassRole" and self.kind in PASSED_TO:
            known["iam:PassedToService"] = f"{PASSED_TO[self.kind]}.amazonaws.com"
        if self.kind == "AWS::IAM::Role" and "PermissionsBoundary" in self.resource["Properties"]:
            known["iam:PermissionsBoundary"] = self.of("PermissionsBoundary")
        if self.kind == "AWS::Lambda::EventSourceMapping":
            known["lambda:FunctionArn"] = self.function()
        return known

    def arns(self, action: str) -> tuple[str, ...]:
        service = action.partition(":")[0]
        if action in ON_ANYTHING:
            return ("*",)
        if action == "codedeploy:GetDeploymentConfig":
            return self.own("codedeploy", "deploymentconfig:CodeDeployDefault.LambdaAllAtOnce")
        elsewhere = BY_SERVICE.get(service)
        return elsewhere(self) if elsewhere else BY_KIND[self.kind](self)

    def made(self) -> str:
        """A name as CloudFormation makes it: the stack's, the resource's, and letters."""
        return f"fanfold-{self.stack}-{self.stage}-{self.logical}-1A2B3C4D5E6F"

    def function(self) -> str:
        name = self.stacks.function(self.stack, self.resource["Properties"]["FunctionName"])
        return f"arn:aws:lambda:{PLACE}:function:{name}"

    def own(self, service: str, *names: str) -> tuple[str, ...]:
        return (f"arn:aws:{service}:{PLACE}:" + "".join(names),)

    def key(self) -> tuple[str, ...]:
        """An alias is asked of by its name, whatever else is under a key by that."""
        return self.own("kms", self.of("AliasName")) if self.kind == "AWS::KMS::Alias" else (KEY,)

    def moved(self) -> tuple[str, ...]:
        """The group that an alias is moved by, or the group or application itself."""
        moved = self.resource.get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate", self.resource["Properties"])
        named = self.stacks.resolve(self.stack, moved["ApplicationName"])
        own = f"deploymentgroup:{named}/{named}-x" if "DeploymentGroupName" in moved else f"application:{named}"
        return self.own("codedeploy", own)

    def api(self, below: str) -> tuple[str, ...]:
        """A part of the stage's API: where it is made, it itself, and its tags."""
        return (f"{API}/a1b2c3d4e5/{below}", f"{API}/a1b2c3d4e5/{below}/x", f"arn:aws:apigateway:{REGION}::/tags/x")

    def database(self) -> str:
        database = self.resource["Properties"].get("DatabaseName")
        name = self.stacks.properties(self.stack, database["Ref"]) if database else self.resource["Properties"]
        return str(self.stacks.resolve(self.stack, name["DatabaseInput"]["Name"]))


def _bucket(asking: _Asking) -> tuple[str, ...]:
    name = asking.of("BucketName" if asking.kind == "AWS::S3::Bucket" else "Bucket")
    return (f"arn:aws:s3:::{name}",)


# What a resource asks of another service than its own.
BY_SERVICE = {
    "kms": _Asking.key,
    "codedeploy": _Asking.moved,
    "ecr": lambda asking: asking.own("ecr", f"repository/fanfold-{asking.stack}"),
    "iam": lambda asking: (f"arn:aws:iam::{ACCOUNT}:role/{asking.made()}",),
    "billing": lambda _one: (f"arn:aws:billing::{ACCOUNT}:billingview/primary",),
}
BY_KIND = {
    "AWS::ApiGatewayV2::Api": lambda _one: (API, f"{API}/a1b2c3d4e5", f"arn:aws:apigateway:{REGION}::/tags/x"),
    "AWS::ApiGatewayV2::Authorizer": lambda asking: asking.api("authorizers"),
    "AWS::ApiGatewayV2::Integration": lambda asking: asking.api("integrations"),
    "AWS::ApiGatewayV2::Route": lambda asking: asking.api("routes"),
    "AWS::ApiGatewayV2::Stage": lambda asking: asking.api("stages"),
    "AWS::Athena::NamedQuery": lambda asking: asking.own("athena", "workgroup/", asking.of("WorkGroup")),
    "AWS::Athena::WorkGroup": lambda asking: asking.own("athena", "workgroup/", asking.of("Name")),
    "AWS::Budgets::Budget": lambda asking: (
        f"arn:aws:budgets::{ACCOUNT}:budget/{asking.within('Budget', 'BudgetName')}",
    ),
    "AWS::CloudWatch::Alarm": lambda asking: asking.own("cloudwatch", "alarm:", asking.of("AlarmName")),
    "AWS::CloudWatch::Dashboard": lambda asking: (
        f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{asking.of('DashboardName')}",
    ),
    "AWS::DynamoDB::Table": lambda asking: asking.own("dynamodb", "table/", asking.of("TableName")),
    "AWS::Events::Rule": lambda asking: asking.own("events", "rule/", asking.of("Name")),
    "AWS::Glue::Database": lambda asking: asking.own("glue", "database/", asking.database()),
    "AWS::Glue::Table": lambda asking: asking.own("glue", "table/", asking.database(), "/trades"),
    "AWS::Lambda::Alias": lambda asking: (asking.function(),),
    "AWS::Lambda::EventSourceMapping": lambda asking: asking.own("lambda", "event-source-mapping:1"),
    "AWS::Lambda::Function": lambda asking: (asking.function(),),
    "AWS::Lambda::Permission": lambda asking: (asking.function(),),
    "AWS::Lambda::Version": lambda asking: (asking.function(),),
    "AWS::Logs::LogGroup": lambda asking: asking.own("logs", "log-group:", asking.of("LogGroupName")),
    "AWS::Logs::MetricFilter": lambda asking: asking.own("logs", "log-group:", asking.of("LogGroupName")),
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket,
    "AWS::SNS::Subscription": lambda asking: (f"{asking.of('TopicArn')}:1",),
    "AWS::SNS::Topic": lambda asking: asking.own("sns", asking.of("TopicName")),
    "AWS::SNS::TopicPolicy": lambda asking: (asking.first("Topics"),),
    "AWS::SQS::Queue": lambda asking: asking.own("sqs", asking.of("QueueName")),
    "AWS::SQS::QueuePolicy": lambda asking: asking.own("sqs", asking.first("Queues")),
    "AWS::Scheduler::Schedule": lambda asking: asking.own(
        "scheduler", "schedule/default/", asking.resource["Properties"].get("Name") or asking.made()
    ),
    "AWS::SecretsManager::Secret": lambda asking: asking.own("secretsmanager", "secret:", asking.of("Name"), "-aBcDeF"),
    "AWS::StepFunctions::StateMachine": lambda asking: asking.own(
        "states", "stateMachine:", asking.of("StateMachineName")
    ),
}
