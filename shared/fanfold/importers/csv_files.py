"""Text of rows and columns: where its header is, what parts the columns, and its cells as Arrow columns."""

import csv as lines_of
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyarrow import csv

from fanfold.errors import BadInput
from fanfold.importers import columns, line_shapes, text
from fanfold.importers.table import PRICES, Places, RawTable, RowNumbers, refuse, shown

_KRAKEN = ("time", "open", "high", "low", "close", "volume", "trades")
# Kinds of the first cells of a file without a header, and its columns: a Time, a text (S), a Number.
_HEADERLESS: dict[str, tuple[str, tuple[str, ...]]] = {
    "TNNNNN": ("csv", _KRAKEN[:6]),
    "TNNNNNN": ("kraken csv", _KRAKEN),
    "TNNNNNNNNNNN": (
        "binance csv",
        (*_KRAKEN[:6], "end", "quote asset", "trades", "taker base", "taker quote", "ignore"),
    ),
    "TSNNNNNNN": ("bybit csv", ("time", "symbol", "interval", "open", "high", "low", "close", "volume", "turnover")),
    "TCNNNNN": ("metatrader csv", ("date", "time", *PRICES, "volume")),
}
_DELIMITERS = ",;\t|"
_LOOK = 30
# What Arrow parses as one block. Threads gain nothing there, and those that begin while the process ends abort it.
_BLOCK = 1 << 20


class Layout(NamedTuple):
    """The layout of a file: ``skip`` lines precede the first bar, a header among them where there is one."""

    format: str
    delimiter: str
    names: list[str]
    places: Places
    skip: int
    notes: tuple[str, ...] = ()


def load(path: Path, body: bytes, mapping: Mapping[str, str], base: str, lean_day: int | None) -> RawTable:
    """Return the columns of a text file. Raises BadInput, with row and column, for one that is no table of bars.

    ``lean_day`` is the midnight (epoch seconds) that LEAN's milliseconds count from, where its name tells one.
    """
    decoded = text.decode(path, body)
    content, skipped = text.without_comments(decoded.body)
    content = line_shapes.with_commas(content)
    layout = _layout(path, text.lines(content, _LOOK), mapping, base, lean=lean_day is not None)
    time_at = layout.names.index(layout.places.of.get("time", layout.places.of.get("closes", "")))
    content, footer = line_shapes.without_footer(content, layout.delimiter, time_at)
    notes = [*decoded.notes, *layout.notes, *(f"a line after the bars skipped: {shown(line)}" for line in footer)]
    # Lines are counted once comments and empty ones are out.
    rows = RowNumbers(1, skipped).after(layout.skip)
    table = _parse(path, content, layout, rows)
    if lean_day is not None and layout.format == "lean csv":
        opened = pa.compute.add(pa.compute.cast(table["time"], pa.int64()), lean_day * 1_000)
        table = table.set_column(table.column_names.index("time"), "time", opened)
    return RawTable(path, layout.format, rows, table, layout.places, tuple(notes))


def _layout(path: Path, head: Sequence[str], mapping: Mapping[str, str], base: str, *, lean: bool) -> Layout:
    rows = [{sign: _cells(line, sign) for sign in _DELIMITERS} for line in head]
    for number, readings in enumerate(rows):
        for sign, cells in readings.items():
            if len(cells) > 1 and _is_header(cells, mapping):
                return _with_header(path, rows, number, sign, mapping, base)
    for number, readings in enumerate(rows):
        sign = max(_DELIMITERS, key=lambda sign: len(readings[sign]))
        if len(readings[sign]) > 1 and _is_number(_filled(readings[sign])[-1]):
            if number and _are_names(rows[number - 1][sign], len(readings[sign])):
                # Names that nobody knows: what they mean is not guessed from where they stand.
                return _with_header(path, rows, number - 1, sign, mapping, base)
            return _without_header(path, rows, number, sign, mapping, base, lean=lean)
    first = next((readings for readings in rows if any(len(cells) > 1 for cells in readings.values())), None)
    if first is None:
        refuse(path, f"its first line is {head[0][:60]!r}: no columns parted by comma, semicolon, tab or bar")
    cells = max(first.values(), key=len)
    columns.places(path, cells, mapping, base)
    raise BadInput(f"{path}: its first line is {head[0][:60]!r}: neither the names of columns, nor a bar")


def _is_header(cells: Sequence[str], mapping: Mapping[str, str]) -> bool:
    """Return whether the names of the prices stand in a line, as the field says them or as the caller does."""
    plain = {columns.plain(cell) for cell in cells}
    named = sum(1 for meaning in PRICES if meaning in mapping and columns.plain(mapping[meaning]) in plain)
    return columns.known(cells) + named >= 3 and not any(map(_is_number, cells))


def _are_names(cells: Sequence[str], count: int) -> bool:
    """Return whether a line has a text for each of so many columns."""
    return len(cells) == count and all(cell and _kind(cell) == "S" for cell in cells)


def _with_header(
    path: Path,
    rows: Sequence[Mapping[str, list[str]]],
    number: int,
    sign: str,
    mapping: Mapping[str, str],
    base: str,
) -> Layout:
    names = rows[number][sign]
    lines = f"{number} lines" if number > 1 else "a line"
    notes = [f"{lines} before the header skipped"] if number and not _is_separator(rows[0]) else []
    skip = number + 1
    # yfinance writes the ticker and the name of its index below the header.
    while skip < len(rows) and columns.plain((rows[skip][sign] or ["-"])[0]) in {"ticker", "date", "datetime"}:
        if columns.plain(rows[skip][sign][0]) != "ticker":
            names = [rows[skip][sign][0], *names[1:]]
        else:
            _refuse_tickers(path, [cell for cell in rows[skip][sign][1:] if cell])
        skip += 1
    if skip < len(rows) and len(rows[skip][sign]) > len(names):
        names = line_shapes.widened(names, rows[skip][sign])
    places = columns.places(path, names, mapping, base)
    return Layout("csv", sign, names, places, skip, tuple(notes))


def _refuse_tickers(path: Path, tickers: Sequence[str]) -> None:
    """Refuse yfinance's table of several tickers: each column is there once for each of them."""
    distinct = list(dict.fromkeys(tickers))
    if len(distinct) > 1:
        refuse(
            path,
            f"it holds {len(distinct)} instruments ({', '.join(distinct[:3])}): write a file of each, such as "
            f'`data.xs("{distinct[0]}", axis=1, level="Ticker").to_csv("{distinct[0]}.csv")` in pandas',
        )


def _filled(cells: Sequence[str]) -> Sequence[str]:
    """Return the cells of a row without the empty one that a comma at its end makes."""
    return cells[:-1] if len(cells) > 2 and not cells[-1] else cells


def _without_header(
    path: Path,
    rows: Sequence[Mapping[str, list[str]]],
    number: int,
    sign: str,
    mapping: Mapping[str, str],
    base: str,
    *,
    lean: bool,
) -> Layout:
    own = rows[number][sign]
    cells = _filled(own)
    kinds = "".join(map(_kind, cells))
    form, names = _HEADERLESS.get("T" + kinds[1:] if kinds[:1] in "TN" else kinds, ("", ()))
    if lean and len(cells) == 6:
        form, names = "lean csv", _KRAKEN[:6]
    elif form in {"csv", "kraken csv"}:
        like = [_filled(row[sign]) for row in rows[number:] if len(row[sign]) == len(own)]
        form, names = line_shapes.order(like) or (form, names)
    if mapping:
        form, names = "csv", tuple(f"column {place}" for place in range(1, len(cells) + 1))
    if not form:
        refuse(
            path,
            f"row {number + 1} has no header and {len(cells)} columns; without a header a file has 6 (time, open, "
            "high, low, close, volume), 7 (Kraken), 9 (Bybit) or 12 (Binance). Say which column is which by its "
            "number: --columns time=1,open=2,high=3,low=4,close=5,volume=6",
        )
    places = columns.places(path, names, mapping, base)
    return Layout(form, sign, [*names, *(["empty"] * (len(own) - len(cells)))], places, number)


def _kind(cell: str) -> str:
    """Return N of a number, C of a time of day, T of another time, S of a text."""
    if _is_number(cell):
        return "N"
    if ":" in cell and len(cell) <= 8:
        return "C"
    return "T" if cell[:1].isdecimal() else "S"


def _cells(line: str, delimiter: str) -> list[str]:
    cells = next(lines_of.reader([line], delimiter=delimiter), [])
    return [cell.strip() for cell in cells]


def _is_separator(readings: Mapping[str, list[str]]) -> bool:
    """Return whether a line tells Excel what parts the columns."""
    return readings["|"][0].startswith("sep=") if readings["|"] else True


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parse(path: Path, content: bytes, layout: Layout, rows: RowNumbers) -> pa.Table:
    """Numbers at once; where a cell is none, every cell as text, so that the reader can name it by its row."""
    numeric = {layout.places.of[name] for name in (*PRICES, "volume") if name in layout.places.of}
    try:
        return _read(content, layout, {name: pa.float64() for name in numeric}, threads=len(content) > _BLOCK)
    except pa.ArrowException:
        return _as_text(path, content, layout, rows)


def _as_text(path: Path, content: bytes, layout: Layout, rows: RowNumbers) -> pa.Table:
    short: list[csv.InvalidRow] = []

    def note(row: csv.InvalidRow) -> str:
        short.append(row)
        return "error"

    try:
        return _read(content, layout, {}, threads=False, handler=note)
    except pa.ArrowException as wrong:
        if short:
            _refuse_short(path, short[0], layout, rows)
        refuse(path, f"the CSV cannot be read: {wrong}")


def _refuse_short(path: Path, row: csv.InvalidRow, layout: Layout, rows: RowNumbers) -> None:
    number = rows.of(row.number - 1 - layout.skip)
    refuse(
        path,
        f"row {number}: it has {row.actual_columns} columns, and the {'header' if layout.skip else 'first row'} "
        f"{row.expected_columns}: {row.text[:60]!r}. Where it is the last, the file was cut off: download it again",
    )


def _read(
    content: bytes, layout: Layout, types: Mapping[str, pa.DataType], *, threads: bool, handler: object = None
) -> pa.Table:
    return csv.read_csv(
        pa.BufferReader(content),
        # Arrow numbers the rows of its errors only with one thread.
        read_options=csv.ReadOptions(use_threads=threads, column_names=layout.names, skip_rows=layout.skip),
        parse_options=csv.ParseOptions(delimiter=layout.delimiter, invalid_row_handler=handler),
        convert_options=csv.ConvertOptions(
            column_types={name: types.get(name, pa.string()) for name in layout.names},
            include_columns=layout.places.wanted,
            null_values=[],
            strings_can_be_null=False,
        ),
    )
