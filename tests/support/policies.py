"""IAM's decision on a request, as far as our policies use it: a Deny wins, and what nothing allows is denied."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

# What every call of a function is true for: it is signed by a principal of the account, over TLS.
REQUEST = {"aws:SecureTransport": "true"}


class Statement(NamedTuple):
    """A statement of an identity policy; ``conditions`` are (operator, key, values), and all must hold."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    def takes(self, action: str, resource: str, context: Mapping[str, str]) -> bool:
        return (
            any(matches(pattern.lower(), action.lower()) for pattern in self.actions)
            and any(matches(pattern, resource) for pattern in self.resources)
            and all(_holds(operator, context.get(key), values) for operator, key, values in self.conditions)
        )


def statement(document: Mapping[str, Any]) -> Statement:
    """A statement as JSON has it. Raises KeyError for what this evaluator does not judge, such as NotAction."""
    return Statement(
        effect=document["Effect"],
        actions=_listed(document["Action"]),
        resources=_listed(document["Resource"]),
        conditions=tuple(
            (operator, key, _listed(values))
            for operator, keys in document.get("Condition", {}).items()
            for key, values in keys.items()
        ),
    )


def allowed(
    statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Say whether a role with these statements may do it."""
    known = REQUEST | dict(context or {})
    effects = {rule.effect for rule in statements if rule.takes(action, resource, known)}
    return "Allow" in effects and "Deny" not in effects


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".") + r"\Z", re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: ``*`` is any text, ``?`` any letter."""
    return _pattern(pattern).match(text) is not None


def _equals(value: str, wanted: str) -> bool:
    return value == wanted


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": _equals,
    "StringLike": lambda value, wanted: matches(wanted, value),
    "ArnEquals": lambda value, wanted: matches(wanted, value),
    "ArnLike": lambda value, wanted: matches(wanted, value),
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
}


def _holds(operator: str, present: str | None, values: tuple[str, ...]) -> bool:
    if operator.endswith("IfExists"):
        return present is None or _holds(operator.removesuffix("IfExists"), present, values)
    if operator.startswith("StringNot"):
        return not _holds(operator.replace("Not", "", 1), present, values)
    operator = operator.removeprefix("ForAnyValue:")  # Our keys have one value in a request.
    return present is not None and any(OPERATORS[operator](present, value) for value in values)


def _listed(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)
