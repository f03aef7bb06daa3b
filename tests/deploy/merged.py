"""Six templates as one; a reference is what it leads to: ``stack/LogicalId`` or ``stack/LogicalId.Arn``."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Resource = dict[str, Any]
Stacks = dict[str, Resource]
_GONE = object()
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")


def merged(templates: Mapping[str, Mapping[str, Any]]) -> Stacks:
    """All resources, by ``stack/LogicalId``. What the stacks export is looked up in what imports it."""
    exports: dict[str, Any] = {}
    for stack, template in templates.items():
        for output in template.get("Outputs", {}).values():
            if "Export" in output:
                name = _resolved(output["Export"]["Name"], stack, template, {})
                exports[name] = _resolved(output["Value"], stack, template, {})
    return {
        f"{stack}/{name}": _resolved(resource, stack, template, exports)
        for stack, template in templates.items()
        for name, resource in template["Resources"].items()
    }


def of_type(stacks: Stacks, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and properties of the resources of these types."""
    for name, resource in stacks.items():
        if resource["Type"] in kinds:
            yield name, resource.get("Properties", {})


def owner(reference: Any) -> str:
    """The resource that a reference leads to, whichever of its attributes is asked for."""
    return str(reference).partition(".")[0]


def statements(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    items = policy["Statement"]
    return items if isinstance(items, list) else [items]


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _resolved(node: Any, stack: str, template: Mapping[str, Any], exports: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        items = [_resolved(item, stack, template, exports) for item in node]
        return [item for item in items if item is not _GONE]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        ((key, value),) = node.items()
        if key == "Ref" or key.startswith("Fn::"):
            return _called(key, value, stack, template, exports)
    pairs = {key: _resolved(value, stack, template, exports) for key, value in node.items()}
    return {key: value for key, value in pairs.items() if value is not _GONE}


def _called(key: str, value: Any, stack: str, template: Mapping[str, Any], exports: Mapping[str, Any]) -> Any:
    if key == "Ref":
        return _GONE if value == "AWS::NoValue" else _named(value, stack, template)
    if key == "Fn::GetAtt":
        parts = value.split(".") if isinstance(value, str) else value
        return f"{stack}/{'.'.join(parts)}"
    if key == "Fn::Sub":
        return _PLACEHOLDER.sub(lambda match: str(_named(match[1], stack, template)), _text(value))
    inner = _resolved(value, stack, template, exports)
    if key == "Fn::ImportValue":
        return exports.get(inner, f"import of {inner}")
    if key == "Fn::Join":
        return inner[0].join(str(part) for part in inner[1])
    return {key: inner}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value[0])


def _named(name: str, stack: str, template: Mapping[str, Any]) -> str:
    return f"{stack}/{name}" if name.partition(".")[0] in template["Resources"] else f"${{{name}}}"
