"""Recorded trades and order books: each format reads as the same events, digit for digit."""

import gzip
import json
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from fanfold.errors import BadInput
from fanfold.importers import tapes
from fanfold.market.tape import Tape, TapeBook, TapeTrade, joined

D = Decimal
AT = 1_772_323_200_000
NAME = "BTCUSDT-trades.csv"
TRADES = [
    TapeTrade(AT, D("61837.63"), D("0.02"), "sell"),
    TapeTrade(AT + 250, D("61837.64"), D("1.5"), "buy"),
    TapeTrade(AT + 61_000, D("61840"), D("0.00001"), "buy"),
]
SPOT = "\n".join(f"{n},{t.price},{t.quantity},1.0,{t.at_ms}000,{t.taker == 'sell'},True" for n, t in enumerate(TRADES))
AGGREGATES = "a,price,qty,first,last,transact_time,is_buyer_maker\n" + "\n".join(
    f"{n},{t.price},{t.quantity},{n},{n},{t.at_ms},{str(t.taker == 'sell').lower()}" for n, t in enumerate(TRADES)
)
PLAIN_AGGREGATES = "\n".join(
    f"{n},{t.price},{t.quantity},{n},{n},{t.at_ms},{t.taker == 'sell'},True" for n, t in enumerate(TRADES)
)
TARDIS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n" + "\n".join(
    f"binance,BTCUSDT,{t.at_ms}000,{t.at_ms}999,{n},{t.taker},{t.price},{t.quantity}" for n, t in enumerate(TRADES)
)
ISO = "timestamp,price,quantity,side\n" + "\n".join(
    f"{datetime.fromtimestamp(t.at_ms / 1_000, UTC).isoformat()},{t.price},{t.quantity},{t.taker}" for t in TRADES
)


def written(folder: Path, text: str, name: str = NAME) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def stream(*documents: dict[str, object]) -> str:
    return "\n".join(
        f'172316125393708576{n} {{"stream":"x","data":{json.dumps(document)}}}' for n, document in enumerate(documents)
    )


def update(first: int, last: int, bids: list[list[str]], asks: list[list[str]], at_ms: int = AT) -> dict[str, object]:
    return {"e": "depthUpdate", "E": at_ms, "s": "BTCUSDT", "U": first, "u": last, "b": bids, "a": asks}


@pytest.mark.parametrize("text", [SPOT, AGGREGATES, PLAIN_AGGREGATES, TARDIS, ISO])
def test_trades_of_every_archive_are_the_same_tape(text: str, tmp_path: Path) -> None:
    file = tapes.read(written(tmp_path, text))
    assert file is not None
    assert (file.kind, file.tape.instrument, list(file.tape.events)) == ("trades", "BTC/USDT", TRADES)
    assert (file.instrument.tick, file.instrument.lot) == (D("0.01"), D("0.00001"))
    assert file.instrument.as_of == "2026-03-01"


def test_archives_may_be_packed_and_parquet_has_the_digits_of_its_floats(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "BTCUSDT-trades-2026-03-01.zip", "w") as archive:
        archive.writestr(NAME, SPOT)
    (tmp_path / "BTCUSDT.csv.gz").write_bytes(gzip.compress(SPOT.encode()))
    table = pa.table(
        {
            "timestamp": pa.array([t.at_ms for t in TRADES], pa.timestamp("ms", "UTC")),
            "price": [float(t.price) for t in TRADES],
            "quantity": [float(t.quantity) for t in TRADES],
            "buyer_maker": [str(t.taker == "sell") for t in TRADES],
        }
    )
    parquet.write_table(table, tmp_path / "BTCUSDT.parquet")
    for name in ("BTCUSDT-trades-2026-03-01.zip", "BTCUSDT.csv.gz", "BTCUSDT.parquet"):
        file = tapes.read(str(tmp_path / name))
        assert file is not None
        assert list(file.tape.events) == TRADES


def test_a_stream_begins_with_its_snapshot_and_a_gap_ends_it_until_the_next(tmp_path: Path) -> None:
    snapshot = {"lastUpdateId": 10, "bids": [["100", "1"], ["99", "2"]], "asks": [["101", "3"]]}
    lines = stream(
        update(8, 9, [["100", "7"]], []),
        update(10, 11, [["99", "0"]], [["101", "4"]]),
        snapshot,
        update(12, 12, [["100.5", "5"]], [], AT + 100),
        {"e": "trade", "E": AT, "s": "BTCUSDT", "T": AT + 150, "p": "101", "q": "0.5", "m": False},
        {"u": 13, "s": "BTCUSDT", "b": "100.5", "B": "5", "a": "101", "A": "4"},
        update(20, 21, [["50", "1"]], [], AT + 200),
    )
    file = tapes.read(written(tmp_path, lines, "recorded.txt"))
    assert file is not None
    assert (file.kind, file.tape.instrument) == ("raw stream", "BTC/USDT")
    book, trade = file.tape.events
    assert book == TapeBook(AT + 100, ((D("100.5"), D(5)), (D(100), D(1))), ((D(101), D(4)),))
    assert trade == TapeTrade(AT + 150, D(101), D("0.5"), "buy")


def test_snapshots_increments_and_best_prices_are_books(tmp_path: Path) -> None:
    snapshots = (
        "symbol,timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,asks[1].price,asks[1].amount\n"
    )
    snapshots += f"BTCUSDT,{AT}000,101,3,100,1,102,4\n"
    increments = "symbol,timestamp,is_snapshot,side,price,amount\n"
    increments += (
        f"BTCUSDT,{AT}000,true,bid,100,1\nBTCUSDT,{AT}000,true,ask,101,3\nBTCUSDT,{AT + 5}000,false,ask,101,0\n"
    )
    increments += f"BTCUSDT,{AT + 5}000,false,ask,102,4\n"
    touches = f"update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,event_time\n1,100,1,101,3,{AT}\n"
    best = ((D(100), D(1)),)
    expected = {
        "book snapshots": (snapshots, [TapeBook(AT, best, ((D(101), D(3)), (D(102), D(4))))]),
        "book changes": (
            increments,
            [TapeBook(AT, best, ((D(101), D(3)),)), TapeBook(AT + 5, best, ((D(102), D(4)),))],
        ),
        "best prices": (touches, [TapeBook(AT, best, ((D(101), D(3)),))]),
    }
    for kind, (text, books) in expected.items():
        file = tapes.read(written(tmp_path, text, "BTCUSDT.csv"))
        assert file is not None
        assert (file.kind, list(file.tape.events)) == (kind, books)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SPOT.replace("61837.64", "dear"), "its trades cannot be read: a price, quantity or time in it is no number"),
        (SPOT.replace("61837.64", "NaN"), "a price or a quantity in it is no number"),
        (AGGREGATES + "\n3,1", "its trades cannot be read: a row of it has no 'is_buyer_maker'"),
        (TARDIS + f"\nbinance,ETHUSDT,{AT}000,1,9,buy,1,1", "it holds BTCUSDT, ETHUSDT; say which"),
        (
            "symbol,timestamp,is_snapshot,side,price,amount\nBTCUSDT,1772323200000,true,bid,1,1",
            "tell no price: there is no trade, and no book with a bid and an ask",
        ),
        ('{"e":"trade","s":', "its raw stream cannot be read"),
    ],
)
def test_an_unreadable_tape_is_refused_with_its_reason(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=says):
        tapes.read(written(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        "open_time,open,high,low,close,volume\n1772323200000,1,1,1,1,1",
        "1772323200000,1,1,1,1,1",
        "x\n1",
        "\x00\x01",
        "PAR1 and no more",
        "x" * 200_000,
    ],
)
def test_bars_and_anything_else_are_no_tape(text: str, tmp_path: Path) -> None:
    assert tapes.read(written(tmp_path, text)) is None


def test_two_files_of_an_instrument_go_together_by_time_and_by_the_finer_steps(tmp_path: Path) -> None:
    touches = f"best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,event_time\n100.125,1,101,3,{AT + 100}\n"
    first = tapes.read(written(tmp_path, SPOT))
    second = tapes.read(written(tmp_path, touches, "BTCUSDT-bookTicker.csv"))
    assert first is not None
    assert second is not None
    both = tapes.together(first, second)
    assert [event.at_ms - AT for event in both.tape.events] == [0, 100, 250, 61_000]
    assert (both.instrument.tick, both.instrument.lot, both.kind) == (
        D("0.001"),
        D("0.00001"),
        "trades and best prices",
    )


def test_two_tapes_are_joined_in_the_order_of_time() -> None:
    tape = Tape(instrument="BTC/USDT", events=TRADES)
    assert list(joined(tape, tape).events) == sorted([*TRADES, *TRADES], key=lambda event: event.at_ms)


def test_a_tape_is_moved_with_at_most_a_half_of_it_over() -> None:
    tape = Tape(instrument="BTC/USDT", events=TRADES)
    assert [event.at_ms for event in tape.shifted(10**12, 36_000_000).events] == [
        10**12 - 30_500,
        10**12 - 30_250,
        10**12 + 30_500,
    ]
    assert tape.shifted(10**12, 1_000).events[0].at_ms == 10**12 - 1_000
