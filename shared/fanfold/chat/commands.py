"""The commands of a chat: their names, who may give them, and how a text is read as one of them."""

import re
from collections.abc import Collection
from typing import Literal, NamedTuple

from fanfold.chat.requests import TEXT_MAX
from fanfold.errors import BadInput, near
from fanfold.operators.persons import Role

# What a command needs behind its name: nothing, an account at most, or more of its own.
Shape = Literal["nothing", "account", "order", "orders", "stop", "resume"]


class Verb(NamedTuple):
    """A command's name, who may give it, and how it is written. One that ``lowers`` risk acts before all else."""

    name: str
    role: Role
    shape: Shape
    about: str
    usage: str = ""
    lowers: bool = False


VERBS = {
    verb.name: verb
    for verb in (
        Verb("status", "read", "account", "trading state, cash, open orders", "[ACCOUNT]"),
        Verb("positions", "read", "account", "what is held", "[ACCOUNT]"),
        Verb("orders", "read", "orders", "the newest orders", "[ACCOUNT] [open|refused]"),
        Verb("why", "read", "order", "why an order is what it is", "ORDER"),
        Verb("pnl", "read", "account", "results by strategy", "[ACCOUNT]"),
        Verb("day", "read", "account", "the result and the fills of today", "[ACCOUNT]"),
        Verb("alerts", "read", "nothing", "what needs somebody"),
        Verb("halt", "halt", "stop", "nothing trades", "[ACCOUNT] [CODE] [REASON]", lowers=True),
        Verb("reduce", "halt", "stop", "only towards zero", "[ACCOUNT] [CODE] [REASON]", lowers=True),
        Verb("flatten", "halt", "stop", "close everything; asks once", "[ACCOUNT] [REASON]", lowers=True),
        Verb("resume", "resume", "resume", "trade again; needs a second person", "ACCOUNT REASON"),
        Verb("help", "read", "nothing", "this list"),
    )
}
_SHORT_CODE = re.compile(r"[0-9a-f]{8}", re.ASCII)
_CODE_OF_RESUME = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ORDER = re.compile(r"[0-9a-f]{4,32}", re.ASCII)


class Command(NamedTuple):
    """A command as it was read: the account it names ("" for all), a code, and the words behind.

    The code confirms, or names the stricter state that /halt and /reduce replace.
    """

    verb: Verb
    account: str = ""
    code: str = ""
    words: str = ""


def read_command(text: str, accounts: Collection[str]) -> Command:
    """Return the command of a text such as ``/halt main the venue is down``. Raises BadInput, which says what to write.

    A name may carry a bot's, as in ``/halt@desk_bot``. What follows /halt, /reduce and /flatten and is no account is
    their reason, so that a misspelt account stops more and not less.
    """
    name, *words = text[:TEXT_MAX].split() or [""]
    verb = VERBS.get(name.removeprefix("/").partition("@")[0].lower())
    if verb is None:
        raise BadInput(f"no command {name[:20]!r}{_meant(name)}; /help lists them")
    return _READERS[verb.shape](verb, words, accounts)


def usage(verb: Verb) -> str:
    """Return how a command is written."""
    return f"/{verb.name} {verb.usage}".rstrip()


def _meant(name: str) -> str:
    return near(name.removeprefix("/").lower()[:20], list(VERBS)).replace("`", "")


def _nothing(verb: Verb, _words: list[str], _accounts: Collection[str]) -> Command:
    return Command(verb)


def _account(verb: Verb, words: list[str], accounts: Collection[str]) -> Command:
    if len(words) > 1 or (words and words[0] not in accounts):
        raise BadInput(f"write {usage(verb)}; accounts are {', '.join(sorted(accounts))}")
    return Command(verb, words[0] if words else "")


def _orders(verb: Verb, words: list[str], accounts: Collection[str]) -> Command:
    kind = words.pop() if words and words[-1].lower() in {"open", "refused"} else ""
    return _account(verb, words, accounts)._replace(words=kind.lower())


def _order(verb: Verb, words: list[str], _accounts: Collection[str]) -> Command:
    if len(words) != 1 or not _ORDER.fullmatch(words[0].lower()):
        raise BadInput(f"write {usage(verb)}, with an id of /orders")
    return Command(verb, words=words[0].lower())


def _stop(verb: Verb, words: list[str], accounts: Collection[str]) -> Command:
    if verb.name == "flatten" and len(words) == 1 and words[0] not in accounts and _is_code(words[0]):
        return Command(verb, code=words[0].lower())
    account = words.pop(0) if words and words[0] in accounts else ""
    code = words.pop(0).lower() if verb.name != "flatten" and words and _is_code(words[0]) else ""
    return Command(verb, account, code, " ".join(words))


def _is_code(word: str) -> bool:
    return _SHORT_CODE.fullmatch(word.lower()) is not None


def _resume(verb: Verb, words: list[str], accounts: Collection[str]) -> Command:
    account, *rest = words or [""]
    if account not in accounts or not rest:
        raise BadInput(f"write {usage(verb)}; accounts are {', '.join(sorted(accounts))}")
    code = rest.pop(0).lower() if _CODE_OF_RESUME.fullmatch(rest[0].lower()) else ""
    return Command(verb, account, code, " ".join(rest))


_READERS = {
    "nothing": _nothing,
    "account": _account,
    "orders": _orders,
    "order": _order,
    "stop": _stop,
    "resume": _resume,
}
