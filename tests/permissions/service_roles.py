"""The roles that AWS's own services take on, and what each needs by the resources that it was made for."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from support.needs import Need, keyed
from support.packaged_stacks import ACCOUNT, REGION, Stacks
from support.policies import Statement

# A state machine that has more, such as a log, needs more: add it here, with its needs.
MACHINE = {"StateMachineName", "RoleArn", "Definition", "DefinitionSubstitutions"}
# By a task's resource: the action that it takes, and the parameter that says on what.
TASKS = {
    "arn:aws:states:::lambda:invoke": ("lambda:InvokeFunction", "FunctionName"),
    "arn:aws:states:::sns:publish": ("sns:Publish", "TopicArn"),
}
TARGETS = {"states": "states:StartExecution", "lambda": "lambda:InvokeFunction"}


class ServiceRole(NamedTuple):
    """A role that no function has: who may take it on, what it may do, and what it is needed for."""

    name: str
    trusted: set[str]
    statements: list[Statement]
    needed: set[Need]


def service_roles(stacks: Stacks) -> list[ServiceRole]:
    """Every role of a stage that is no function's."""
    functions = {function.role for function in stacks.functions}
    keys = stacks.keys
    return [
        ServiceRole(f"{stack}.{name}", _trusted(role["Properties"]), stacks.statements(stack, name),
                    keyed(set(_needed(stacks, stack, name)), keys))
        for stack, name, role in stacks.of("AWS::IAM::Role") if f"{stack}.{name}" not in functions
    ]  # fmt: skip


def _needed(stacks: Stacks, stack: str, role: str) -> Iterator[Need]:
    for kind, (path, needs_of) in USERS.items():
        for where, _, resource in stacks.of(kind):
            named = _at(resource["Properties"], path)
            if where == stack and named == {"Fn::GetAtt": [role, "Arn"]}:
                yield from needs_of(stacks, stack, resource["Properties"])


def _machine(stacks: Stacks, stack: str, properties: dict[str, Any]) -> Iterator[Need]:
    assert set(properties) <= MACHINE, f"{stack} has a state machine whose needs are not known"
    substitutions = stacks.resolve(stack, properties["DefinitionSubstitutions"])
    for task in tasks(properties["Definition"]):
        action, parameter = TASKS[task["Resource"]]
        yield Need(action, substitutions[task["Parameters"][parameter].strip("${}")])


def tasks(node: Any) -> Iterator[dict[str, Any]]:
    """The tasks of a state machine, those inside Map and Parallel too."""
    if isinstance(node, dict):
        if node.get("Type") == "Task":
            yield node
        for child in node.values():
            yield from tasks(child)
    elif isinstance(node, list):
        for child in node:
            yield from tasks(child)


def _schedule(stacks: Stacks, stack: str, properties: dict[str, Any]) -> Iterator[Need]:
    arn = stacks.resolve(stack, properties["Target"]["Arn"])
    yield Need(TARGETS[arn.split(":")[2]], arn)


def _canary(stacks: Stacks, stack: str, properties: dict[str, Any]) -> Iterator[Need]:
    for where, alias, alias_resource in stacks.of("AWS::Lambda::Alias"):
        update = alias_resource.get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate", {})
        group = update.get("DeploymentGroupName")
        if where == stack and group and stacks.properties(stack, group["Ref"]) == properties:
            function = stacks.function(stack, alias_resource["Properties"]["FunctionName"])
            # AWS's reference names the function as the resource of both, other documents the alias.
            for arn in (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}", stacks.arn(stack, alias)):
                yield from (Need(f"lambda:{action}Alias", arn) for action in ("Get", "Update"))
    for alarm in properties["AlarmConfiguration"]["Alarms"]:
        name = stacks.resolve(stack, alarm["Name"])
        yield Need("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}")


Needs = Callable[[Stacks, str, dict[str, Any]], Iterator[Need]]
# Who takes a role on: where its resource names the role, and what it needs then.
USERS: Mapping[str, tuple[tuple[str, ...], Needs]] = {
    "AWS::StepFunctions::StateMachine": (("RoleArn",), _machine),
    "AWS::Scheduler::Schedule": (("Target", "RoleArn"), _schedule),
    "AWS::CodeDeploy::DeploymentGroup": (("ServiceRoleArn",), _canary),
}
TRUSTED = {
    "AWS::StepFunctions::StateMachine": "states.amazonaws.com",
    "AWS::Scheduler::Schedule": "scheduler.amazonaws.com",
    "AWS::CodeDeploy::DeploymentGroup": "codedeploy.amazonaws.com",
}


def users(stacks: Stacks) -> dict[str, set[str]]:
    """The services that take on each role which a resource names."""
    services: dict[str, set[str]] = {}
    for kind, (path, _) in USERS.items():
        for stack, _, resource in stacks.of(kind):
            name = _at(resource["Properties"], path)["Fn::GetAtt"][0]
            services.setdefault(f"{stack}.{name}", set()).add(TRUSTED[kind])
    return services


def _at(node: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        node = node[step]
    return node


def _trusted(properties: dict[str, Any]) -> set[str]:
    trusted: set[str] = set()
    for statement in properties["AssumeRolePolicyDocument"]["Statement"]:
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
        services = statement["Principal"]["Service"]
        trusted |= set(services if isinstance(services, list) else [services])
    return trusted
