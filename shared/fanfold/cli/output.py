"""The output of commands as text for people and as JSON for programs; colour and boxes only on a terminal."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import msgspec

from fanfold.cli.exit_codes import Exit
from fanfold.local.error_output import visible
from fanfold.money import amount

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

GAP = "  "
# A sign before a figure that stands alone: dates and ids have none.
_PROFIT = r"(?<!\S)\+\d[\d,.]*%?"
_LOSS = r"(?<!\S)-\d[\d,.]*%?"
_MONEY = re.compile(r"[+-]?\d[\d,]*\.\d+%?")
_ALARM = r"\b(?:HALTED|FLATTENING|REDUCE_ONLY|REFUSED|FAILED|INTERRUPTED|DO NOT BALANCE)\b"
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
    right = {n for row in kept for n, value in enumerate(row) if _is_figure(value)}
    return Grid(title, tuple(columns.values()), [tuple(cell(value) for value in row) for row in kept], frozenset(right))


def _is_figure(value: Any) -> bool:
    """Return whether a value is a number, or money that was rounded for people."""
    return isinstance(value, Decimal | int | float) or (isinstance(value, str) and bool(_MONEY.fullmatch(value)))


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


def share(value: Decimal | float, *, sign: bool = False) -> str:
    """Return a share as a percentage; with ``sign``, one above zero has a plus.

    >>> share(Decimal("0.0125"), sign=True), share(0.5), share(Decimal("-0.00001"), sign=True)
    ('+1.25%', '50.00%', '0.00%')
    """
    text = f"{value:.2%}"
    if text == "-0.00%":
        return "0.00%"
    return f"+{text}" if sign and value > 0 and text != "0.00%" else text


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
        out.write("\n".join(map(plain, answer.blocks)) + "\n")


def plain(block: str | Grid) -> str:
    """Return a block as text: a table aligned, without trailing blanks."""
    if isinstance(block, str):
        return block
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
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    write_blocks(blocks, Console(file=out, highlight=False))


def write_blocks(blocks: Sequence[str | Grid], console: "Console") -> None:
    """Write blocks on a console: in colour, and tables with lines, where it is a terminal."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415

    for block in blocks:
        text = plain(block)
        # A table that is wider than the terminal would be folded inside its numbers; lines fold only at the edge.
        if (
            isinstance(block, str)
            or not console.is_terminal
            or _width(text) + len(GAP) * len(block.columns) > console.width
        ):
            console.print(_coloured(text), soft_wrap=True)
            continue
        table = Table(
            title=_coloured(block.title) if block.title else None, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1)
        )
        for n, name in enumerate(block.columns):
            table.add_column(_coloured(name), justify="right" if n in block.right else "left", overflow="fold")
        for row in block.rows:
            table.add_row(*map(_coloured, row))
        console.print(table)


def _coloured(text: str) -> "Text":
    """Return text with profits in green, and losses and what does not trade in red."""
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    coloured = Text(visible(text))
    coloured.highlight_regex(_PROFIT, "green")
    coloured.highlight_regex(_LOSS, "red")
    coloured.highlight_regex(_ALARM, "bold red")
    return coloured
