"""Which column is which, and the numbers and times in a column."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fanfold.importers.table import PRICES, BarTable, Floats, refuse, refuse_at

_ALIASES = {
    "time": ("time", "date", "datetime", "timestamp", "ts", "open_time", "opentime", "open time", "unix", "start", "t"),
    "closes": ("close_time", "closetime", "close time", "closes_at"),
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price"),
    "low": ("low", "l", "low_price"),
    "close": ("close", "c", "close_price"),
    "volume": ("volume", "v", "vol", "base_volume", "volume_base"),
}
# Columns that say whose bars they are.
_NAMES = ("symbol", "ticker", "pair", "instrument", "instrument_name", "inst_id", "instid", "market", "coin", "asset")
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def table_of(path: Path, table: pa.Table, format_name: str, first_row: int) -> BarTable:
    """The columns wanted out of an Arrow table, found by their names in any case."""
    if table.num_rows == 0:
        refuse(path, "it has no rows")
    places = _places(path, table.column_names)
    time_name = places.get("time", places.get("closes", ""))
    named_by = next((name for name in table.column_names if name.strip().lower() in _NAMES), "")
    return BarTable(
        path=path,
        format=format_name,
        first_row=first_row,
        closes="time" not in places,
        time=_times(path, table[time_name], time_name, first_row),
        named_by=named_by,
        named=_names(table[named_by]) if named_by else [],
        values={column: _numbers(path, table[places[column]], column, first_row) for column in (*PRICES, "volume")},
    )


def _names(column: pa.ChunkedArray) -> list[str]:
    return [str(name).strip() for name in pc.unique(column.combine_chunks()).to_pylist()]


def _places(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Meaning -> the file's name of the column."""
    if len({name.strip().lower() for name in names}) != len(names):
        refuse(path, f"two columns have one name: {', '.join(names)}")
    by_name = {name.strip().lower(): name for name in names}
    places = {
        meaning: by_name[alias]
        for meaning, aliases in _ALIASES.items()
        for alias in reversed(aliases)
        if alias in by_name
    }
    missing = [column for column in (*PRICES, "volume") if column not in places]
    if "time" not in places and "closes" not in places:
        missing = ["time", *missing]
    if missing:
        refuse(path, f"column {', '.join(missing)} is missing; the file has {', '.join(names)}")
    return places


def _numbers(path: Path, column: pa.ChunkedArray, name: str, first_row: int) -> Floats:
    """A column as floats, each finite; the first cell that is not is named."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.utf8_trim_whitespace(column)
    try:
        numbers: Floats = pc.cast(column, pa.float64(), safe=False).to_numpy()
    except pa.ArrowException as wrong:
        _refuse_text(path, column.to_pylist(), name, first_row)
        refuse(path, f"column {name}: {wrong}")
    endless = np.flatnonzero(~np.isfinite(numbers))
    if endless.size:
        index = int(endless[0])
        refuse_at(path, index + first_row, name, f"{column[index]} is not a finite number")
    return numbers


def _refuse_text(path: Path, cells: Sequence[object], name: str, first_row: int) -> None:
    for index, cell in enumerate(cells):
        try:
            float(str(cell))
        except ValueError:
            refuse_at(path, index + first_row, name, f"{cell!r} is not a number")


def _times(path: Path, column: pa.ChunkedArray, name: str, first_row: int) -> list[int]:
    if column.null_count:
        refuse_at(path, column.is_null().to_pylist().index(True) + first_row, name, "the time is empty")
    kind = column.type
    if pa.types.is_timestamp(kind):
        raw: list[int] = pc.cast(column, pa.int64()).to_pylist()
        # A stored unit is known, not guessed: seconds where they say all, else the finest unit that any file has.
        unit = _UNITS[kind.unit]
        return [value // unit if value % unit == 0 else value * (10**9 // unit) for value in raw]
    return [_time(path, cell, name, index + first_row) for index, cell in enumerate(_whole(column).to_pylist())]


def _whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers in a text or float column as integers where all of them are; as it is where not."""
    try:
        return pc.cast(column, pa.int64())
    except pa.ArrowException:
        return column


def _time(path: Path, cell: object, name: str, row: int) -> int:
    if isinstance(cell, int):
        return cell
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return int(datetime.combine(cell, time(), UTC).timestamp())
    text = str(cell).strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _number_time(path, text, name, row)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = int(moment.timestamp())
    return seconds if moment.microsecond == 0 else seconds * 10**6 + moment.microsecond


def _number_time(path: Path, text: str, name: str, row: int) -> int:
    try:
        number = float(text)
    except ValueError:
        reason = f"{text!r} is no time; write epoch s, ms, us or ns, or ISO such as 2026-01-31T23:59:00Z"
        refuse_at(path, row, name, reason)
    if not number.is_integer():
        refuse_at(path, row, name, f"{text} is not a whole number of seconds, ms, us or ns")
    return int(number)
