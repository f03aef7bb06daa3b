"""Tables of recorded trades and order books: rows of text, and which of their columns is which."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import parquet

FLOAT_DIGITS = 8
_BOOLS = frozenset({"true", "false"})
# What a column is called, in lower case without "_", by what it is.
_NAMES = {
    "time": ("timestamp", "time", "transacttime", "tradetimems", "transactiontime", "eventtime", "t"),
    "price": ("price", "p"),
    "quantity": ("qty", "quantity", "amount", "size", "q"),
    "maker": ("isbuyermaker", "buyerismaker", "buyermaker", "m"),
    "side": ("side",),
    "bid": ("bestbidprice", "bidprice", "bid"),
    "bid_quantity": ("bestbidqty", "bidqty", "bidsize", "bidamount"),
    "ask": ("bestaskprice", "askprice", "ask"),
    "ask_quantity": ("bestaskqty", "askqty", "asksize", "askamount"),
    "snapshot": ("issnapshot", "updatetype"),
    "symbol": ("symbol",),
    "market": ("market",),
}
Row = Mapping[str, str]


class TapeTable(NamedTuple):
    """Rows of text, with the names of their columns as the file has them, and by what they are."""

    names: list[str]
    known: dict[str, str]
    rows: Iterable[Row]


def read_table(body: bytes) -> TapeTable | None:
    """Return the rows of a Parquet file or of CSV; None where a file is neither."""
    try:
        return _of_parquet(body) if body.startswith(b"PAR1") else _of_csv(body.decode())
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error):
        return None


def _of_parquet(body: bytes) -> TapeTable:
    stored = parquet.ParquetFile(pa.BufferReader(body))
    names = stored.schema_arrow.names
    rows = (
        {name: _text(cell) for name, cell in row.items()}
        for batch in stored.iter_batches()
        for row in batch.to_pylist()
    )
    return TapeTable(names, _known(names), rows)


def _of_csv(text: str) -> TapeTable | None:
    reader = csv.reader(io.StringIO(text))
    first = next(reader, [])
    if any(cell[:1].isalpha() and cell.lower() not in _BOOLS for cell in first):
        return TapeTable(first, _known(first), (dict(zip(first, row, strict=False)) for row in reader))
    names = _headerless(first)
    rows = (dict(zip(names, row, strict=False)) for row in csv.reader(io.StringIO(text)))
    return TapeTable(names, _known(names), rows) if names else None


def _headerless(first: list[str]) -> list[str]:
    """Return the names of the columns of Binance's trades or aggTrades; none for another file."""
    flag = next((at for at, cell in enumerate(first) if cell.lower() in _BOOLS), 0)
    names = {5: ["id", "price", "qty", "quote", "time", "m"], 6: ["id", "price", "qty", "first", "last", "time", "m"]}
    return names.get(flag, [])


def _known(names: Iterable[str]) -> dict[str, str]:
    plain = {name.lower().replace("_", ""): name for name in reversed(list(names))}
    return {
        meaning: next(plain[name] for name in called if name in plain)
        for meaning, called in _NAMES.items()
        if any(name in plain for name in called)
    }


def _text(cell: Any) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat()
    # A float's digits beyond those that exchanges write are its own.
    return f"{round(Decimal(repr(cell)), FLOAT_DIGITS):f}" if isinstance(cell, float) else str(cell)
