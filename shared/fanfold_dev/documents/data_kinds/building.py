"""Small data files in the forms in which sources write them."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa

OPENS = 1_772_323_200  # 2026-03-01 00:00 UTC
COUNT = 40
HEADER = ("time", "open", "high", "low", "close", "volume")
# An opening time, four prices and a volume; what a wrong file has in their place, too.
Row = tuple[Any, ...]


class Kind(NamedTuple):
    """A kind of file: who writes it, the name of an example, its bytes, and ``columns`` as the caller says them.

    ``same`` tells that it holds the bars of ``rows``, of one minute each; ``taken`` that it is read at all.
    """

    source: str
    name: str
    content: bytes
    columns: str = ""
    taken: bool = True
    same: bool = True


def rows() -> list[Row]:
    """Return bars of a minute, opening time first: prices of two places and volumes of five."""
    made: list[Row] = []
    price = 67_000.0
    for number in range(COUNT):
        close = round(price + (number * 37 % 23 - 11) * 1.07, 2)
        high, low = round(max(price, close) + 1.35, 2), round(min(price, close) - 0.85, 2)
        made.append((OPENS + 60 * number, price, high, low, close, round(1.5 + number * 0.12345, 5)))
        price = close
    return made


def text(
    header: Sequence[str] = HEADER,
    cells: Callable[[Row], Sequence[object]] = tuple,
    *,
    between: str = ",",
    before: str = "",
    end: str = "\n",
    of: Sequence[Row] | None = None,
) -> bytes:
    """Return a table as text; without a header where that is empty."""
    body = [between.join(map(str, cells(row))) for row in (rows() if of is None else of)]
    return (before + end.join([*([between.join(header)] if header else []), *body]) + end).encode()


def at(row: Row, form: str) -> str:
    """Return the time of a row in UTC, as ``strftime`` writes it."""
    return datetime.fromtimestamp(row[0], UTC).strftime(form)


def zipped(**files: bytes) -> bytes:
    """Return a zip of files by their names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return stream.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    """Return a compressed tar of one file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as target:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        target.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def dumped(value: object) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value).encode()


def named(row: Row, *names: str) -> dict[str, object]:
    """Return a row by its names."""
    return dict(zip(names or HEADER, row, strict=True))


def stored(write: Callable[[pa.Table, io.BytesIO], object]) -> bytes:
    """Return the rows in columns, with stored timestamps, as `write` writes them."""
    return stored_table(write)


def stored_table(
    write: Callable[[pa.Table, io.BytesIO], object], *, rename: str = "time", **columns: pa.Array
) -> bytes:
    """Return the rows in columns, some of them as they are named here, and the times under another name."""
    own = dict(zip(HEADER, map(list, zip(*rows(), strict=True)), strict=True))
    made = own | {"time": pa.array(own["time"], pa.timestamp("s"))} | columns
    stream = io.BytesIO()
    write(pa.table({rename if name == "time" else name: cells for name, cells in made.items()}), stream)
    return stream.getvalue()
