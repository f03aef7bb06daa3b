"""The roles that AWS's own services take on, and what each needs by the resources that it was made for."""

from collections.abc import Callable, Iterator
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
RUN = "arn:aws:states:::ecs:runTask.sync"
PASSED = "ecs-tasks"
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
    for kind, path, needs_of in USERS:
        for where, _, resource in stacks.of(kind):
            named = _at(resource["Properties"], path)
            if where == stack and named == {"Fn::GetAtt": [role, "Arn"]}:
                yield from needs_of(stacks, stack, resource["Properties"])


def _machine(stacks: Stacks, stack: str, properties: dict[str, Any]) -> Iterator[Need]:
    assert set(properties) <= MACHINE, f"{stack} has a state machine whose needs are not known"
    substitutions = stacks.resolve(stack, properties["DefinitionSubstitutions"])
    name = stacks.resolve(stack, properties["StateMachineName"])
    for task in tasks(properties["Definition"]):
        if task["Resource"] == RUN:
            yield from _run(stacks, stack, substitutions[task["Parameters"]["TaskDefinition"].strip("${}")])
            continue
        action, parameter = TASKS[task["Resource"]]
        yield Need(action, substitutions[task["Parameters"][parameter].strip("${}")])
    for state in properties["Definition"]["States"].values():
        if "ItemReader" in state:
            yield from _map(name, substitutions["LakeBucket"])


def _map(name: str, bucket: str) -> Iterator[Need]:
    """The needs of a distributed map: its items, a place for what became of each, executions of its own machine."""
    yield Need("s3:GetObject", f"arn:aws:s3:::{bucket}/research/sweeps/any/items-0.json")
    for action in ("PutObject", "GetObject", "ListMultipartUploadParts", "AbortMultipartUpload"):
        yield Need(f"s3:{action}", f"arn:aws:s3:::{bucket}/research/maps/any/manifest.json")
    yield Need("states:StartExecution", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}")
    for action in ("DescribeExecution", "StopExecution"):
        yield Need(f"states:{action}", f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{name}:any")


def _run(stacks: Stacks, stack: str, task: str) -> Iterator[Need]:
    """The needs of a machine that runs a container task, and waits for its end."""
    yield Need("ecs:RunTask", task)
    ((cluster, _),) = [(stacks.resolve(stack, each["Properties"]["ClusterName"]), each) for where, _, each
                       in stacks.of("AWS::ECS::Cluster") if where == stack]  # fmt: skip
    for action in ("StopTask", "DescribeTasks"):
        yield Need(f"ecs:{action}", f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{cluster}/any")
    for action in ("PutTargets", "PutRule", "DescribeRule"):
        yield Need(f"events:{action}", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForECSTaskRule")
    for _, _, definition in stacks.of("AWS::ECS::TaskDefinition"):
        for role in ("TaskRoleArn", "ExecutionRoleArn"):
            yield Need("iam:PassRole", stacks.resolve(stack, definition["Properties"][role]), PASSED)


def _task(stacks: Stacks, stack: str, properties: dict[str, Any]) -> Iterator[Need]:
    """The needs of the program in a container, which are those of the function."""
    bucket = _bucket(stacks, stack, properties)
    for key in ("bars/any", "sweeps/any/sweep.json"):
        yield Need("s3:GetObject", f"arn:aws:s3:::{bucket}/research/{key}")
    yield Need("s3:PutObject", f"arn:aws:s3:::{bucket}/research/trials/dt=any/any.parquet")


def _start(stacks: Stacks, stack: str, properties: dict[str, Any]) -> Iterator[Need]:
    """The needs of ECS before the program runs: its image and its log."""
    (container,) = properties["ContainerDefinitions"]
    repository = container["Image"].partition("@")[0].partition("/")[2]
    yield Need("ecr:GetAuthorizationToken", "*")
    for action in ("BatchGetImage", "GetDownloadUrlForLayer"):
        yield Need(f"ecr:{action}", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}")
    group = stacks.resolve(stack, container["LogConfiguration"]["Options"]["awslogs-group"])
    for action in ("CreateLogStream", "PutLogEvents"):
        yield Need(f"logs:{action}", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*")


def _bucket(stacks: Stacks, stack: str, properties: dict[str, Any]) -> str:
    (container,) = properties["ContainerDefinitions"]
    (bucket,) = [each["Value"] for each in container["Environment"] if each["Name"] == "LAKE_BUCKET"]
    return str(stacks.resolve(stack, bucket))


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
USERS: tuple[tuple[str, tuple[str, ...], Needs], ...] = (
    ("AWS::StepFunctions::StateMachine", ("RoleArn",), _machine),
    ("AWS::Scheduler::Schedule", ("Target", "RoleArn"), _schedule),
    ("AWS::CodeDeploy::DeploymentGroup", ("ServiceRoleArn",), _canary),
    ("AWS::ECS::TaskDefinition", ("TaskRoleArn",), _task),
    ("AWS::ECS::TaskDefinition", ("ExecutionRoleArn",), _start),
)
TRUSTED = {
    "AWS::StepFunctions::StateMachine": "states.amazonaws.com",
    "AWS::Scheduler::Schedule": "scheduler.amazonaws.com",
    "AWS::CodeDeploy::DeploymentGroup": "codedeploy.amazonaws.com",
    "AWS::ECS::TaskDefinition": "ecs-tasks.amazonaws.com",
}


def users(stacks: Stacks) -> dict[str, set[str]]:
    """The services that take on each role which a resource names."""
    services: dict[str, set[str]] = {}
    for kind, path, _ in USERS:
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
