"""The table that every format is read into, and how a wrong cell of it is named."""

from pathlib import Path
from typing import NoReturn

import msgspec
import numpy as np
from numpy.typing import NDArray

from fanfold.errors import BadInput

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PRICES = ("open", "high", "low", "close")


class BarTable(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of a file as they stand in it: ``time`` in epoch units of any size, and a float column for each value.

    ``first_row`` is the number of the first bar's row as an editor or a reader of the format counts, ``closes`` says
    that the times are those at which the bars close. ``named`` has the distinct entries of the column ``named_by``,
    which names instruments; none where there is no such column.
    """

    path: Path
    format: str
    first_row: int
    closes: bool
    time: list[int]
    values: dict[str, Floats]
    named_by: str = ""
    named: list[str] = []

    def refuse(self, index: int, column: str, reason: str) -> NoReturn:
        refuse_at(self.path, index + self.first_row, column, reason)


def refuse(path: Path, reason: str) -> NoReturn:
    raise BadInput(f"{path}: {reason}")


def refuse_at(path: Path, row: int, column: str, reason: str) -> NoReturn:
    raise BadInput(f"{path}: row {row}, column {column}: {reason}")
