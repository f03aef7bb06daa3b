"""Bars in JSON: what exchanges answer, what pandas and freqtrade write, and a bar a line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from fanfold.errors import BadInput
from fanfold.importers import columns, text
from fanfold.importers.table import PRICES, Places, RawTable, RowNumbers, refuse, shown

Rows = list[Any]
# Length of a bar -> whose it can be, and the names of what it holds. Of several, the first that makes bars possible.
_LISTS: dict[int, tuple[tuple[str, tuple[str, ...]], ...]] = {
    6: (
        ("json", ("time", *PRICES, "volume")),
        ("coinbase json", ("time", "low", "high", "open", "close", "volume")),
        ("bitfinex json", ("time", "open", "close", "high", "low", "volume")),
    ),
    7: (
        ("json", ("time", *PRICES, "volume", "turnover")),
        ("kucoin json", ("time", "open", "close", "high", "low", "volume", "turnover")),
    ),
    8: (
        ("kraken json", ("time", *PRICES, "average", "volume", "trades")),
        ("mexc json", ("time", *PRICES, "volume", "end", "quote asset")),
        ("gate json", ("time", "quote asset", "close", "high", "low", "open", "volume", "closed")),
    ),
    9: (("okx json", ("time", *PRICES, "volume", "volume ccy", "volume quote", "confirm")),),
    12: (
        (
            "binance json",
            ("time", *PRICES, "volume", "end", "quote asset", "trades", "taker base", "taker quote", "ignore"),
        ),
    ),
}
# Where answers keep their bars, from the outside in.
_INSIDE = ("result", "data", "Data", "list", "ohlc", "candles", "klines", "rows", "bars", "values", "items")
_DEPTH = 4
# Where an answer says why it has no bars.
_COMPLAINTS = ("msg", "message", "retMsg", "error")


def load(path: Path, body: bytes, mapping: Mapping[str, str], base: str) -> RawTable:
    """Return the columns of a JSON file. Raises BadInput, which names the row, for one that holds no bars."""
    decoded = text.decode(path, body)
    rows = _rows(path, _decoded(path, decoded.body))
    if isinstance(rows[0], dict):
        form, names = "json records", list(rows[0])
    elif mapping:
        form, names = "json", [f"column {number}" for number in range(1, len(rows[0]) + 1)]
    else:
        form, names = _names(path, rows)
    places = columns.places(path, names, mapping, base)
    table = _records(path, rows, places) if isinstance(rows[0], dict) else _lists(path, rows, names)
    return RawTable(path, form, RowNumbers(), table, places, decoded.notes)


def _decoded(path: Path, body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as whole:
        # A value a line is no JSON as a whole.
        if b"\n" not in body.strip():
            refuse(path, f"the JSON cannot be read: {whole}")
    rows = []
    for number, line in enumerate(body.split(b"\n"), 1):
        try:
            rows += [msgspec.json.decode(line)] if line.strip() else []
        except msgspec.DecodeError as wrong:
            refuse(path, f"the JSON cannot be read: line {number}: {wrong}")
    return rows


def _rows(path: Path, value: Any) -> Rows:
    """Return the list of bars inside of a value, each a list or an object with the names of its columns."""
    complaint = _complaint(value)
    for _ in range(_DEPTH):
        if isinstance(value, list) and value and isinstance(value[0], list | dict):
            return value
        if not isinstance(value, dict):
            break
        if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
            return _split(path, value)
        if columns.known(list(value)) >= 3:
            return _by_column(path, value)
        value = _inside(value)
    raise BadInput(
        f"{path}: the JSON is not a list of bars [time, open, high, low, close, volume], nor of objects with such names"
        f"{complaint}"
    )


def _complaint(answer: Any) -> str:
    """Return what an exchange answers in place of bars, as the end of a sentence."""
    texts = (answer.get(name) for name in _COMPLAINTS) if isinstance(answer, dict) else ()
    return next((f"; it says {shown(text)}" for text in texts if text), "")


def _inside(value: Mapping[str, Any]) -> Any:
    """Return what an answer wraps: what a known name has, else its one list."""
    for name in _INSIDE:
        if isinstance(value.get(name), list | dict):
            return value[name]
    lists = [entry for entry in value.values() if isinstance(entry, list)]
    return lists[0] if len(lists) == 1 else None


def _split(path: Path, value: Mapping[str, Any]) -> Rows:
    """Return the rows of pandas' form ``split``, with the index as a time where no column is one."""
    names, rows, index = value["columns"], value["data"], value.get("index")
    if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
        refuse(path, f"the rows under `data` are not as long as its columns: {', '.join(map(str, names))}")
    records = [dict(zip(map(str, names), row, strict=True)) for row in rows]
    if isinstance(index, list) and len(index) == len(records):
        records = [{"index": at, **row} for at, row in zip(index, records, strict=True)]
    return records


def _by_column(path: Path, value: Mapping[str, Any]) -> Rows:
    """Return the rows of columns: each a list, or pandas' objects by index."""
    names = [name for name, cells in value.items() if isinstance(cells, list | dict)]
    if all(isinstance(value[name], list) for name in names):
        if len({len(value[name]) for name in names}) > 1:
            refuse(path, f"its columns are not as long as each other: {_lengths(value, names)}")
        return [dict(zip(names, cells, strict=False)) for cells in zip(*(value[name] for name in names), strict=False)]
    index = list(value[names[0]])
    rows = [{name: value[name].get(at) for name in names} for at in index]
    return [{"index": at, **row} for at, row in zip(index, rows, strict=True)]


def _lengths(value: Mapping[str, Any], names: Sequence[str]) -> str:
    return ", ".join(f"{name} has {len(value[name])}" for name in names)


def _records(path: Path, rows: Rows, places: Places) -> pa.Table:
    for number, row in enumerate(rows, 1):
        lacking = next((name for name in places.wanted if not isinstance(row, dict) or name not in row), None)
        if lacking is not None:
            refuse(path, f"row {number}: it has no {lacking}")
    return pa.table({name: _column([row[name] for row in rows]) for name in places.wanted})


def _lists(path: Path, rows: Rows, names: Sequence[str]) -> pa.Table:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != len(names):
            refuse(path, f"row {number}: it is not a list of {', '.join(names)}")
    return pa.table([_column(list(cells)) for cells in zip(*rows, strict=True)], names=list(names))


def _names(path: Path, rows: Rows) -> tuple[str, list[str]]:
    """Return whose lists they are, and their names: by their length, and by which order makes bars possible."""
    length = len(rows[0])
    if length not in _LISTS:
        counts = ", ".join(map(str, _LISTS))
        refuse(
            path,
            f"row 1: it is not a list of time, open, high, low, close, volume; it has {length} entries, and {counts} "
            "are known. Say which is which by its number: --columns time=1,open=2,high=3,low=4,close=5,volume=6",
        )
    readings = _LISTS[length]
    form, names = next((reading for reading in readings if _possible(rows, reading[1])), readings[0])
    return form, list(names)


def _possible(rows: Rows, names: Sequence[str]) -> bool:
    """Return whether every bar can be one in this order of entries."""
    inside = [names.index(name) for name in ("open", "close", "average") if name in names]
    high, low = names.index("high"), names.index("low")
    try:
        return all(_lies_within([float(row[at]) for at in inside], float(row[low]), float(row[high])) for row in rows)
    except (TypeError, ValueError, IndexError):
        return False


def _lies_within(prices: Sequence[float], low: float, high: float) -> bool:
    """Return whether prices lie from low to high; Kraken's average of a bar without trades is 0."""
    return all(low <= price <= high or price == 0 for price in prices)


def _column(cells: Sequence[object]) -> pa.Array:
    """Numbers as they are; a column with anything else in it as text, so that the reader can name the cell."""
    if all(isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) < 2**63 for cell in cells):
        return pa.array(cells, pa.int64())
    if all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells):
        return pa.array([float(str(cell)) for cell in cells], pa.float64())
    return pa.array([str(cell) for cell in cells], pa.string())
