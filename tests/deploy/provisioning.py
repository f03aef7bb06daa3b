"""What CloudFormation asks of AWS in the deployer's name: by resource type, to make, change and take away."""

import json
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

PLACE = "eu-west-1:123456789012"
GIVEN = {"Partition": "aws", "Region": "eu-west-1", "AccountId": "123456789012", "Buckets": "fanfold",
         "DeploymentBucket": "fanfold-dev-deployment", "Repository": "acme/desk"}  # fmt: skip
DOCKER = Path(__file__).resolve().parents[2] / "docker"
Statement = dict[str, Any]
# Type -> an ARN of one of its resources, and the actions on it, as the type's handlers name them in AWS's registry.
NEEDED: dict[str, tuple[str, str]] = {
    "AWS::ApiGatewayV2::Api": ("arn:aws:apigateway:eu-west-1::/apis", "apigateway:POST PATCH GET DELETE PUT"),
    "AWS::ApiGatewayV2::Authorizer": (
        "arn:aws:apigateway:eu-west-1::/apis/a/authorizers/b",
        "apigateway:POST PATCH DELETE",
    ),
    "AWS::ApiGatewayV2::Integration": (
        "arn:aws:apigateway:eu-west-1::/apis/a/integrations/b",
        "apigateway:POST PATCH DELETE",
    ),
    "AWS::ApiGatewayV2::Route": ("arn:aws:apigateway:eu-west-1::/apis/a/routes/b", "apigateway:POST PATCH DELETE"),
    "AWS::ApiGatewayV2::Stage": ("arn:aws:apigateway:eu-west-1::/apis/a/stages/b", "apigateway:POST PATCH DELETE"),
    "AWS::Athena::NamedQuery": (
        f"arn:aws:athena:{PLACE}:workgroup/fanfold-dev",
        "athena:CreateNamedQuery UpdateNamedQuery DeleteNamedQuery GetNamedQuery",
    ),
    "AWS::Athena::WorkGroup": (
        f"arn:aws:athena:{PLACE}:workgroup/fanfold-dev",
        "athena:CreateWorkGroup UpdateWorkGroup DeleteWorkGroup GetWorkGroup TagResource",
    ),
    "AWS::Budgets::Budget": ("arn:aws:budgets::123456789012:budget/fanfold-dev", "budgets:ModifyBudget ViewBudget"),
    "AWS::CloudWatch::Alarm": (
        f"arn:aws:cloudwatch:{PLACE}:alarm:fanfold-dev-throttles",
        "cloudwatch:PutMetricAlarm DeleteAlarms DescribeAlarms TagResource",
    ),
    "AWS::CloudWatch::Dashboard": (
        "arn:aws:cloudwatch::123456789012:dashboard/fanfold-dev",
        "cloudwatch:PutDashboard DeleteDashboards GetDashboard",
    ),
    "AWS::CodeDeploy::Application": (
        f"arn:aws:codedeploy:{PLACE}:application:fanfold-live-risk",
        "codedeploy:CreateApplication DeleteApplication GetApplication TagResource",
    ),
    "AWS::CodeDeploy::DeploymentGroup": (
        f"arn:aws:codedeploy:{PLACE}:deploymentgroup:fanfold-live-risk/fanfold-live-risk-assess",
        ("codedeploy:CreateDeploymentGroup UpdateDeploymentGroup DeleteDeploymentGroup CreateDeployment "
         "GetDeployment StopDeployment"),
    ),
    "AWS::DynamoDB::Table": (
        f"arn:aws:dynamodb:{PLACE}:table/fanfold-dev-ledger",
        ("dynamodb:CreateTable UpdateTable DeleteTable DescribeTable UpdateTimeToLive UpdateContinuousBackups "
         "TagResource"),
    ),
    "AWS::Glue::Database": (
        f"arn:aws:glue:{PLACE}:database/fanfold_dev",
        "glue:CreateDatabase UpdateDatabase DeleteDatabase GetDatabase",
    ),
    "AWS::Glue::Table": (
        f"arn:aws:glue:{PLACE}:table/fanfold_dev/trades",
        "glue:CreateTable UpdateTable DeleteTable GetTable",
    ),
    "AWS::IAM::Role": (
        "arn:aws:iam::123456789012:role/fanfold-risk-dev-AssessRole-1",
        ("iam:CreateRole PutRolePolicy DeleteRolePolicy DeleteRole GetRole PassRole TagRole "
         "UpdateAssumeRolePolicy"),
    ),
    "AWS::KMS::Alias": (f"arn:aws:kms:{PLACE}:alias/fanfold-dev", "kms:CreateAlias UpdateAlias DeleteAlias"),
    "AWS::KMS::Key": (
        f"arn:aws:kms:{PLACE}:key/1",
        "kms:CreateKey PutKeyPolicy EnableKeyRotation ScheduleKeyDeletion DescribeKey TagResource",
    ),
    "AWS::Lambda::Alias": (
        f"arn:aws:lambda:{PLACE}:function:fanfold-risk-live-assess",
        "lambda:CreateAlias UpdateAlias DeleteAlias GetAlias",
    ),
    "AWS::Lambda::EventSourceMapping": (
        f"arn:aws:lambda:{PLACE}:event-source-mapping:1",
        ("lambda:CreateEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping "
         "GetEventSourceMapping"),
    ),
    "AWS::Lambda::Function": (
        f"arn:aws:lambda:{PLACE}:function:fanfold-risk-dev-assess",
        ("lambda:CreateFunction UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction GetFunction "
         "TagResource"),
    ),
    "AWS::Lambda::Permission": (
        f"arn:aws:lambda:{PLACE}:function:fanfold-risk-dev-assess",
        "lambda:AddPermission RemovePermission GetPolicy",
    ),
    "AWS::Lambda::Version": (
        f"arn:aws:lambda:{PLACE}:function:fanfold-risk-live-assess",
        "lambda:PublishVersion GetFunctionConfiguration ListVersionsByFunction",
    ),
    "AWS::Logs::LogGroup": (
        f"arn:aws:logs:{PLACE}:log-group:/aws/lambda/fanfold-risk-dev-assess",
        "logs:CreateLogGroup DeleteLogGroup PutRetentionPolicy AssociateKmsKey DescribeLogGroups TagResource",
    ),
    "AWS::Logs::MetricFilter": (
        f"arn:aws:logs:{PLACE}:log-group:/aws/lambda/fanfold-risk-dev-assess",
        "logs:PutMetricFilter DeleteMetricFilter DescribeMetricFilters",
    ),
    "AWS::S3::Bucket": (
        "arn:aws:s3:::fanfold-dev-lake",
        ("s3:CreateBucket DeleteBucket PutEncryptionConfiguration PutBucketPublicAccessBlock "
         "PutBucketOwnershipControls PutLifecycleConfiguration PutBucketVersioning "
         "PutBucketObjectLockConfiguration PutBucketTagging"),
    ),
    "AWS::S3::BucketPolicy": (
        "arn:aws:s3:::fanfold-dev-audit",
        "s3:PutBucketPolicy GetBucketPolicy DeleteBucketPolicy",
    ),
    "AWS::SNS::Subscription": (
        f"arn:aws:sns:{PLACE}:fanfold-dev-bars.fifo",
        "sns:Subscribe Unsubscribe SetSubscriptionAttributes GetSubscriptionAttributes",
    ),
    "AWS::SNS::Topic": (
        f"arn:aws:sns:{PLACE}:fanfold-dev-bars.fifo",
        "sns:CreateTopic DeleteTopic SetTopicAttributes GetTopicAttributes TagResource",
    ),
    "AWS::SNS::TopicPolicy": (f"arn:aws:sns:{PLACE}:fanfold-dev-bars.fifo", "sns:SetTopicAttributes"),
    "AWS::SQS::Queue": (
        f"arn:aws:sqs:{PLACE}:fanfold-dev-risk.fifo",
        "sqs:CreateQueue DeleteQueue SetQueueAttributes GetQueueAttributes TagQueue",
    ),
    "AWS::SQS::QueuePolicy": (f"arn:aws:sqs:{PLACE}:fanfold-dev-risk.fifo", "sqs:SetQueueAttributes"),
    "AWS::Scheduler::Schedule": (
        f"arn:aws:scheduler:{PLACE}:schedule/default/fanfold-dev-daily-close",
        "scheduler:CreateSchedule UpdateSchedule DeleteSchedule GetSchedule",
    ),
    "AWS::SecretsManager::Secret": (
        f"arn:aws:secretsmanager:{PLACE}:secret:fanfold-dev-webhook-aBcDeF",
        "secretsmanager:CreateSecret UpdateSecret DeleteSecret DescribeSecret TagResource",
    ),
    "AWS::StepFunctions::StateMachine": (
        f"arn:aws:states:{PLACE}:stateMachine:fanfold-dev-daily-close",
        "states:CreateStateMachine UpdateStateMachine DeleteStateMachine DescribeStateMachine TagResource",
    ),
}  # fmt: skip


def resources(file: str) -> dict[str, dict[str, Any]]:
    """The resources of a template of `docker/`, its parameters and the account filled in."""
    text = json.dumps(cfn_yaml.load(str(DOCKER / file))["Resources"])
    filled = re.sub(r"\$\{(?:AWS::)?(\w+)\}", lambda found: GIVEN[found[1]], text)
    found: dict[str, dict[str, Any]] = json.loads(re.sub(r'\{"Fn::Sub": ("[^"]*")\}', r"\1", filled))
    return found


def statements(file: str) -> Iterator[Statement]:
    """Those of the managed policies of a template."""
    for one in resources(file).values():
        if one["Type"] == "AWS::IAM::ManagedPolicy":
            yield from one["Properties"]["PolicyDocument"]["Statement"]


def allowed(policy: Sequence[Statement], action: str, resource: str) -> bool:
    """Whether an action on a resource is allowed, its conditions taken to hold; nothing is denied by these policies."""
    return any(action in one["Action"] and any(fnmatchcase(resource, each) for each in listed(one["Resource"]))
               for one in policy)  # fmt: skip


def lacking(policy: Sequence[Statement], kinds: set[str]) -> list[str]:
    """What a deploy of resources of these types would be denied. Raises KeyError for a type that the table lacks."""
    found = []
    for kind in sorted(kinds):
        resource, actions = NEEDED[kind]
        service, _, names = actions.partition(":")
        wanted = [f"{service}:{name}" for name in names.split()]
        found += [f"{kind}: {action}" for action in wanted if not allowed(policy, action, resource)]
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
