"""The output of commands as text for people and as JSON for programs; colour and boxes only on a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TextIO

import msgspec

from fanfold.cli.exit_codes import Exit

GAP = "  "
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Grid(NamedTuple):
    """A table of text; the columns whose numbers are in ``right`` are aligned right."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    right: frozenset[int]


class Answer(NamedTuple):
    """The output of a command: a document for programs, blocks of text for people, and its exit code."""

    document: Any
    blocks: Sequence[str | Grid]
    exit: Exit = Exit.OK


def grid(title: str, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> Grid:
    """Return a table of fields of records; ``columns`` has a field's name and heading; numbers are aligned right."""
    kept = [[row.get(name) for name in columns] for row in rows]
    right = {n for row in kept for n, value in enumerate(row) if isinstance(value, Decimal | int | float)}
    return Grid(title, tuple(columns.values()), [tuple(cell(value) for value in row) for row in kept], frozenset(right))


def cell(value: Any) -> str:
    """Return a value for people: amounts without exponent or trailing zeros, times in UTC to the second."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return amount(value)
        case datetime():
            return moment(value)
        case list() | tuple():
            return ", ".join(map(cell, value))
        case _:
            return str(value)


def amount(value: Decimal) -> str:
    """Return an amount in plain digits.

    >>> amount(Decimal("1.500")), amount(Decimal("1E+3")), amount(Decimal("-0.00"))
    ('1.5', '1000', '0')
    """
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def pairs(values: Mapping[str, Any]) -> str:
    """Return ``name=value`` of each value, separated by blanks."""
    return " ".join(f"{name}={value}" for name, value in values.items())


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def encode(document: Any) -> str:
    """Return indented JSON; amounts are strings."""
    return msgspec.json.format(_encode(document), indent=2).decode()


def show(answer: Answer, *, as_json: bool, out: TextIO) -> None:
    """Write the output of a command to a stream."""
    if as_json:
        out.write(encode(answer.document) + "\n")
    elif answer.blocks and out.isatty():
        _show_rich(answer.blocks, out)
    elif answer.blocks:
        out.write("\n".join(block if isinstance(block, str) else plain(block) for block in answer.blocks) + "\n")


def plain(block: Grid) -> str:
    """Return a table as aligned text, without trailing blanks."""
    rows = [block.columns, *block.rows]
    widths = [max(len(row[n]) for row in rows) for n in range(len(block.columns))]
    lines = [block.title] if block.title else []
    for row in rows:
        cells = (_aligned(text, widths[n], right=n in block.right) for n, text in enumerate(row))
        lines.append(GAP.join(cells).rstrip())
    return "\n".join(lines)


def _aligned(text: str, width: int, *, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)


def _width(text: str) -> int:
    return max(map(len, text.splitlines()), default=0)


def _show_rich(blocks: Sequence[str | Grid], out: TextIO) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=out, highlight=False)
    for block in blocks:
        text = block if isinstance(block, str) else plain(block)
        # A table that is wider than the terminal would be folded inside its numbers; lines fold only at the edge.
        if isinstance(block, str) or _width(text) + len(GAP) * len(block.columns) > console.width:
            console.print(Text(text), soft_wrap=True)
            continue
        table = Table(title=Text(block.title) if block.title else None, title_justify="left", box=SIMPLE_HEAD)
        for n, name in enumerate(block.columns):
            table.add_column(Text(name), justify="right" if n in block.right else "left", overflow="fold")
        for row in block.rows:
            table.add_row(*(Text(text) for text in row))
        console.print(table)
