"""Prices and volumes as files write them, as floats."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fanfold.importers.table import Column, Floats, shown

# Python's own reading takes 1_000 and other digits, too.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
# Of the same length, and with the point and the comma the other way round: 67.000,12.
_DECIMAL_COMMA = re.compile(r"-?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?", re.ASCII)
# What else sets thousands apart: 67'000.12, or a blank that does not break.
_APART = re.compile("(?<=\\d)['\u2019\u00a0\u202f](?=\\d{3}(?!\\d))")
_SUFFIXED = re.compile(r"(-?\d+(?:\.\d+)?)([KMBT])")
_SUFFIXES = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def floats(column: Column, *, volume: bool = False) -> Floats:
    """Return a column as floats, each finite. Raises BadInput, which names the first cell that is not.

    Thousands may be set apart by commas where a point in the column tells that they are no decimals, and decimals by a
    comma where a cell such as 67000,12 tells that it parts no thousands; a volume may end in K, M, B or T.
    """
    cells = column.cells
    if pa.types.is_boolean(cells.type):
        column.refuse(0, f"{cells[0]} is not a number")
    if pa.types.is_floating(cells.type) and not cells.null_count:
        numbers: Floats = np.asarray(cells.cast(pa.float64()))
    else:
        numbers = _cast(column, volume=volume)
    endless = np.flatnonzero(~np.isfinite(numbers))
    if endless.size:
        index = int(endless[0])
        column.refuse(index, f"{cells[index]} is not a finite number")
    return numbers


def refuse_mixed(columns: Sequence[Column]) -> None:
    """Raise BadInput where a column has decimal commas and another one points, which can set thousands apart there."""
    written = [column for column in columns if _is_text(column.cells.type)]
    telling = {column.name for column in written if _has_decimal_commas(column)}
    for column in written if telling else ():
        pointed = pc.index(pc.match_substring(column.cells, "."), True).as_py()
        if pointed >= 0 and column.name not in telling:
            reason = f"can be thousands or decimals, for column {min(telling)} has decimal commas"
            column.refuse(pointed, f"{shown(column.cells[pointed].as_py())} {reason}")


def _has_decimal_commas(column: Column) -> bool:
    # Few files have commas in figures: those without are not made Python's texts.
    has_commas = pc.any(pc.match_substring(column.cells, ",")).as_py()
    return bool(has_commas) and _tells_decimal_commas(list(map(str, column.cells.to_pylist())))


def _tells_decimal_commas(cells: Sequence[str]) -> bool:
    """Return whether a cell such as 67000,12 or 67.000,12 tells what the commas and points of a column are."""
    plain = [_APART.sub("", cell.strip()) for cell in cells]
    commas = [cell for cell in plain if "," in cell]
    if not commas or all(map(_THOUSANDS.fullmatch, commas)):
        return False
    return all(map(_DECIMAL_COMMA.fullmatch, plain))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _cast(column: Column, *, volume: bool) -> Floats:
    cells = column.cells
    if pa.types.is_decimal(cells.type):
        # By its digits: Arrow's own way from decimals to doubles is off in the last place.
        cells = pc.cast(cells, pa.string())
    if _is_text(cells.type):
        cells = pc.utf8_trim_whitespace(cells)
    try:
        numbers: Floats = pc.cast(cells, pa.float64(), safe=False).to_numpy()
    except pa.ArrowException:
        return np.array(_read(column, [str(cell) for cell in cells.to_pylist()], volume=volume))
    return numbers


def _read(column: Column, cells: Sequence[str], *, volume: bool) -> list[float]:
    cells = [_APART.sub("", cell) for cell in cells]
    commas = [cell for cell in cells if "," in cell]
    if _tells_decimal_commas(cells):
        # A cell such as 67000,12 or 67.000,12 tells it for the column.
        cells = [cell.replace(".", "").replace(",", ".") for cell in cells]
        commas = []
    # Of 67,000 alone nobody knows whether it is a thousand times 67.
    thousands = all(map(_THOUSANDS.fullmatch, commas)) and any("." in cell or cell.count(",") > 1 for cell in commas)
    return [_number(column, index, cell, thousands=thousands, volume=volume) for index, cell in enumerate(cells)]


def _number(column: Column, index: int, cell: str, *, thousands: bool, volume: bool) -> float:
    text = cell.replace(",", "") if thousands else cell
    suffixed = _SUFFIXED.fullmatch(text.upper()) if volume else None
    if suffixed:
        return float(suffixed[1]) * _SUFFIXES[suffixed[2]]
    if not _NUMBER.fullmatch(text):
        hint = "; leave the commas out, for they can be thousands or decimals" if "," in cell else ""
        column.refuse(index, f"{shown(cell)} is not a number{hint}")
    return float(text)
