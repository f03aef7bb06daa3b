"""The packaged stacks of a stage as one account would hold them: every reference resolved to a name or an ARN."""

import re
from functools import cache
from typing import Any, NamedTuple

from support.packaged_stages import templates
from support.policies import Statement, statement

REGION = "eu-west-1"
ACCOUNT = "000000000000"
PSEUDO = {
    "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::URLSuffix": "amazonaws.com",
}  # fmt: skip
NO_VALUE = {"Ref": "AWS::NoValue"}
# Type -> the property that names it, and its ARN; `name` is that property's value, or the logical id.
NAMED = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{place}:table/{name}"),
    "AWS::SQS::Queue": ("QueueName", "sqs:{place}:{name}"),
    "AWS::SNS::Topic": ("TopicName", "sns:{place}:{name}"),
    "AWS::S3::Bucket": ("BucketName", "s3:::{name}"),
    "AWS::KMS::Key": ("", "kms:{place}:key/{name}"),
    "AWS::KMS::Alias": ("AliasName", "kms:{place}:{name}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{place}:function:{name}"),
    "AWS::Lambda::Alias": ("Name", "lambda:{place}:function:{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{place}:log-group:{name}:*"),
    "AWS::IAM::Role": ("RoleName", "iam::{account}:role/{name}"),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager:{place}:secret:{name}"),
    "AWS::SSM::Parameter": ("Name", "ssm:{place}:parameter{name}"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "states:{place}:stateMachine:{name}"),
    "AWS::Glue::Database": ("", "glue:{place}:database/{name}"),
    "AWS::Athena::WorkGroup": ("Name", "athena:{place}:workgroup/{name}"),
    "AWS::CodeDeploy::Application": ("ApplicationName", "codedeploy:{place}:application:{name}"),
}
REF_IS_ARN = {
    "AWS::Lambda::Alias", "AWS::SNS::Topic", "AWS::SecretsManager::Secret", "AWS::StepFunctions::StateMachine",
}  # fmt: skip


class Function(NamedTuple):
    """A packaged function: its role's statements, and what its template says that the service does for it."""

    name: str
    role: str
    statements: list[Statement]
    queues: list[str]
    environment: dict[str, str]

    @property
    def idle(self) -> bool:
        """Say whether it refuses every request before it calls AWS: a webhook of a stage without its secret."""
        secrets = {"webhook": "WEBHOOK_SECRET", "fills": "FILLS_SECRET"}
        secret = secrets.get(self.name.rpartition("-")[2])
        return secret is not None and secret not in self.environment


class Stacks:
    """All templates of a stage."""

    def __init__(self, templates: dict[str, dict[str, Any]]) -> None:
        self._templates = templates

    @property
    def functions(self) -> list[Function]:
        return [
            self._function(stack, logical, resource["Properties"])
            for stack, logical, resource in self.of("AWS::Lambda::Function")
        ]

    @property
    def traced(self) -> bool:
        """Say whether a trace begins anywhere."""
        functions = self.of("AWS::Lambda::Function")
        return any(
            resource["Properties"].get("TracingConfig", {}).get("Mode") == "Active" for _, _, resource in functions
        )

    def of(self, kind: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Stack, logical id and resource of every resource of a type."""
        return [
            (stack, logical, resource)
            for stack, template in self._templates.items()
            for logical, resource in template["Resources"].items()
            if resource["Type"] == kind
        ]

    @property
    def keys(self) -> dict[str, str]:
        """The customer's key of every encrypted resource, both as ARNs."""
        keys = {}
        for kind, path in KEYS.items():
            for stack, logical, resource in self.of(kind):
                key = _dig(resource["Properties"], path)
                if key not in (None, NO_VALUE) and not str(self.resolve(stack, key)).startswith("alias/aws/"):
                    keys[self.arn(stack, logical)] = self._key(self.resolve(stack, key))
        return keys

    def _key(self, named: str) -> str:
        return named if named.startswith("arn:") else f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{named}"

    def _function(self, stack: str, logical: str, properties: dict[str, Any]) -> Function:
        role = properties["Role"]["Fn::GetAtt"][0]
        mappings = [
            resource["Properties"]
            for where, _, resource in self.of("AWS::Lambda::EventSourceMapping")
            if where == stack
        ]
        return Function(
            name=self.resolve(stack, properties["FunctionName"]),
            role=f"{stack}.{role}",
            statements=self.statements(stack, role),
            queues=[
                self.resolve(stack, mapping["EventSourceArn"])
                for mapping in mappings
                if self.function(stack, mapping["FunctionName"]) == self._name(stack, logical)
            ],
            environment={
                key: str(self.resolve(stack, value))
                for key, value in properties.get("Environment", {}).get("Variables", {}).items()
                if value != NO_VALUE
            },
        )

    def function(self, stack: str, value: Any) -> str:
        """The name of the function that a value means: by its name, its ARN, or the ARN of an alias of it."""
        return str(self.resolve(stack, value)).rpartition(":function:")[2].partition(":")[0]

    def statements(self, stack: str, role: str) -> list[Statement]:
        """A role's own policies; AWS's managed ones are wider than anything that is needed, so none may be attached."""
        properties = self._templates[stack]["Resources"][role]["Properties"]
        assert not properties.get("ManagedPolicyArns"), f"{stack}.{role} has managed policies"
        return [
            statement(self.resolve(stack, entry))
            for policy in properties.get("Policies", [])
            for entry in policy["PolicyDocument"]["Statement"]
            if entry != NO_VALUE
        ]

    def resolve(self, stack: str, value: Any) -> Any:
        """A template's value as it will be; raises KeyError for what it can't know."""
        if isinstance(value, list):
            return [self.resolve(stack, item) for item in value if item != NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) != 1 or not next(iter(value)).startswith(("Fn::", "Ref")):
            return {key: self.resolve(stack, item) for key, item in value.items() if item != NO_VALUE}
        ((kind, argument),) = value.items()
        return RESOLVERS[kind](self, stack, argument)

    def properties(self, stack: str, logical: str) -> dict[str, Any]:
        """The properties of a resource."""
        own: dict[str, Any] = self._templates[stack]["Resources"][logical]["Properties"]
        return own

    def names(self, service: str) -> dict[tuple[str, str], str]:
        """The names of a service's resources, by stack and logical id: a queue and a bucket may share one."""
        names = {
            (stack, logical): self._name(stack, logical)
            for kind, (prop, arn) in NAMED.items()
            if arn.startswith(f"{service}:")
            for stack, logical, resource in self.of(kind)
            if prop in resource.get("Properties", {})
        }
        return names | (self._paths() if service == "ssm" else {})

    def _paths(self) -> dict[tuple[str, str], str]:
        """Paths of parameters, which no stack holds, by role and variable."""
        return {
            (function.role, variable): value
            for function in self.functions
            for variable, value in function.environment.items()
            if value.startswith("/")
        }

    def ref(self, stack: str, logical: str) -> str:
        if logical in PSEUDO:
            return PSEUDO[logical]
        if logical == "AWS::StackName":
            return stack
        template = self._templates[stack]
        if logical in template.get("Parameters", {}):
            return str(template["Parameters"][logical]["Default"])
        resource = template["Resources"][logical]
        return self.arn(stack, logical) if resource["Type"] in REF_IS_ARN else self._name(stack, logical)

    def attribute(self, stack: str, argument: Any) -> str:
        logical, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
        # A secret's Id is its ARN.
        if attribute in {"Arn", "Id", "TopicArn"}:
            return self.arn(stack, logical)
        return f"{logical}.{attribute}"

    def arn(self, stack: str, logical: str) -> str:
        kind = self._templates[stack]["Resources"][logical]["Type"]
        _, pattern = NAMED.get(kind, ("", kind.split("::")[1].lower() + ":{place}:{name}"))
        name = self._name(stack, logical)
        if kind == "AWS::Lambda::Alias":
            aliased = self._templates[stack]["Resources"][logical]["Properties"]["FunctionName"]
            name = f"{self.resolve(stack, aliased)}:{name}"
        return "arn:aws:" + pattern.format(place=f"{REGION}:{ACCOUNT}", account=ACCOUNT, name=name)

    def exported(self, _stack: str, name: Any) -> Any:
        wanted = self.resolve(_stack, name)
        for stack, template in self._templates.items():
            for output in template.get("Outputs", {}).values():
                if "Export" in output and self.resolve(stack, output["Export"]["Name"]) == wanted:
                    return self.resolve(stack, output["Value"])
        raise KeyError(f"no stack exports {wanted}")

    def substituted(self, stack: str, argument: Any) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in variables:
                return str(self.resolve(stack, variables[name]))
            return self.attribute(stack, name) if "." in name else self.ref(stack, name)

        return re.sub(r"\$\{([^!}][^}]*)\}", value, text)

    def _name(self, stack: str, logical: str) -> str:
        resource = self._templates[stack]["Resources"][logical]
        prop, _ = NAMED.get(resource["Type"], ("", ""))
        name = resource.get("Properties", {}).get(prop) if prop else None
        return str(self.resolve(stack, name)) if name is not None else f"{stack}-{logical}"


RESOLVERS = {
    "Ref": Stacks.ref,
    "Fn::GetAtt": Stacks.attribute,
    "Fn::ImportValue": Stacks.exported,
    "Fn::Sub": Stacks.substituted,
    "Fn::Join": lambda stacks, stack, arguments: arguments[0].join(map(str, stacks.resolve(stack, arguments[1]))),
    "Fn::Select": lambda stacks, stack, arguments: stacks.resolve(stack, arguments[1])[int(arguments[0])],
    "Fn::Split": lambda stacks, stack, arguments: stacks.resolve(stack, arguments[1]).split(arguments[0]),
}
# Type -> where it names the customer's key.
KEYS = {
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
    "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "AWS::S3::Bucket": (
        "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "KMSMasterKeyID",
    ),
    "AWS::SecretsManager::Secret": ("KmsKeyId",),
}  # fmt: skip


@cache
def packaged(named: str) -> Stacks:
    """The stacks of one of packaged_stages.STAGES; asks AWS for nothing."""
    return Stacks(templates(named))


def _dig(node: Any, path: tuple[str | int, ...]) -> Any:
    """The value at a path, None where it ends before."""
    for step in path:
        there = node and (len(node) > step if isinstance(step, int) else step in node)
        if not there:
            return None
        node = node[step]
    return node
