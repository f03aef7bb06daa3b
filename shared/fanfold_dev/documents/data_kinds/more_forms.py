"""More of what files of one table differ in: spellings of times and numbers, timeframes, containers, stored types."""

import gzip
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
from pyarrow import feather, parquet

from fanfold_dev.documents.data_kinds.building import (
    HEADER,
    OPENS,
    Kind,
    Row,
    at,
    dumped,
    named,
    rows,
    stored,
    stored_table,
    tarred,
    text,
    zipped,
)

_CSV = "BTCUSDT.csv"
_LENGTHS = {"3m": 180, "5m": 300, "15m": 900, "30m": 1_800, "1h": 3_600, "2h": 7_200, "4h": 14_400, "8h": 28_800}
_HOURS_EAST = 5 * 3_600


def more_forms() -> list[Kind]:
    """Return the kinds of times, numbers, timeframes, stored columns and containers."""
    return [*_times(), *_numbers(), *_headers(), *_timeframes(), *_stored_times(), *_stored_figures(), *_containers()]


def _cells(write: Callable[[Row], object]) -> bytes:
    """Return a table whose times are written so."""
    return text(cells=lambda row: (write(row), *row[1:]))


def _shifted(seconds: int, form: str) -> Callable[[Row], object]:
    return lambda row: at((row[0] + seconds, *row[1:]), form)


def _times() -> list[Kind]:
    made = rows()
    days = [(OPENS + 86_400 * number, *row[1:]) for number, row in enumerate(made)]
    written = {
        "ISO to the minute": _cells(_shifted(0, "%Y-%m-%dT%H:%M")),
        "ISO with milliseconds": _cells(_shifted(0, "%Y-%m-%dT%H:%M:%S.000Z")),
        "ISO five hours east": _cells(_shifted(_HOURS_EAST, "%Y-%m-%dT%H:%M:%S+05:00")),
        "ISO five hours west, without a colon": _cells(_shifted(-_HOURS_EAST, "%Y-%m-%d %H:%M:%S-0500")),
        "two hours east, as GMT+0200": _cells(_shifted(7_200, "%Y-%m-%d %H:%M:%S.000 GMT+0200")),
        "ISO two hours east, as UTC+2": _cells(_shifted(7_200, "%Y-%m-%d %H:%M:%S UTC+2")),
        "ISO with GMT behind": _cells(_shifted(0, "%Y-%m-%d %H:%M:%S GMT")),
        "with slashes and seconds": _cells(_shifted(0, "%Y/%m/%d %H:%M:%S")),
        "20260301 0000": _cells(_shifted(0, "%Y%m%d %H%M")),
        "01-Mar-2026 00:00:00": _cells(_shifted(0, "%d-%b-%Y %H:%M:%S")),
        "in seconds with a point": _cells(lambda row: f"{row[0]}.0"),
        "in scientific notation": _cells(lambda row: f"{row[0]:.10e}"),
        "in s and ms by turns": _cells(lambda row: row[0] * (1 if row[0] % 120 else 1_000)),
    }
    dates = {
        "day first": "%d/%m/%Y",
        "month first": "%m/%d/%Y",
        "day first, with points": "%d.%m.%Y",
        "in words, month first": "%b %d, %Y",
        "in words, day first": "%d %b %Y",
        "in eight digits": "%Y%m%d",
        "month first, AM and PM": "%m/%d/%Y %I:%M:%S %p",
        "ISO": "%Y-%m-%d",
    }
    return [
        *(Kind(f"CSV, times {what}", _CSV, content) for what, content in written.items()),
        *(
            Kind(f"CSV, days {what}", _CSV, text(cells=_dated(form), of=days), same=False)
            for what, form in dates.items()
        ),
        Kind(
            "CSV, ISO times of closing, a millisecond early",
            _CSV,
            text(("close_time", *HEADER[1:]), lambda row: (at(row, "%Y-%m-%dT%H:%M:59.999Z"), *row[1:])),
        ),
        Kind(
            "CSV, date and time apart, in digits",
            _CSV,
            text(("date", "time", *HEADER[1:]), lambda row: (at(row, "%Y%m%d"), at(row, "%H%M%S"), *row[1:])),
        ),
        Kind(
            "CSV, date and time apart, AM and PM",
            _CSV,
            text(("date", "time", *HEADER[1:]), lambda row: (at(row, "%Y-%m-%d"), at(row, "%I:%M %p"), *row[1:])),
        ),
    ]


def _dated(form: str) -> Callable[[Row], Sequence[object]]:
    # A date that has a comma stands in quotes.
    return lambda row: (f'"{at(row, form)}"', *row[1:])


def _numbers() -> list[Kind]:
    made = rows()
    tiny = [(row[0], *(f"{cell / 1e12:.16f}" for cell in row[1:5]), row[5]) for row in made]
    return [
        Kind(
            "CSV, figures in scientific notation",
            _CSV,
            text(cells=lambda row: (row[0], *(f"{cell:.12e}" for cell in row[1:]))),
        ),
        Kind(
            "CSV, figures with zeros behind",
            _CSV,
            text(cells=lambda row: (row[0], *(f"{cell:.8f}" for cell in row[1:]))),
        ),
        Kind("CSV, figures with blanks around", _CSV, text(between=" , ")),
        Kind(
            "CSV, prices with a plus",
            _CSV,
            text(cells=lambda row: (row[0], *(f"+{cell}" for cell in row[1:5]), row[5])),
        ),
        Kind("CSV, prices of 1e-8", "SATSUSDT.csv", text(of=tiny), same=False),
        Kind(
            "CSV, prices of a million",
            _CSV,
            text(of=[(row[0], *(round(cell * 20, 2) for cell in row[1:5]), row[5]) for row in made]),
            same=False,
        ),
        Kind(
            "CSV, a float's own digits",
            _CSV,
            text(of=[*made[:2], (*made[2][:4], made[2][4] + 1e-11, made[2][5]), *made[3:]]),
        ),
        Kind(
            "CSV, whole volumes",
            _CSV,
            text(of=[(*row[:5], 1_000 + number) for number, row in enumerate(made)]),
            same=False,
        ),
        Kind("CSV, volumes in K and M", _CSV, text(cells=lambda row: (*row[:5], f"{row[5]:.2f}K")), same=False),
        Kind("CSV, a bar without a trade", _CSV, text(of=[*made[:5], (*made[5][:5], 0), *made[6:]]), same=False),
    ]


def _headers() -> list[Kind]:
    names = {
        "in capitals": ("TIME", "OPEN", "HIGH", "LOW", "CLOSE", "VOLUME"),
        "of one letter": ("t", "o", "h", "l", "c", "v"),
        "with blanks": (" time ", " open", " high", " low", " close", " volume"),
        "Open time": ("Open time", "Open", "High", "Low", "Close", "Volume"),
        "open_time": ("open_time", "open_price", "high_price", "low_price", "close_price", "base_volume"),
        "datetime, vol": ("datetime", "open", "high", "low", "close", "vol"),
        "time (UTC)": ("time (UTC)", *HEADER[1:]),
        "unix": ("unix", "open", "high", "low", "close", "volume"),
        "bucket": ("bucket", "open", "high", "low", "close", "volume"),
        "Volume (BTC)": ("time", "open", "high", "low", "close", "Volume (BTC)"),
        "BTC Volume": ("time", "open", "high", "low", "close", "BTC Volume"),
    }
    return [
        *(Kind(f"CSV, columns {what}", _CSV, text(columns)) for what, columns in names.items()),
        Kind("CSV, columns in another order", _CSV, text(tuple(reversed(HEADER)), lambda row: tuple(reversed(row)))),
        Kind("CSV, further columns", _CSV, text((*HEADER, "trades", "vwap"), lambda row: (*row, 5, 1.5))),
        Kind("CSV, a column without a name", _CSV, text(("id", *HEADER, ""), lambda row: (1, *row, ""))),
        Kind(
            "CSV, volumes in base and quote",
            _CSV,
            text((*HEADER[:5], "Volume USDT", "Volume BTC"), lambda row: (*row[:5], 9.5, row[5])),
        ),
        Kind(
            "CSV, a bar's last second for its time",
            _CSV,
            text(cells=lambda row: (at(row, "%Y-%m-%d %H:%M:59"), *row[1:])),
            columns="closes=time",
        ),
        Kind(
            "CSV, a symbol in two spellings",
            "bars.csv",
            text(("symbol", *HEADER), lambda row: ("BTC/USDT" if row[0] % 120 else "BTCUSDT", *row)),
        ),
        Kind("CSV, a name in Chinese", "比特币 BTCUSDT.csv", text()),
        Kind("CSV, a name with blanks", "my bars BTC-USDT (1).csv", text()),
    ]


def _timeframes() -> list[Kind]:
    return [
        Kind(
            f"CSV, bars of {name}",
            _CSV,
            text(of=[(OPENS + seconds * number, *row[1:]) for number, row in enumerate(rows())]),
            same=False,
        )
        for name, seconds in _LENGTHS.items()
    ]


def _stored_times() -> list[Kind]:
    made = rows()
    opens = [row[0] for row in made]
    moments = [datetime.fromtimestamp(second, UTC) for second in opens]
    times = {
        "UTC": pa.array(moments, pa.timestamp("us", "UTC")),
        "of New York": pa.array(moments, pa.timestamp("ms", "America/New_York")),
        "in ns": pa.array([second * 10**9 for second in opens], pa.timestamp("ns")),
        "in whole ms": pa.array([second * 1_000 for second in opens]),
        "in text": pa.array([at(row, "%Y-%m-%dT%H:%M:%SZ") for row in made]),
        "in a dictionary": pa.array([at(row, "%Y-%m-%d %H:%M:%S") for row in made]).dictionary_encode(),
    }
    return [
        Kind(f"Parquet, times {what}", "BTCUSDT.parquet", stored_table(parquet.write_table, time=cells))
        for what, cells in times.items()
    ]


def _stored_figures() -> list[Kind]:
    made = rows()
    figures: dict[str, Callable[[list[object]], pa.Array]] = {
        "decimals": lambda cells: pa.array([Decimal(str(cell)) for cell in cells], pa.decimal128(18, 5)),
        "text": lambda cells: pa.array(list(map(str, cells))),
        "large text": lambda cells: pa.array(list(map(str, cells)), pa.large_string()),
    }
    kinds = []
    for what, make in figures.items():
        columns = {name: make([row[place] for row in made]) for place, name in enumerate(HEADER) if place}
        kinds.append(
            Kind(f"Parquet, figures as {what}", "BTCUSDT.parquet", stored_table(parquet.write_table, **columns))
        )
    return [
        *kinds,
        Kind(
            "Parquet, figures as float32",
            "BTCUSDT.parquet",
            stored_table(parquet.write_table, **_singles()),
            same=False,
        ),
        Kind(
            "Parquet of pandas, time in the index",
            "BTCUSDT.parquet",
            stored_table(parquet.write_table, rename="__index_level_0__"),
        ),
        Kind(
            "feather, uncompressed",
            "BTCUSDT.feather",
            stored(lambda table, to: feather.write_feather(table, to, compression="uncompressed")),
        ),
        Kind(
            "feather, zstd",
            "BTCUSDT.feather",
            stored(lambda table, to: feather.write_feather(table, to, compression="zstd")),
        ),
    ]


def _singles() -> dict[str, pa.Array]:
    """Return prices that single precision holds exactly."""
    return {
        name: pa.array([round(row[place] * 4) / 4 for row in rows()], pa.float32())
        for place, name in enumerate(HEADER[1:5], 1)
    }


def _containers() -> list[Kind]:
    plain = text()
    bars = dumped([[row[0] * 1_000, *row[1:]] for row in rows()])
    records = "\n".join(json.dumps(named(row)) for row in rows()).encode()
    return [
        Kind("JSON in gzip", "BTCUSDT.json.gz", gzip.compress(bars, mtime=0)),
        Kind("JSON in a zip", "BTCUSDT.zip", zipped(**{"BTCUSDT.json": bars})),
        Kind("JSON, figures as text", "BTCUSDT.json", dumped([list(map(str, row)) for row in rows()])),
        Kind("JSON, a bar a line, in gzip", "BTCUSDT.jsonl.gz", gzip.compress(records, mtime=0)),
        Kind("JSON with a byte order mark", "BTCUSDT.json", b"\xef\xbb\xbf" + bars),
        Kind("Parquet in a zip", "BTCUSDT.zip", zipped(**{"BTCUSDT.parquet": stored(parquet.write_table)})),
        Kind("gzip in a zip", "BTCUSDT.zip", zipped(**{"BTCUSDT.csv.gz": gzip.compress(plain, mtime=0)})),
        Kind("a file in a folder of a zip", "BTCUSDT.zip", zipped(**{"2026/03/BTCUSDT.csv": plain})),
        Kind("a zip with .DS_Store", "BTCUSDT.zip", zipped(**{".DS_Store": b"\x00", "BTCUSDT.csv": plain})),
        Kind("a zip whose file names the instrument", "march.zip", zipped(**{"BTCUSDT-1m.csv": plain})),
        Kind("CSV by another ending", "BTCUSDT.txt", plain),
        Kind("gzip without its ending", "BTCUSDT", gzip.compress(plain, mtime=0)),
        Kind("a tar without compression", "BTCUSDT.tar", gzip.decompress(tarred("BTCUSDT.csv", plain))),
    ]
