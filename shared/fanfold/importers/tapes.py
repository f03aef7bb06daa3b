"""Recorded trades and order books in the formats of common archives, as tapes.

Trades: Binance's archives of trades and aggTrades with or without a header, Tardis trades, and Parquet of such columns.
Books: Binance's raw combined stream as recorded by the line, its bookTicker and depth archives, Tardis's snapshots and
increments. Digits are kept as they were written.
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fanfold.desk import Instrument
from fanfold.errors import BadInput
from fanfold.importers import containers, symbols
from fanfold.importers.books import RecordedBook, binance_event
from fanfold.importers.table import refuse
from fanfold.importers.tape_tables import Row, TapeTable, read_table
from fanfold.market.tape import Tape, TapeBook, TapeEvent, TapeTrade, joined
from fanfold.money import decimals

# The newest events of a file.
EVENTS_MAX = 500_000
_TRUE = frozenset({"true", "1", "t"})
_LINE = re.compile(rb"(\d{10,20} )?\{\s*\"(stream|data|e|u|lastUpdateId)\"")
_LEVEL = re.compile(r"(bids|asks)\[(\d+)\]\.(price|amount)")
# How many digits a time in seconds has, and one in milliseconds.
_SECONDS, _MILLISECONDS = 10, 13
# An instrument, and what happened.
_Events = tuple[str, list[TapeEvent]]


class TapeFile(NamedTuple):
    """A tape with the rules of its instrument, which are inferred from its digits, and what its file is."""

    tape: Tape
    instrument: Instrument
    kind: str


def read(argument: str) -> TapeFile | None:
    """Return the tape in ``path`` or ``path=BASE/QUOTE``; None where the file holds no trades and no books.

    Raises BadInput for a file of them that cannot be read, or whose instrument is not known.
    """
    path, symbol = symbols.locate(argument)
    reading = _reading_of(path, symbol, containers.unpack(path).body)
    if reading is None:
        return None
    kind, load = reading
    try:
        instrument, events = load()
    except BadInput:
        raise
    except (InvalidOperation, TypeError):
        refuse(path, f"its {kind} cannot be read: a price, quantity or time in it is no number")
    except LookupError as lacking:
        refuse(path, f"its {kind} cannot be read: a row of it has no {lacking}")
    except (ValueError, OSError, csv.Error) as wrong:
        refuse(path, f"its {kind} cannot be read: {wrong}")
    events = sorted(events, key=lambda event: event.at_ms)[-EVENTS_MAX:]
    if not any(isinstance(event, TapeTrade) or event.middle for event in events):
        refuse(path, f"its {kind} tell no price: there is no trade, and no book with a bid and an ask")
    tape = Tape(instrument=instrument, events=events)
    return TapeFile(tape, _rules(path, tape), kind)


def together(first: TapeFile, second: TapeFile) -> TapeFile:
    """Return two files of one instrument as one, such as its trades and its order books."""
    rules = msgspec.structs.replace(
        first.instrument,
        tick=min(first.instrument.tick, second.instrument.tick),
        lot=min(first.instrument.lot, second.instrument.lot),
    )
    return TapeFile(joined(first.tape, second.tape), rules, f"{first.kind} and {second.kind}")


def _reading_of(path: Path, symbol: str, body: bytes) -> tuple[str, Callable[[], _Events]] | None:
    """Return what a file is, and how its events are loaded; None for one that holds no trades and no books."""
    if _LINE.match(body):
        return "raw stream", lambda: _of_stream(path, symbol, body)
    table = read_table(body)
    if table is None:
        return None
    if any(_LEVEL.fullmatch(name) for name in table.names):
        return "book snapshots", lambda: _of_table(path, symbol, table, _snapshots)
    if {"open", "close"} & {name.lower() for name in table.names}:
        return None
    for kind, needed, parse in _KINDS:
        if needed <= table.known.keys():
            return kind, partial(_of_table, path, symbol, table, parse)
    return None


def _of_table(path: Path, symbol: str, table: TapeTable, parse: Callable[[TapeTable], Iterator[TapeEvent]]) -> _Events:
    instrument, rows = _one_instrument(path, symbol, table)
    return instrument, list(parse(table._replace(rows=rows)))


def _one_instrument(path: Path, symbol: str, table: TapeTable) -> tuple[str, Iterable[Row]]:
    """Return the instrument that was named, or the one of the file, and its rows."""
    column, market = table.known.get("symbol"), table.known.get("market")
    if column is None:
        return symbol or symbols.infer(path), table.rows
    rows = [row for row in table.rows if market is None or "spot" in row[market].lower()]
    names = {row[column] for row in rows}
    name = _chosen(path, symbol, names)
    return symbol or symbols.of_cell(name), [row for row in rows if row[column] == name]


def _chosen(path: Path, symbol: str, names: Collection[str]) -> str:
    """Return the one name that a file has, or that of its names which is the instrument's."""
    plain = symbol.replace("/", "")
    fitting = [name for name in names if len(names) == 1 or name.replace("/", "").replace("-", "") == plain]
    if len(fitting) != 1:
        refuse(path, f"it holds {', '.join(sorted(names)) or 'no trades and books'}; say which: {path}=BTC/USDT")
    return fitting[0]


def _trades(table: TapeTable) -> Iterator[TapeTrade]:
    time, price, quantity = (table.known[name] for name in ("time", "price", "quantity"))
    maker, side = table.known.get("maker"), table.known.get("side")
    for row in table.rows:
        sells = row[maker].lower() in _TRUE if maker else row[side or ""].lower() in {"sell", "s"}
        yield TapeTrade(_ms(row[time]), Decimal(row[price]), Decimal(row[quantity]), "sell" if sells else "buy")


def _touches(table: TapeTable) -> Iterator[TapeBook]:
    names = ("time", "bid", "bid_quantity", "ask", "ask_quantity")
    time, bid, bid_quantity, ask, ask_quantity = (table.known[name] for name in names)
    for row in table.rows:
        best = [(Decimal(row[price]), Decimal(row[size])) for price, size in ((bid, bid_quantity), (ask, ask_quantity))]
        yield TapeBook(_ms(row[time]), (best[0],), (best[1],))


def _snapshots(table: TapeTable) -> Iterator[TapeBook]:
    time = table.known["time"]
    depth = 1 + max(int(match[2]) for name in table.names if (match := _LEVEL.fullmatch(name)))
    for row in table.rows:
        sides = {
            side: tuple(
                (Decimal(row[f"{side}[{n}].price"]), Decimal(row[f"{side}[{n}].amount"]))
                for n in range(depth)
                if row.get(f"{side}[{n}].price")
            )
            for side in ("bids", "asks")
        }
        yield TapeBook(_ms(row[time]), sides["bids"], sides["asks"])


def _increments(table: TapeTable) -> Iterator[TapeBook]:
    """Yield the book after the changes of each moment; a snapshot that follows changes begins a new one."""
    time, price, quantity, side, snapshot = (
        table.known[name] for name in ("time", "price", "quantity", "side", "snapshot")
    )
    book, at_ms, in_snapshot = RecordedBook(), 0, False
    for row in table.rows:
        now, begins = _ms(row[time]), row[snapshot].lower() in {"true", "snap"}
        if at_ms and now != at_ms:
            yield book.at(at_ms)
        if begins and not in_snapshot:
            book = RecordedBook()
        at_ms, in_snapshot = now, begins
        book.put(row[side][:1].lower(), Decimal(row[price]), Decimal(row[quantity]))
    if at_ms:
        yield book.at(at_ms)


# What a file is, the columns by which that is known, and how it is read; the first that fits.
_KINDS: tuple[tuple[str, frozenset[str], Callable[[TapeTable], Iterator[TapeEvent]]], ...] = (
    ("book changes", frozenset({"time", "price", "quantity", "side", "snapshot"}), _increments),
    ("best prices", frozenset({"time", "bid", "bid_quantity", "ask", "ask_quantity"}), _touches),
    ("trades", frozenset({"time", "price", "quantity", "maker"}), _trades),
    ("trades", frozenset({"time", "price", "quantity", "side"}), _trades),
)


def _of_stream(path: Path, symbol: str, body: bytes) -> _Events:
    """Return the events of a stream as it was recorded, a document a line, with or without the time of its receipt."""
    events = dict[str, list[TapeEvent]]()
    books = defaultdict[str, RecordedBook](RecordedBook)
    for line in body.splitlines():
        document: dict[str, Any] = json.loads(line[line.index(b"{") :])
        data = document.get("data", document)
        # A snapshot of the REST API names no symbol: it is of the first of the file.
        name = data.get("s") or next(iter(books), "")
        event = binance_event(data, books[name])
        if event is not None:
            events.setdefault(name, []).append(event)
    name = _chosen(path, symbol, events)
    return symbol or symbols.of_cell(name), events[name]


def _rules(path: Path, tape: Tape) -> Instrument:
    if not tape.instrument:
        refuse(path, f"its symbol tells no instrument; say which: {path}=BTC/USDT")
    base, quote = tape.instrument.split("/")
    prices, quantities = set[Decimal](), set[Decimal]()
    for event in tape.events:
        levels = [(event.price, event.quantity)] if isinstance(event, TapeTrade) else [*event.bids, *event.asks]
        prices.update(price for price, _ in levels)
        quantities.update(quantity for _, quantity in levels)
    if not all(figure.is_finite() for figure in prices | quantities):
        refuse(path, "a price or a quantity in it is no number")
    return Instrument(
        base=base,
        quote=quote,
        tick=Decimal(1).scaleb(-decimals(*prices)),
        lot=Decimal(1).scaleb(-decimals(*quantities)),
        notional_min=Decimal(0),
        as_of=datetime.fromtimestamp(tape.events[-1].at_ms / 1_000, UTC).date().isoformat(),
        source=f"inferred from the digits of {path.name}",
    )


def _ms(text: str) -> int:
    """Return milliseconds of a time in s, ms, µs or ns since the epoch, by its size, or in ISO 8601."""
    if not text.isdecimal():
        at = datetime.fromisoformat(text)
        return int(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1_000)
    digits = len(text)
    return int(text) * 1_000 if digits <= _SECONDS else int(text) // 10 ** (digits - _MILLISECONDS)
