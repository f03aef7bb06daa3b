"""Changes of a desk file that a ticket proposes: what comes of them, and what may allow more afterwards."""

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError

from fanfold import desk
from fanfold.cli.assistants.tickets import DeskChange
from fanfold.desk import Desk, Limits
from fanfold.errors import BadInput, shown
from fanfold.local.desk_text import read_desk

CHANGES_MAX = 40
# Figures of which a smaller one allows less, whatever else the desk file says.
SMALLER_IS_LESS = frozenset({*Limits.__struct_fields__, "allocation"})


def changed(text: str, changes: Sequence[DeskChange], source: str) -> str:
    """Return a desk file's text after changes. Raises BadInput for a key there is none of, and for real money."""
    real = [change.key for change in changes if change.value == "live"]
    if real:
        raise BadInput(f"{real[0]} = live is real money: a person writes that into the desk file")
    if not 0 < len(changes) <= CHANGES_MAX:
        raise BadInput(f"a ticket changes 1 to {CHANGES_MAX} keys of the desk file, not {len(changes)}")
    try:
        document = tomlkit.parse(text)
        for change in changes:
            _put(document, change)
        result = tomlkit.dumps(document)
    except BadInput:
        raise
    except (TOMLKitError, TypeError, AttributeError, ValueError) as wrong:
        raise BadInput(f"the desk file {source} cannot be changed so: {wrong}") from wrong
    entries_of(result, source)
    return result


def entries_of(text: str, source: str) -> Desk:
    """Return the entries of a desk file. No strategy is loaded: `fanfold desk check` holds them against each other."""
    return desk.entries(desk.tables(text, source), source)


def difference(before: str, after: str, name: str) -> list[str]:
    """Return the lines that change, with two lines around them."""
    return list(unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="", n=2))


def widened(before: Desk, after: Desk) -> Iterator[str]:
    """Yield every entry that is new, and every value that changes, but for figures that only allow less."""
    for table in Desk.__struct_fields__:
        known = getattr(before, table)
        for name, entry in getattr(after, table).items():
            yield from _wider(f"{table}.{name}", known.get(name), entry)


def _wider(path: str, before: msgspec.Struct | None, now: msgspec.Struct) -> Iterator[str]:
    if before is None:
        yield f"{path} is new"
        return
    for name in now.__struct_fields__:
        old, new = getattr(before, name), getattr(now, name)
        if old != new and not (name in SMALLER_IS_LESS and new < old):
            yield f"{path}.{name} from {shown(old)} to {shown(new)}"


def text_of(path: Path) -> tuple[str, str]:
    """Return the text of a desk file, and its SHA-256."""
    text = read_desk(path)
    return text, digest(text)


def digest(text: str) -> str:
    """Return the SHA-256 of a text as it is stored."""
    return sha256(text.encode()).hexdigest()


def _put(document: Any, change: DeskChange) -> None:
    table, (*parents, name) = document, _parts(change.key)
    for parent in parents:
        if not hasattr(table, "keys") or parent not in table:
            raise BadInput(f"the desk file has no table {'.'.join(parents)!r}, of which {change.key!r} would be a key")
        table = table[parent]
    if change.value is None:
        if name not in table:
            raise BadInput(f"the desk file has no {change.key!r}")
        del table[name]
        return
    table[name] = change.value


def _parts(key: str) -> list[str]:
    """Return the parts of a dotted key; instruments are quoted, as in TOML."""
    try:
        parsed: Any = tomlkit.parse(f"{key} = 0")
    except TOMLKitError as wrong:
        raise BadInput(f"{key!r} is no key of a desk file, such as limits.main.gross_max: {wrong}") from wrong
    parts = []
    while hasattr(parsed, "keys"):
        if len(parsed) != 1:
            raise BadInput(f"{key!r} is no key of a desk file, such as limits.main.gross_max")
        ((name, parsed),) = parsed.items()
        parts.append(str(name))
    return parts
