"""The check before a deploy: no update of a stack replaces or forgets a table, a bucket or a key.

CloudFormation would make a new, empty one and count that a success. `python -m fanfold.stages.guard OLD NEW`
compares two templates, exits with 1 and names each resource and property where the new one would.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fanfold.errors import BadInput

Template = Mapping[str, Any]
# What lets a resource outlive its stack; the second not where its very making was rolled back.
KEPT = frozenset({"Retain", "RetainExceptOnCreate"})
# Type -> the properties that cannot change in place, as CloudFormation's reference has them.
FIXED: dict[str, tuple[str, ...]] = {
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"),
    "AWS::S3::Bucket": ("BucketName", "ObjectLockEnabled"),
    "AWS::KMS::Key": ("KeySpec", "KeyUsage", "Origin"),
}


class Replacement(NamedTuple):
    """The effect of an update on a store: the resource, the property that causes it, and why."""

    resource: str
    property: str
    reason: str

    def __str__(self) -> str:
        return f"{self.resource}.{self.property}: {self.reason}"


def replacements(old: Template, new: Template) -> list[Replacement]:
    """Return the stores of the old template that an update to the new one would replace, delete or leave behind."""
    wanted = new.get("Resources", {})
    return [wrong for name, store in stores(old).items() for wrong in _changes(name, store, wanted.get(name))]


def stores(template: Template) -> dict[str, Mapping[str, Any]]:
    """Return the resources that hold data."""
    return {name: resource for name, resource in template.get("Resources", {}).items() if resource["Type"] in FIXED}


def _changes(name: str, old: Mapping[str, Any], new: Mapping[str, Any] | None) -> list[Replacement]:
    if new is None:
        kept = old.get("DeletionPolicy") in KEPT
        fate = "it is kept, but no stack knows it any more" if kept else "it would be deleted with all that it holds"
        return [Replacement(name, "LogicalId", f"the new template does not have it: {fate}")]
    if new["Type"] != old["Type"]:
        return [Replacement(name, "Type", f"{old['Type']} would become {new['Type']}")]
    before, after = old.get("Properties", {}), new.get("Properties", {})
    fixed = [
        Replacement(name, key, f"{_short(before.get(key))} would become {_short(after.get(key))}")
        for key in FIXED[old["Type"]]
        if before.get(key) != after.get(key)
    ]
    return fixed + _retyped_keys(name, before, after) + _weakened(name, old, new)


def _retyped_keys(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Replacement]:
    """Return attributes of the table's key whose type changes; those of added indexes may come and go."""
    old, new = _attribute_types(before), _attribute_types(after)
    keys = [key["AttributeName"] for key in before.get("KeySchema", [])]
    return [
        Replacement(name, "AttributeDefinitions", f"{key} was of type {old.get(key)} and would be {new.get(key)}")
        for key in keys
        if old.get(key) != new.get(key)
    ]


def _attribute_types(table: Mapping[str, Any]) -> dict[str, str]:
    return {
        attribute["AttributeName"]: attribute["AttributeType"] for attribute in table.get("AttributeDefinitions", [])
    }


def _weakened(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Replacement]:
    """Return the policies by which a store outlived its stack and no longer would."""
    policies = ("DeletionPolicy", "UpdateReplacePolicy")
    return [
        Replacement(name, policy, f"it was {old[policy]} and would be {new.get(policy, 'Delete')}")
        for policy in policies
        if old.get(policy) in KEPT and new.get(policy) not in KEPT
    ]


def _short(value: object) -> str:
    return "nothing" if value is None else json.dumps(value)


def read(path: str) -> Template:
    """Return the template in a file. Raises BadInput, which names the file."""
    try:
        document = json.loads(Path(path).read_text())
    except (OSError, ValueError) as wrong:
        raise BadInput(f"{path} is no CloudFormation template in JSON: {wrong}") from wrong
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise BadInput(f"{path} is no CloudFormation template: it has no Resources")
    return document


def main(arguments: Sequence[str]) -> int:
    """Return 0 where the update keeps every store, 1 where it does not, 2 where a template cannot be read."""
    if len(arguments) != 2:
        print("usage: python -m fanfold.stages.guard OLD NEW", file=sys.stderr)
        return 2
    try:
        refused = replacements(read(arguments[0]), read(arguments[1]))
    except BadInput as wrong:
        print(wrong, file=sys.stderr)
        return 2
    for replacement in refused:
        print(f"refused: {replacement}", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
