"""Every role held against what its function was seen to ask for."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fanfold.aws.client.call import AwsFault, Call
from fanfold.aws.client.recording import RecordedLine
from fanfold.deployment import OPTIONAL_SUBSCRIPTIONS, STAGE
from support.needs import EXCEPTIONS, Need, needs
from support.packaged_stacks import Function, Stacks, packaged
from support.policies import Statement, allowed
from support.recorded_venue import venue_calls


class Permission(NamedTuple):
    """One action on one resource, as one statement allows it."""

    at: int
    action: str
    resource: str


def distinct(calls: Iterable[RecordedLine]) -> list[RecordedLine]:
    """One call of each function, operation and need; what the others need, it needs too."""
    by_need: dict[tuple[Any, ...], RecordedLine] = {}
    for call in calls:
        needed = frozenset(needs(call.service, call.operation, call.parameters, {}))
        by_need.setdefault((call.function, call.service, call.operation, needed), call)
    return list(by_need.values())


def moving(stacks: Stacks, service: str, recorded: Stacks | None = None) -> Callable[[Any], Any]:
    """A function that turns a service's value of the recorded stage into that of another stage, where names differ."""
    ours, theirs = (recorded or packaged(STAGE)).names(service), stacks.names(service)
    pairs = {ours[place]: theirs[place] for place in ours.keys() & theirs.keys()}
    if ("audit", "Queue") in ours.keys() & theirs.keys():
        # Queues of optional stacks, of which no template is here, are asked for by their names.
        mine, other = (names["audit", "Queue"].removesuffix("audit") for names in (ours, theirs))
        pairs |= {f"{mine}{optional}": f"{other}{optional}" for optional in OPTIONAL_SUBSCRIPTIONS}
    known = re.compile("|".join(re.escape(name) for name in sorted(pairs, key=len, reverse=True)) or "$.")

    def moved(value: Any) -> Any:
        if isinstance(value, str):
            return known.sub(lambda match: pairs[match[0]], value)
        if isinstance(value, dict):
            return {moved(key): moved(item) for key, item in value.items()}
        return [moved(item) for item in value] if isinstance(value, list) else value

    return moved


class Held(NamedTuple):
    """A function of a stage, the calls that it was seen to make there, and what it needs besides."""

    function: Function
    calls: list[RecordedLine]
    declared: set[Need]
    keys: Mapping[str, str]

    @property
    def needed(self) -> set[Need]:
        """The needs of all calls together."""
        used = {need for call in self.calls for need in self.needs_of(call)}
        return used | self.declared

    def needs_of(self, call: RecordedLine) -> set[Need]:
        return needs(call.service, call.operation, call.parameters, self.keys)

    @property
    def missing(self) -> list[str]:
        """The needs of its calls that its role does not allow."""
        return [f"{self.function.name}: {absent}" for absent in missing(self.function.statements, self.needed)]

    @property
    def unused(self) -> list[str]:
        """The permissions that could be taken away without any call being denied."""
        return [f"{self.function.name}: {spare}" for spare in unused(self.function.statements, self.needed)]


def missing(statements: Sequence[Statement], needed: set[Need]) -> list[str]:
    """The needs that are not allowed."""
    return sorted(
        f"{need.action} on {need.resource}"
        for need in needed
        if not allowed(statements, need.action, need.resource, need.context)
    )


def unused(statements: Sequence[Statement], needed: set[Need]) -> list[str]:
    """The permissions that could be taken away with every need still allowed."""
    return [
        f"{permission.action} on {permission.resource}"
        for permission in permissions(statements)
        if not missing(without(statements, permission), needed)
    ]


def held(stacks: Stacks, calls: Iterable[RecordedLine], recorded: Stacks | None = None) -> list[Held]:
    """Every function of a stage, with its calls as they were recorded on another; None is the local desk."""
    seen = distinct(calls)
    move = {service: moving(stacks, service, recorded) for service in {"lambda"} | {line.service for line in seen}}
    by_function: dict[str, list[RecordedLine]] = {}
    for call in seen:
        line = RecordedLine(function=move["lambda"](call.function), service=call.service, operation=call.operation,
                    parameters=move[call.service](call.parameters))  # fmt: skip
        by_function.setdefault(line.function, []).append(line)
    keys = stacks.keys
    return [
        Held(
            function,
            [] if function.idle else [*by_function.get(function.name, []), *venue_calls(function)],
            _declared(function, stacks),
            keys,
        )
        for function in stacks.functions
    ]


def _declared(function: Function, stacks: Stacks) -> set[Need]:
    return {need for _, ask in EXCEPTIONS.values() for need in ask(function, stacks)}


def permissions(statements: Sequence[Statement]) -> Iterator[Permission]:
    """Every action on every resource that the statements allow."""
    for at, statement in enumerate(statements):
        if statement.effect == "Allow":
            for action in statement.actions:
                for resource in statement.resources:
                    yield Permission(at, action, resource)


def without(statements: Sequence[Statement], taken: Permission) -> list[Statement]:
    """The statements with one permission taken away, and all else as it was."""
    whole = statements[taken.at]
    rest = [
        whole._replace(actions=(action,), resources=(resource,))
        for action in whole.actions
        for resource in whole.resources
        if (action, resource) != (taken.action, taken.resource)
    ]
    return [*statements[: taken.at], *rest, *statements[taken.at + 1 :]]


def guarded(call: Call, statements: Sequence[Statement], keys: Mapping[str, str]) -> Call:
    """The call under a role in memory: what the role does not allow is refused before it is made."""

    def guarding(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        for need in sorted(needs(service, operation, parameters, keys)):
            if not allowed(statements, need.action, need.resource, need.context):
                raise AwsFault("AccessDeniedException", f"not authorized: {need.action} on {need.resource}", 403)
        return call(service, operation, parameters)

    return guarding
