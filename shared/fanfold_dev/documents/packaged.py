"""Read a service's functions, triggers, permissions, queue and alarms from the packaged stacks, by readable names."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from fanfold_dev.stacks import Template

# Type -> the property with the name of a resource.
_NAMES = {
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
_PREFIX = re.compile(r"^(fanfold|example-desk)-((live|dev)-)?")
_SUBSTITUTED = re.compile(r"\$\{[^}]*\}")


class Permission(NamedTuple):
    """The actions that a function may take on one resource."""

    service: str
    actions: tuple[str, ...]
    resource: str


class PackagedStage:
    """The packaged templates of one stage."""

    def __init__(self, templates: dict[str, Template]) -> None:
        self._templates = templates

    def of(self, stack: str, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of a stack's resources of a type, by logical id."""
        resources = self._templates[stack]["Resources"]
        return {name: item["Properties"] for name, item in resources.items() if item["Type"] == kind}

    def functions(self, service: str) -> dict[str, dict[str, Any]]:
        """Return a service's functions by logical id."""
        return self.of(service, "AWS::Lambda::Function")

    def permissions(self, service: str, function: dict[str, Any]) -> list[Permission]:
        """Return the permissions of a function's role, one for each resource."""
        role = self.of(service, "AWS::IAM::Role")[function["Role"]["Fn::GetAtt"][0]]
        statements = [item for policy in role["Policies"] for item in policy["PolicyDocument"]["Statement"]]
        return [line for item in statements if "Effect" in item for line in self._allowed(service, item)]

    def _allowed(self, service: str, statement: dict[str, Any]) -> Iterator[Permission]:
        listed, actions = statement["Resource"], statement["Action"]
        owner = actions[0].partition(":")[0]
        verbs = tuple(action.partition(":")[2] for action in actions)
        for resource in listed if isinstance(listed, list) else [listed]:
            yield Permission(owner, verbs, self.name(service, resource))

    def name(self, stack: str, value: Any) -> str:
        """Return the name of the resource that a template's value refers to, without the prefix of its stage."""
        if isinstance(value, str):
            return _PREFIX.sub("", value)
        ((intrinsic, argument),) = value.items()
        if intrinsic == "Fn::ImportValue":
            return self.name(*self._exports[argument])
        if intrinsic == "Fn::Join":
            return "".join(self.name(stack, part) for part in argument[1]).removeprefix("arn:aws:s3:::")
        if intrinsic == "Fn::Sub":
            return _SUBSTITUTED.sub("", argument).rpartition("::")[2].replace("parameter/fanfold/live", "")
        return self._label(stack, argument if isinstance(argument, str) else argument[0])

    @cached_property
    def _exports(self) -> dict[str, tuple[str, Any]]:
        outputs = [
            (stack, output) for stack, template in self._templates.items() for output in _outputs(template).values()
        ]
        return {output["Export"]["Name"]: (stack, output["Value"]) for stack, output in outputs if "Export" in output}

    def _label(self, stack: str, logical: str) -> str:
        resource = self._templates[stack]["Resources"][logical]
        name = resource["Properties"].get(_NAMES.get(resource["Type"], ""))
        return _PREFIX.sub("", name) if isinstance(name, str) else logical

    def triggers(self, service: str, logical: str) -> list[str]:
        """Return what invokes a function: its queue, schedules, routes and state machines."""
        aliases = self.of(service, "AWS::Lambda::Alias")
        names = {logical, *(name for name, alias in aliases.items() if refers(alias["FunctionName"], {logical}))}
        return [
            *self._queues(service, names),
            *self._schedules(service, names),
            *self._routes(service, names),
            *self._machines(service, names),
        ]

    def _queues(self, service: str, names: set[str]) -> Iterator[str]:
        for mapping in self.of(service, "AWS::Lambda::EventSourceMapping").values():
            if refers(mapping["FunctionName"], names):
                window = mapping.get("MaximumBatchingWindowInSeconds")
                waits = f" or after {window} s" if window else ""
                queue = self.name(service, mapping["EventSourceArn"])
                yield f"queue `{queue}`, up to {mapping['BatchSize']} messages{waits}"

    def _schedules(self, service: str, names: set[str]) -> Iterator[str]:
        for schedule in self.of(service, "AWS::Scheduler::Schedule").values():
            if refers(schedule["Target"]["Arn"], names):
                yield f"schedule `{schedule['ScheduleExpression']}`"

    def _routes(self, service: str, names: set[str]) -> Iterator[str]:
        integrations = self.of(service, "AWS::ApiGatewayV2::Integration")
        own = {name for name, item in integrations.items() if refers(item["IntegrationUri"], names)}
        for route in self.of(service, "AWS::ApiGatewayV2::Route").values():
            if refers(route["Target"], own):
                yield f"HTTP `{route['RouteKey']}`, authorization {route.get('AuthorizationType', 'NONE')}"

    def _machines(self, service: str, names: set[str]) -> Iterator[str]:
        for name, machine in self.of(service, "AWS::StepFunctions::StateMachine").items():
            if refers(machine["DefinitionSubstitutions"], names):
                when = "".join(f", {line}" for line in self._schedules(service, {name}))
                yield f"state machine `{self._label(service, name)}`{when}"

    def queue(self, service: str) -> dict[str, Any]:
        """Return the properties of a service's queue."""
        return self.of(service, "AWS::SQS::Queue")["Queue"]

    def alarms(self, service: str) -> dict[str, str]:
        """Return the descriptions of a service's alarms, by name."""
        alarms = self.of(service, "AWS::CloudWatch::Alarm").values()
        return {self.name(service, item["AlarmName"]): item["AlarmDescription"] for item in alarms}


def refers(value: Any, names: set[str]) -> bool:
    """Return whether a template's value refers to one of some resources."""
    if isinstance(value, dict):
        target = value.get("Ref") or (value.get("Fn::GetAtt") or [None])[0]
        return target in names or any(refers(item, names) for item in value.values())
    return isinstance(value, list) and any(refers(item, names) for item in value)


def _outputs(template: Template) -> dict[str, Any]:
    outputs: dict[str, Any] = template.get("Outputs", {})
    return outputs
