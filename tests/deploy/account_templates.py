"""The templates of `shared/stacks/account/` as a stage's bootstrap fills them in: parameters, conditions and all."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from fanfold.stages import names
from fanfold.stages.account_template import account_template
from support.packaged_stacks import ACCOUNT, REGION
from support.policies import Statement, statement

FILES = ("bootstrap.yml", "stage.yml", "delivery.yml")
REPOSITORY = "acme/desk"
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
GONE = object()


class Filled:
    """A template with a value for each parameter."""

    def __init__(self, file: str, parameters: Mapping[str, str]) -> None:
        # Here, for every worker imports this module: cfn-lint takes a second.
        from cfnlint.decode import cfn_yaml

        self._document: dict[str, Any] = cfn_yaml.loads(account_template(file))
        self._known = PSEUDO | {name: parameters[name] for name in self._document.get("Parameters", {})}

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        resources: dict[str, dict[str, Any]] = self.resolve(self._document["Resources"])
        return {name: resource for name, resource in resources.items() if self._holds(resource.get("Condition"))}

    def statements(self) -> list[Statement]:
        """Those of the managed policies."""
        return [statement(entry) for document in self.documents() for entry in document["Statement"]]

    def documents(self) -> Iterator[dict[str, Any]]:
        for resource in self.resources.values():
            if resource["Type"] == "AWS::IAM::ManagedPolicy":
                yield resource["Properties"]["PolicyDocument"]

    def resolve(self, node: Any) -> Any:
        if isinstance(node, list):
            return [item for item in map(self.resolve, node) if item is not GONE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and (called := CALLS.get(next(iter(node)))):
            return called(self, next(iter(node.values())))
        pairs = {str(key): self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in pairs.items() if value is not GONE}

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.resolve(self._document["Conditions"][condition]))

    def _ref(self, name: str) -> Any:
        return GONE if name == "AWS::NoValue" else self._known.get(name, name)

    def _substituted(self, arguments: Any) -> str:
        text, own = (arguments[0], self.resolve(arguments[1])) if isinstance(arguments, list) else (arguments, {})
        return re.sub(r"\$\{([\w:.]+)\}", lambda match: str(own.get(match[1]) or self._ref(match[1])), str(text))

    def _either(self, arguments: Any) -> Any:
        return self.resolve(arguments[1 if self._holds(str(arguments[0])) else 2])


CALLS: dict[str, Callable[[Filled, Any], Any]] = {
    "Ref": Filled._ref,
    "Fn::Sub": Filled._substituted,
    "Fn::If": Filled._either,
    "Fn::GetAtt": lambda _, arguments: ".".join(arguments) if isinstance(arguments, list) else str(arguments),
    "Fn::Join": lambda filled, arguments: str(arguments[0]).join(filled.resolve(arguments[1])),
    "Fn::Split": lambda filled, arguments: str(filled.resolve(arguments[1])).split(str(arguments[0])),
    "Fn::Not": lambda filled, arguments: not filled.resolve(arguments[0]),
    "Fn::Or": lambda filled, arguments: any(map(filled.resolve, arguments)),
    "Fn::Equals": lambda filled, arguments: filled.resolve(arguments[0]) == filled.resolve(arguments[1]),
}


@cache
def filled(file: str, stage: str, prefix: str) -> Filled:
    """A template as `make bootstrap` gives it to CloudFormation for a stage whose buckets begin so."""
    return Filled(file, names.resources_of(stage, prefix).parameters() | {"Repository": REPOSITORY})
