"""Workbooks: the sheet that holds a table of bars."""

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa

from fanfold.errors import BadInput
from fanfold.importers import columns
from fanfold.importers.table import RawTable, RowNumbers, refuse

_LOOK = 30
# So many prices under known names are a header.
_SURE = 3


def load(path: Path, body: bytes, mapping: Mapping[str, str], base: str) -> RawTable:
    """Return the columns of an Excel file. Raises BadInput, which says how to get it, where its reader is missing."""
    sheets = _sheets(path, body)
    headers = {name: number for name, rows in sheets.items() if (number := _header(rows, mapping)) is not None}
    if not headers:
        raise BadInput(f"{path}: none of its sheets ({', '.join(sheets)}) has a row with the names of a bar's columns")
    if len(headers) > 1:
        refuse(path, f"its sheets {', '.join(headers)} all hold bars: save the one that you mean as a file of its own")
    ((name, number),) = headers.items()
    rows = sheets[name]
    return _table(path, name, [str(cell) for cell in rows[number]], number, rows, mapping, base)


def _header(rows: Sequence[Sequence[Any]], mapping: Mapping[str, str]) -> int | None:
    """Return which row of a sheet, from 0, names the columns of bars; None where none does."""
    for number, row in enumerate(rows[:_LOOK]):
        names = [str(cell) for cell in row]
        if columns.known(names) >= _SURE or (mapping and set(mapping.values()) & set(names)):
            return number
    return None


def _sheets(path: Path, body: bytes) -> dict[str, Sequence[Sequence[Any]]]:
    try:
        # An extra: nobody else needs it.
        import python_calamine  # noqa: PLC0415
    except ModuleNotFoundError:
        refuse(path, "this is an Excel file: `pip install python-calamine` reads it, or save it as CSV")
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body))
        return {name: workbook.get_sheet_by_name(name).to_python() for name in workbook.sheet_names}
    except python_calamine.CalamineError as wrong:
        raise BadInput(f"{path}: the Excel file cannot be read: {wrong}") from wrong


def _table(
    path: Path,
    sheet: str,
    names: Sequence[str],
    number: int,
    rows: Sequence[Sequence[Any]],
    mapping: Mapping[str, str],
    base: str,
) -> RawTable:
    places = columns.places(path, names, mapping, base)
    bars = [row for row in rows[number + 1 :] if any(cell != "" for cell in row)]
    table = pa.table({name: _column([row[names.index(name)] for row in bars]) for name in places.wanted})
    return RawTable(path, "excel", RowNumbers(number + 2), table, places, (f"sheet {sheet}",))


def _column(cells: Sequence[object]) -> pa.Array:
    """Cells of one kind as they are; any others as text, so that the reader can name the one that is none."""
    if any(isinstance(cell, date) for cell in cells):
        # A time at midnight comes as a date.
        cells = [datetime.combine(cell, time()) if type(cell) is date else cell for cell in cells]
    try:
        return pa.array(cells)
    except (pa.ArrowException, TypeError):
        return pa.array([str(cell) for cell in cells], pa.string())
