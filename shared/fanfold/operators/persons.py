"""Persons of the desk file: their roles, and the ids by which chats and the API know them."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import msgspec

Role = Literal["read", "halt", "resume"]
# Each role has what those before it have.
ROLES: tuple[Role, ...] = ("read", "halt", "resume")
# The shape of a user's id on each platform, and where to find it.
_IDS = {
    "telegram": (re.compile(r"[1-9][0-9]{0,18}", re.ASCII), "digits, such as 123456789"),
    "slack": (re.compile(r"[TE][A-Z0-9]{2,20}/[UW][A-Z0-9]{2,20}", re.ASCII), "TEAM/USER, such as T0001/U2147483697"),
    "discord": (re.compile(r"[1-9][0-9]{16,19}", re.ASCII), "17 to 20 digits, such as 80351110224678912"),
}
# Who takes on a role chooses the session's name, so two sessions of a role are not two people.
_SESSION = re.compile(r"(arn:[^:]+:sts::\d+:assumed-role/[^/]+)/.*", re.DOTALL)
_ROLE = re.compile(r"(arn:[^:]+:)iam(::\d+:)role/(?:.*/)?([^/]+)", re.DOTALL)
_PRINCIPAL = re.compile(r"arn:[a-z-]+:(iam::\d{12}:(root|user/\S+|role/\S+)|sts::\d{12}:\S+)|jwt/\S+", re.ASCII)
# The names under which a person commands by chat, before their own; no ARN begins so.
_CHAT = "chat/"


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person who may command the desk from a chat. Whoever is not here is nobody, and without the table all are."""

    role: Annotated[
        Role,
        msgspec.Meta(description="`read`; `halt` also stops and flattens; `resume` also asks for or confirms a resume"),
    ]
    telegram: Annotated[str, msgspec.Meta(description="The person's user id on Telegram, digits")] = ""
    slack: Annotated[str, msgspec.Meta(description="The person's ids on Slack, `TEAM/USER`")] = ""
    discord: Annotated[str, msgspec.Meta(description="The person's user id on Discord, digits")] = ""
    principals: Annotated[
        list[str],
        msgspec.Meta(
            description="By what the HTTP API knows the same person: ARNs, of a role without the session, and "
            "`jwt/SUBJECT` of a sign-in to the page. Who names one of a kind has no other of that kind"
        ),
    ] = []


def may(person: Person, role: Role) -> bool:
    """Return whether a person has a role, or one that includes it."""
    return ROLES.index(person.role) >= ROLES.index(role)


def named_by(persons: Mapping[str, Person], platform: str, user: str) -> str:
    """Return the name of the person whose id a platform gave, "" for nobody's."""
    return next((name for name, person in persons.items() if user and getattr(person, platform) == user), "")


def chat_principal(name: str) -> str:
    """Return the principal of a person who commands by chat."""
    return _CHAT + name


def person_of(persons: Mapping[str, Person], principal: str) -> str:
    """Return what identifies the person behind a principal: their own chat principal where the desk file names it."""
    caller = caller_of(principal)
    known = (name for name, person in persons.items() if caller in map(caller_of, person.principals))
    return next((chat_principal(name) for name in known), caller)


def may_be_one(persons: Mapping[str, Person], first: str, second: str) -> bool:
    """Return whether two principals may be one person, by what the desk file says of them.

    A chat, a role and a sign-in may all be of one person. Who has ``principals`` of a kind has no other of that kind.
    """
    ours, theirs = sorted((person_of(persons, first), person_of(persons, second)), key=_is_named, reverse=True)
    if ours == theirs or _way(ours) == _way(theirs):
        return ours == theirs
    person = persons.get(ours.removeprefix(_CHAT)) if _is_named(ours) else None
    return person is None or _way(theirs) not in map(_way, person.principals)


def _is_named(principal: str) -> bool:
    return principal.startswith(_CHAT)


def _way(principal: str) -> str:
    """Return how a principal is known: ``arn``, ``jwt`` or ``chat``."""
    return re.split("[:/]", principal, maxsplit=1)[0]


def caller_of(principal: str) -> str:
    """Return the ARN by which the API knows a caller, without the session's name, which callers choose freely."""
    return _SESSION.sub(r"\1", _ROLE.sub(r"\1sts\2assumed-role/\3", principal))


def mistakes(persons: Mapping[str, Person]) -> Iterator[tuple[str, str]]:
    """Yield each person who could not command, or could be two, with the reason."""
    owners: dict[tuple[str, str], str] = {}
    for name, person in persons.items():
        known = [(key, getattr(person, key)) for key in _IDS if getattr(person, key)]
        if not known:
            yield name, f"has no id: give {', '.join(f'`{key}`' for key in _IDS)} or several of them"
        for key, user in known:
            shape, example = _IDS[key]
            if not shape.fullmatch(user):
                yield name, f'`{key}` is "{user}"; it must be {example}'
        for arn in person.principals:
            if not _PRINCIPAL.fullmatch(arn):
                example = "arn:aws:iam::123456789012:user/anna"
                yield name, f'`principals` has "{arn}"; write ARNs, such as {example}, or jwt/SUBJECT'
        for identity in [*known, *(("principals", caller_of(arn)) for arn in person.principals)]:
            other = owners.setdefault(identity, name)
            if other != name:
                yield name, f'`{identity[0]}` "{identity[1]}" is {other}\'s too; a person has ids of their own'
