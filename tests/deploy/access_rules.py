"""Rules for permissions, over all six templates. A rule returns the violations."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from merged import Stacks, listed, of_type, owner, statements

ROLE = "AWS::IAM::Role"
FUNCTION = "AWS::Lambda::Function"
POLICIES = {
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket"),
}
# X-Ray knows no resources to name, and in the key's own policy * is the key.
ANY_RESOURCE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
LOCK_ACTIONS = {"s3:PutObjectRetention", "s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"}
AUDIT_WRITES = ("s3:Put", "s3:Delete", "s3:Bypass", "s3:Restore", "s3:Replicate")
SHADOWS = {("s3:PutObject", str({"Null": {"s3:if-none-match": "true"}})), ("s3:DeleteObject", "")}
VENUE_KEYS = re.compile(r":parameter/fanfold/[\w-]+/venue$")
# What a service says that it acts for; of a scheduler it is the group, and none of our schedules names another.
SOURCES = {
    "scheduler.amazonaws.com": re.compile(r":\$\{AWS::AccountId\}:schedule-group/default$"),
    "states.amazonaws.com": re.compile(r":\$\{AWS::AccountId\}:stateMachine:fanfold-[a-z0-9-]+-\*$"),
    "codedeploy.amazonaws.com": re.compile(r":\$\{AWS::AccountId\}:deploymentgroup:fanfold-[a-z0-9-]+/\*$"),
}
PLAIN = {"Bool": {"aws:SecureTransport": "false"}}


def grants(stacks: Stacks) -> Iterator[tuple[str, dict[str, Any]]]:
    """The statements of roles, each with the role's name."""
    for name, role in of_type(stacks, ROLE):
        for policy in role.get("Policies", []):
            yield from ((name, statement) for statement in statements(policy["PolicyDocument"]))


def _policies(stacks: Stacks) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The statements of resources' own policies: the policy, the resource that it is on, the statement."""
    for kind, place in POLICIES.values():
        for name, resource_policy in of_type(stacks, kind):
            for resource in listed(resource_policy[place]):
                yield from ((name, owner(resource), each) for each in statements(resource_policy["PolicyDocument"]))
    for name, key in of_type(stacks, "AWS::KMS::Key"):
        yield from ((name, name, each) for each in statements(key["KeyPolicy"]))


def plain_text(stacks: Stacks) -> list[str]:
    """Queues, topics and buckets that would talk without TLS."""
    closed = {
        resource
        for _, resource, statement in _policies(stacks)
        if statement["Effect"] == "Deny" and statement["Principal"] == "*" and statement.get("Condition") == PLAIN
    }
    return sorted({name for name, _ in of_type(stacks, *POLICIES)} - closed)


def public(stacks: Stacks) -> list[str]:
    """Statements that let anyone in, and those that let in a service on anyone's behalf."""
    wrong = []
    for name, _, policy_statement in _policies(stacks):
        if policy_statement["Effect"] != "Allow":
            continue
        principal = policy_statement["Principal"]
        anyone = principal == "*" or "*" in [each for group in dict(principal).values() for each in listed(group)]
        if anyone or ("Service" in principal and "Condition" not in policy_statement):
            wrong.append(name)
    trusts = [
        (name, statement["Principal"])
        for name, role in of_type(stacks, ROLE)
        for statement in statements(role["AssumeRolePolicyDocument"])
    ]
    return wrong + [name for name, principal in trusts if set(principal) != {"Service"} or "*" in str(principal)]


def unsourced(stacks: Stacks) -> list[str]:
    """Roles and functions that a service may use on the behalf of another of its customers.

    Lambda says of itself nothing by which a role could tell.
    """
    wrong = []
    for name, role in of_type(stacks, ROLE):
        for statement in statements(role["AssumeRolePolicyDocument"]):
            service, condition = statement["Principal"].get("Service"), statement.get("Condition", {})
            arns = [str(each) for kind in ("ArnEquals", "ArnLike") for each in condition.get(kind, {}).values()]
            account = condition.get("StringEquals", {}).get("aws:SourceAccount") == "${AWS::AccountId}"
            if service != "lambda.amazonaws.com" and not (account and arns and all(map(SOURCES[service].search, arns))):
                wrong.append(name)
    return wrong + [
        name for name, permission in of_type(stacks, "AWS::Lambda::Permission") if "SourceArn" not in permission
    ]


def broad_grants(stacks: Stacks) -> list[str]:
    """Allowed actions or resources that are wildcards, but for the few that can't be narrower."""
    wrong = []
    for name, statement in grants(stacks):
        if statement["Effect"] != "Allow":
            continue
        actions = listed(statement["Action"])
        if any("*" in action for action in actions) or "NotAction" in statement or "NotResource" in statement:
            wrong.append(f"{name}: {actions}")
        if "*" in listed(statement["Resource"]) and not set(actions) <= ANY_RESOURCE:
            wrong.append(f"{name}: {actions} on everything")
    managed = [name for name, role in of_type(stacks, ROLE) if role.get("ManagedPolicyArns")]
    return wrong + managed


def broad_policies(stacks: Stacks) -> list[str]:
    return [
        f"{name}: {action}"
        for name, _, statement in _policies(stacks)
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
        if "*" in action
    ]


def shared_roles(stacks: Stacks) -> list[str]:
    """Functions whose role is another's too, or none of their own stack."""
    roles = {name: owner(function["Role"]) for name, function in of_type(stacks, FUNCTION)}
    count = Counter(roles.values())
    return [
        name
        for name, role in roles.items()
        if count[role] > 1 or role not in stacks or role.partition("/")[0] != name.partition("/")[0]
    ]


def unlocked_deletion(stacks: Stacks) -> list[str]:
    """Actions that shorten a retention or delete a version, and that the audit bucket does not deny."""
    denied: set[str] = set()
    for _, resource, statement in _policies(stacks):
        unconditional = statement["Effect"] == "Deny" and statement["Principal"] == "*" and "Condition" not in statement
        if resource == "platform/AuditBucket" and unconditional:
            denied |= set(listed(statement["Action"]))
    return sorted(LOCK_ACTIONS - denied)


def shadowing(stacks: Stacks) -> list[str]:
    """Writes over an object, and deletions, that the audit bucket does not deny."""
    denied = {
        (action, str(statement.get("Condition", "")))
        for _, resource, statement in _policies(stacks)
        for action in listed(statement["Action"])
        if resource == "platform/AuditBucket" and statement["Effect"] == "Deny" and statement["Principal"] == "*"
    }
    return sorted(action for action, condition in SHADOWS - denied)


def strange_audit_writers(stacks: Stacks) -> list[str]:
    """Roles outside audit that may write or delete in the audit bucket."""
    return [
        name
        for name, statement in grants(stacks)
        if statement["Effect"] == "Allow"
        and not name.startswith("audit/")
        and any("platform/AuditBucket" in str(each) for each in listed(statement["Resource"]))
        and any(action.startswith(AUDIT_WRITES) for action in listed(statement["Action"]))
    ]


def unbounded_roles(stacks: Stacks) -> list[str]:
    """Roles that could have more than `make bootstrap` lets any of them have."""
    return [
        name
        for name, role in of_type(stacks, ROLE)
        if ":policy/fanfold-boundary-" not in str(role.get("PermissionsBoundary", ""))
    ]


def strange_secret_readers(stacks: Stacks) -> list[str]:
    """Roles that read a secret which is not their stack's; of the venue's keys all but execution's."""
    wrong = []
    for name, statement in grants(stacks):
        stack = name.partition("/")[0]
        actions = listed(statement["Action"])
        if any(action.startswith("secretsmanager:") for action in actions):
            wrong += [
                f"{name}: {each}" for each in listed(statement["Resource"]) if not str(each).startswith(f"{stack}/")
            ]
        if any(action.startswith("ssm:") for action in actions) and stack != "execution":
            wrong += [
                f"{name}: {each}"
                for each in listed(statement["Resource"])
                if VENUE_KEYS.search(str(each)) or not re.search(r"/limits/\*$", str(each))
            ]
    return wrong
