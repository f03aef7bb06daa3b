"""Generate docs/desk-file.md from the entries of a desk file: every key, its help, and the bounds of its figures."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, get_args, get_origin

import msgspec

from fanfold import desk_entries
from fanfold.desk import Desk
from fanfold_dev.documents.messages import type_name

_HEAD = (
    "# The desk file",
    "",
    "Written from `shared/fanfold/desk_entries.py`; change the field, not this page.",
    "",
    "`desk.toml` says what trades. `fanfold run`, a deploy and back-tests read the same file; `fanfold desk",
    "check` names each key that is wrong, with its line and what would be right, and each limit that is left out.",
    "An entry of each of its tables is `[<table>.<name>]`. An unknown key is an error, and so is a",
    "value that cannot be meant: a limit of 0, a tick that neither divides 1 nor is whole, a timeframe that does",
    "not divide a day. Write a share as `0.05` for 5 %, and basis points as `10` for 0.1 %.",
    "",
)


def desk_file_markdown() -> str:
    """Return the page: a table of keys for each table of the file."""
    return "\n".join([*_HEAD, *_tables()]) + "\n"


def tables() -> dict[str, type[msgspec.Struct]]:
    """Return the struct of each table's entries, by the table's name."""
    return {field.name: get_args(field.type)[1] for field in msgspec.structs.fields(Desk)}


def help_of(field: msgspec.structs.FieldInfo) -> str:
    """Return the description of a key, "" where it has none."""
    metas = [note for note in get_args(field.type)[1:] if isinstance(note, msgspec.Meta)]
    return next((meta.description for meta in metas if meta.description), "")


def _tables() -> Iterator[str]:
    for name, entry in tables().items():
        yield from (f"## {name}", "", (entry.__doc__ or "").strip(), "")
        yield from ("| Key | Type | Default | Unit | Bounds | Meaning |", "| --- | --- | --- | --- | --- | --- |")
        yield from (_row(field) for field in msgspec.structs.fields(entry))
        yield ""


def _row(field: msgspec.structs.FieldInfo) -> str:
    kind = _plain(field.type)
    unit, bounds = _figure(field.name) if kind in {Decimal, int} else ("", "")
    return f"| `{field.name}` | {_type(kind)} | {_default(field)} | {unit} | {bounds} | {help_of(field)} |"


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _type(kind: Any) -> str:
    return "table" if get_origin(kind) is dict else type_name(kind)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return f"`{value}`" if isinstance(value, Decimal) else f"`{msgspec.json.encode(value).decode()}`"


def _figure(key: str) -> tuple[str, str]:
    """Return the unit and the bounds of a figure."""
    bound = desk_entries.bound_of(key)
    most = f"{bound.most:,f}"
    if key in desk_entries.SIGNED:
        return bound.unit, f"-{most} to {most}"
    return bound.unit, f"{'above 0' if key in desk_entries.ABOVE_ZERO else '0'} to {most}"
