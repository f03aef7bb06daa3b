"""The formats a file can have, told apart by its first bytes, and each read into bars' columns."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import feather, parquet

from fanfold.errors import BadInput
from fanfold.importers import (
    columns,
    containers,
    csv_files,
    excel_files,
    json_files,
    lake_days,
    numbers,
    symbols,
    times,
)
from fanfold.importers.checking import per_second
from fanfold.importers.containers import Content
from fanfold.importers.table import PRICES, BarTable, Column, Floats, Integers, Places, RawTable, RowNumbers, refuse
from fanfold.market.timeframes import DAY_S

_ARROW = (b"ARROW1", b"FEA1", b"PAR1")
# LEAN names a file of a day's minutes, seconds or ticks by the day: 20260301_trade.zip, ..._btcusd_minute_trade.csv.
_LEAN_DAY = re.compile(r"(\d{8})_(?:\w+_)?(?:minute_)?trade\b.*")
# Smaller numbers, such as those of an index, count rows.
_EARLIEST = 10**8


class Loaded(NamedTuple):
    """A file whose times are read, and the columns that its figures are read from."""

    table: BarTable
    raw: RawTable


def load(path: Path, mapping: Mapping[str, str], symbol: str) -> Loaded:
    """Return the times of a file's bars. Raises BadInput for one that no format reads, with the place and the cure.

    ``mapping`` says which column is which where names do not; ``symbol`` is the instrument as far as it is known.
    """
    return timed(*raw_of(path, mapping, symbol))


def raw_of(path: Path, mapping: Mapping[str, str], symbol: str) -> tuple[RawTable, str]:
    """Return a file's columns as they stand in it, and the name that it had in its archive. Raises BadInput as load."""
    if lake_days.is_lake(path):
        return lake_days.load(path, symbol), path.name
    content = containers.unpack(path)
    base = (symbol or symbols.named(Path(content.name))).partition("/")[0]
    raw = _raw(path, content, mapping, base)
    if not raw.columns.num_rows:
        refuse(path, "it has no rows")
    return raw._replace(format=content.prefix + raw.format), content.name


def with_figures(loaded: Loaded, rows: slice) -> BarTable:
    """Return the bars of some rows, in the order of the file, with prices and volumes."""
    table = loaded.table
    begin, end, _ = rows.indices(len(table.time))
    columns_of = loaded.raw.columns.slice(begin, end - begin)
    raw = loaded.raw._replace(columns=columns_of, rows=loaded.raw.rows.after(begin))
    values, notes = _figures(raw)
    notes = [*table.notes, *notes]
    return msgspec.structs.replace(table, rows=raw.rows, time=table.time[rows], values=values, notes=tuple(notes))


def _raw(path: Path, content: Content, mapping: Mapping[str, str], base: str) -> RawTable:
    body = content.body
    if body.startswith(_ARROW):
        return _arrow(path, body, mapping, base)
    if containers.is_excel(body):
        return excel_files.load(path, body, mapping, base)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return json_files.load(path, body, mapping, base)
    return csv_files.load(path, body, mapping, base, _lean_day(path, content.name))


def _lean_day(path: Path, name: str) -> int | None:
    """Return the midnight (epoch seconds) of the day in a LEAN file's name; None for any other file."""
    for candidate in (name, path.name):
        if match := _LEAN_DAY.fullmatch(candidate.lower()):
            return int(datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).timestamp())
    return None


def _arrow(path: Path, body: bytes, mapping: Mapping[str, str], base: str) -> RawTable:
    name = "parquet" if body.startswith(b"PAR1") else "feather"
    try:
        source = pa.BufferReader(body)
        table = parquet.ParquetFile(source).read() if name == "parquet" else feather.read_table(source)
        # A damaged file can hold text that is none.
        table.validate(full=True)
        names = table.column_names
    except (pa.ArrowException, OSError, ValueError) as wrong:
        refuse(path, f"the {name} file cannot be read ({wrong}); download it again")
    if columns.known(names) < len(PRICES) and not mapping and table.num_rows == 0:
        refuse(path, "it has no rows")
    places = columns.places(path, names, mapping, base)
    return RawTable(path, name, RowNumbers(), table.select(places.wanted), places)


def _figures(raw: RawTable) -> tuple[dict[str, Floats], list[str]]:
    """Return prices and volumes, and what to say of them."""
    places, notes = raw.places, []
    figures = [_column(raw, places.of[name]) for name in (*PRICES, "volume") if name in places.of]
    numbers.refuse_mixed(figures)
    values = {name: numbers.floats(_column(raw, places.of[name])) for name in PRICES}
    if "volume" in places.of:
        values["volume"] = numbers.floats(_column(raw, places.of["volume"]), volume=True)
        if places.ticks and not values["volume"].any():
            values["volume"] = numbers.floats(_column(raw, places.ticks), volume=True)
            notes.append(f"column {places.of['volume']} is all 0: {places.ticks}, a count of trades, is taken for it")
    return values, notes


def timed(raw: RawTable, inner: str) -> Loaded:
    """Return the times of the bars in a file's columns. Raises BadInput for a cell that is no time."""
    places = raw.places
    time, notes = _times(raw, places)
    named_by = places.of.get("symbol", "")
    table = BarTable(
        path=raw.path,
        inner=inner,
        format=raw.format,
        rows=raw.rows,
        closes="time" not in places.of,
        time=time,
        time_name=places.of.get("time", places.of.get("closes", "")),
        named_by=named_by,
        named=_names(raw.columns[named_by]) if named_by else [],
        notes=(*raw.notes, *notes),
    )
    return Loaded(table, raw)


def _column(raw: RawTable, name: str) -> Column:
    return Column(raw.path, name, raw.rows, raw.columns[name])


def _names(cells: pa.ChunkedArray) -> list[str]:
    return [str(name).strip() for name in pa.compute.unique(cells.combine_chunks()).to_pylist()]


def _times(raw: RawTable, places: Places) -> tuple[Integers, list[str]]:
    """Return the times of a file: one column, or a date and a time of day; and what further columns tell otherwise."""
    name = places.of.get("time", places.of.get("closes", ""))
    others = [other for other in places.others if other in raw.columns.column_names]
    clock = places.of.get("clock") or _clock(raw, name, others)
    if clock:
        days_by, clock = (clock, name) if times.holds_clocks(raw.columns[name]) else (name, clock)
        days = times.epochs(_column(raw, days_by))
        if not np.any(days % DAY_S):
            return days + times.seconds_of_day(_column(raw, clock)), []
        others = [other for other in others if other != clock]
    epochs = times.epochs(_column(raw, name))
    return epochs, [note for other in others for note in _apart(raw, name, epochs, other)]


def _clock(raw: RawTable, name: str, others: list[str]) -> str:
    """Return the column that holds the other half of a date and a time of day; empty where one column holds both."""
    if times.holds_clocks(raw.columns[name]):
        return others[0] if others else ""
    halves = (other for other in others if columns.plain(other) in {"time", "hour", "clock"})
    return next((other for other in halves if times.is_time_of_day(raw.columns[name], raw.columns[other])), "")


def _apart(raw: RawTable, name: str, epochs: Integers, other: str) -> list[str]:
    """Say where another column of times tells other ones than the one that counts."""
    try:
        also = times.epochs(_column(raw, other))
    except BadInput:
        return []
    own, others = epochs // per_second(epochs), also // per_second(also)
    if others.min() < _EARLIEST:
        return []
    differ = np.flatnonzero(own != others)
    if not differ.size:
        return []
    hours = float(others[differ[0]] - own[differ[0]]) / 3_600
    where = f"first in row {raw.rows.of(int(differ[0]))}"
    return [f"columns {name} and {other} tell times that are {abs(hours):g} h apart, {where}: {name} counts"]
