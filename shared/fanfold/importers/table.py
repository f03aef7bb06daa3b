"""The table that every format is read into, and how a wrong cell of it is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fanfold.errors import BadInput

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Numbers = TypeVar("Numbers", Floats, Integers)

# Numbers taken at once, so that what is computed of them stays in a core's cache.
_BLOCK = 16_384
# Letters of a wrong cell that tell which one it is.
_SHOWN = 40

PRICES = ("open", "high", "low", "close")


class WrongCell(BadInput):
    """A cell of a file that no bar can have, by its row, as an editor counts rows, and its column."""

    def __init__(self, path: Path, row: int, column: str, reason: str) -> None:
        super().__init__(f"{path}: {printable(f'row {row}, column {column}: {reason}')}")
        self.row, self.column, self.reason = row, column, printable(reason)


class RowNumbers(NamedTuple):
    """The numbers of a file's rows as an editor counts them: ``first`` is that of the first bar.

    ``skipped`` are the numbers of lines after it that hold no bar, such as comments, in order.
    """

    first: int = 1
    skipped: tuple[int, ...] = ()

    def of(self, index: int) -> int:
        number = self.first + index
        for line in self.skipped:
            if line > number:
                break
            number += 1
        return number

    def index_of(self, number: int) -> int:
        """Return the index of the bar with a row number."""
        return number - self.first - sum(line < number for line in self.skipped)

    def without(self, number: int) -> "RowNumbers":
        """Return the numbers of the other rows."""
        return RowNumbers(self.first, tuple(sorted((*self.skipped, number))))

    def after(self, count: int) -> "RowNumbers":
        """Return the numbers of the rows behind the first ``count``."""
        first = self.of(count)
        return RowNumbers(first, tuple(line for line in self.skipped if line > first))


class Places(NamedTuple):
    """Meaning -> the file's name of a column. A meaning that the file has no column for is absent.

    ``others`` are further columns of times, in the order of the file; ``ticks`` counts trades where the volume may be
    unknown, as MetaTrader has it.
    """

    of: dict[str, str]
    others: tuple[str, ...] = ()
    ticks: str = ""

    @property
    def wanted(self) -> list[str]:
        """Return the names of the columns to read, each once."""
        return list(dict.fromkeys([*self.of.values(), *self.others, *([self.ticks] if self.ticks else [])]))


class RawTable(NamedTuple):
    """Columns as they stand in a file, and what they mean; ``notes`` say what was skipped or taken for granted."""

    path: Path
    format: str
    rows: RowNumbers
    columns: pa.Table
    places: Places
    notes: tuple[str, ...] = ()


class Column(NamedTuple):
    """A column of a file, and where it stands."""

    path: Path
    name: str
    rows: RowNumbers
    cells: pa.ChunkedArray

    def refuse(self, index: int, reason: str) -> NoReturn:
        refuse_at(self.path, self.rows.of(index), self.name, reason)


class BarTable(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of bars: ``time`` in epoch units of any size, and floats for each price and the volume.

    ``closes`` says that the times are those at which the bars close. ``values`` are empty until the figures are read:
    see ``formats.with_figures``. ``named`` has the distinct entries of the column
    ``named_by``, which names instruments; none where there is no such column. ``inner`` is the name that the bars had
    in their archive.
    """

    path: Path
    inner: str
    format: str
    rows: RowNumbers
    closes: bool
    time: Integers
    time_name: str
    values: dict[str, Floats] = {}
    named_by: str = ""
    named: list[str] = []
    notes: tuple[str, ...] = ()

    def refuse(self, index: int, column: str, reason: str) -> NoReturn:
        refuse_at(self.path, self.rows.of(index), column, reason)


def refuse(path: Path, reason: str) -> NoReturn:
    raise BadInput(f"{path}: {printable(reason)}")


def refuse_at(path: Path, row: int, column: str, reason: str) -> NoReturn:
    raise WrongCell(path, row, column, reason)


def printable(text: str) -> str:
    """Return text on one line, with a mark in place of what a terminal could take for a command."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))


def shown(cell: object) -> str:
    """Return a cell in quotes, its end left out where it is long."""
    text = str(cell)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def blocks_of(column: Numbers) -> Iterator[Numbers]:
    """Return a column, or rows of several, in parts that are views of it."""
    return (column[start : start + _BLOCK] for start in range(0, len(column), _BLOCK))
