"""The formats a file can have, told apart by its first bytes, and each read into a Table."""

import gzip
import io
import zipfile
import zlib
from pathlib import Path

import msgspec
import pyarrow as pa
from pyarrow import csv, feather, parquet

from fanfold.importers.columns import table_of
from fanfold.importers.table import BarTable, refuse

_KRAKEN = ["time", "open", "high", "low", "close", "volume", "trades"]
# Column count of a file without a header -> the format's name and its columns.
_HEADERLESS = {
    6: ("csv", _KRAKEN[:6]),
    7: ("kraken csv", _KRAKEN),
    12: ("binance csv", [*_KRAKEN[:6], "end", "quote_volume", "trades", "taker_base", "taker_quote", "ignore"]),
}
_JSON_COLUMNS = _KRAKEN[:6]


def load(path: Path) -> BarTable:
    """The table in a file. Raises BadInput for one that no format reads, with the place where reading stopped."""
    if not path.is_file():
        refuse(path, "there is no such file")
    content = path.read_bytes()
    if not content.strip():
        refuse(path, "the file is empty")
    return _decode(path, content)


def _decode(path: Path, content: bytes) -> BarTable:
    if content.startswith(b"PK"):
        return _csv(path, _unzip(path, content), "zip of ")
    if content.startswith(b"\x1f\x8b"):
        return _decode(path, _gunzip(path, content))
    if content.startswith((b"ARROW1", b"FEA1", b"PAR1")):
        return _arrow(path, content)
    if content.lstrip()[:1] in (b"[", b"{"):
        return _json(path, content)
    return _csv(path, content, "")


def _unzip(path: Path, content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                refuse(path, f"the zip holds {len(names)} files; it must hold one CSV of bars")
            return archive.read(names[0])
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as wrong:
        refuse(path, f"the zip cannot be read ({wrong}); download it again")


def _gunzip(path: Path, content: bytes) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, zlib.error, EOFError) as wrong:
        refuse(path, f"the gzip cannot be read ({wrong}); download it again")


def _arrow(path: Path, content: bytes) -> BarTable:
    name = "parquet" if content.startswith(b"PAR1") else "feather"
    read = parquet.read_table if name == "parquet" else feather.read_table
    try:
        table = read(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as wrong:
        refuse(path, f"the {name} file cannot be read: {wrong}")
    return table_of(path, table, name, first_row=1)


def _json(path: Path, content: bytes) -> BarTable:
    """freqtrade's JSON: a list of bars, each a list of time, open, high, low, close, volume."""
    try:
        rows = msgspec.json.decode(content)
    except msgspec.DecodeError as wrong:
        refuse(path, f"the JSON cannot be read: {wrong}")
    if not isinstance(rows, list) or not rows:
        refuse(path, "the JSON is not a list of bars [time, open, high, low, close, volume]")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != len(_JSON_COLUMNS):
            refuse(path, f"row {number}: it is not a list of {', '.join(_JSON_COLUMNS)}")
    columns = [_json_column(list(cells)) for cells in zip(*rows, strict=True)]
    return table_of(path, pa.table(columns, names=_JSON_COLUMNS), "json", first_row=1)


def _json_column(cells: list[object]) -> pa.Array:
    """Numbers as they are; a column with anything else in it as text, so that the reader can name the cell."""
    if all(isinstance(cell, int) and abs(cell) < 2**63 for cell in cells):
        return pa.array(cells, pa.int64())
    if all(isinstance(cell, int | float) for cell in cells):
        return pa.array([float(str(cell)) for cell in cells], pa.float64())
    return pa.array([str(cell) for cell in cells], pa.string())


def _csv(path: Path, content: bytes, prefix: str) -> BarTable:
    head = content.lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    delimiter = max(",;\t", key=head.count)
    cells = [cell.strip().strip('"') for cell in head.split(delimiter)]
    has_header = not cells[1:] or not _is_number(cells[1])
    format_name, names = ("csv", cells) if has_header else _headerless(path, cells)
    table = _parse(path, content, delimiter, names, has_header)
    return table_of(path, table, prefix + format_name, first_row=2 if has_header else 1)


def _parse(path: Path, content: bytes, delimiter: str, names: list[str], has_header: bool) -> pa.Table:
    """Every cell as text, so that a cell which is no number can be named by its row."""
    try:
        return csv.read_csv(
            pa.BufferReader(content),
            # Rows are counted in what goes wrong only by one thread.
            read_options=csv.ReadOptions(use_threads=False, column_names=names, skip_rows=int(has_header)),
            parse_options=csv.ParseOptions(delimiter=delimiter),
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowException as wrong:
        refuse(path, f"the CSV cannot be read: {wrong}")


def _headerless(path: Path, cells: list[str]) -> tuple[str, list[str]]:
    if len(cells) not in _HEADERLESS:
        counts = ", ".join(map(str, _HEADERLESS))
        refuse(path, f"row 1 has no header and {len(cells)} columns; without a header a file has {counts}")
    return _HEADERLESS[len(cells)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
