"""One table in every form of text, numbers and times, and in every container."""

import bz2
import gzip
import json
import lzma
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
from pyarrow import parquet

from fanfold_dev.documents import workbook
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
    tarred,
    text,
    zipped,
)

_TIMES = {
    "ISO with Z": "%Y-%m-%dT%H:%M:%SZ",
    "ISO without a zone": "%Y-%m-%d %H:%M:%S",
    "ISO with UTC behind": "%Y-%m-%d %H:%M:%S UTC",
    "ISO of another zone": "%Y-%m-%dT%H:%M:%S+00:00",
    "with slashes": "%Y/%m/%d %H:%M",
    "with points": "%Y.%m.%d %H:%M",
    "in fourteen digits": "%Y%m%d%H%M%S",
    "in twelve digits": "%Y%m%d%H%M",
    "with a blank between digits": "%Y%m%d %H%M%S",
    "in words": "%d %b %Y %H:%M:%S",
}


def forms() -> list[Kind]:
    """Return the kinds of text, of JSON, and of what is stored or compressed."""
    return [*_times(), *_texts(), *_columns(), *_containers()]


def _times() -> list[Kind]:
    made = rows()
    return [
        Kind("CSV", "BTCUSDT.csv", text()),
        *(
            Kind(f"CSV, times in {unit}", "BTCUSDT.csv", text(cells=partial(_in_units, by)))
            for unit, by in (("ms", 10**3), ("µs", 10**6), ("ns", 10**9))
        ),
        *(
            Kind(f"CSV, times {what}", "BTCUSDT.csv", text(cells=partial(_in_words, form)))
            for what, form in _TIMES.items()
        ),
        Kind(
            "CSV, hours as 12-AM",
            "BTCUSDT.csv",
            text(
                cells=lambda row: (at(row, "%Y-%m-%d %I-%p"), *row[1:]),
                of=[(OPENS + 3_600 * number, *row[1:]) for number, row in enumerate(made)],
            ),
            same=False,
        ),
        Kind(
            "CSV, date and time apart",
            "BTCUSDT.csv",
            text(("date", "time", *HEADER[1:]), lambda row: (at(row, "%Y-%m-%d"), at(row, "%H:%M"), *row[1:])),
        ),
        Kind(
            "CSV, times of closing",
            "BTCUSDT.csv",
            text(("close_time", *HEADER[1:]), lambda row: ((row[0] + 60) * 1_000 - 1, *row[1:])),
        ),
        Kind(
            "CSV with two times that differ",
            "BTCUSDT.csv",
            text(
                ("date", "timestamp", *HEADER[1:]),
                lambda row: (at((row[0] + 7_200, *row[1:]), "%Y-%m-%d %H:%M:%S"), row[0] * 1_000, *row[1:]),
            ),
        ),
    ]


def _in_units(units: int, row: Row) -> Sequence[object]:
    return (row[0] * units, *row[1:])


def _in_words(form: str, row: Row) -> Sequence[object]:
    return (at(row, form), *row[1:])


def _texts() -> list[Kind]:
    plain = text()
    return [
        Kind("CSV with semicolons", "BTCUSDT.csv", text(between=";")),
        Kind("CSV with tabs", "BTCUSDT.csv", text(between="\t")),
        Kind("CSV with bars", "BTCUSDT.csv", text(between="|")),
        Kind("CSV with Excel's `sep=`", "BTCUSDT.csv", text(before="sep=,\n")),
        Kind("CSV with comments", "BTCUSDT.csv", text(before="# exported by hand\n# twice\n")),
        Kind("CSV with empty lines", "BTCUSDT.csv", text(before="\n", end="\n\n")),
        Kind("CSV with lines before the header", "BTCUSDT.csv", text(before="Exported 2026-03-02\nBTC\n")),
        Kind("CSV with a byte order mark", "BTCUSDT.csv", b"\xef\xbb\xbf" + plain),
        Kind("CSV in UTF-16", "BTCUSDT.csv", plain.decode().encode("utf-16")),
        Kind("CSV in UTF-16 without a mark", "BTCUSDT.csv", plain.decode().encode("utf-16-le")),
        Kind("CSV in Latin-1", "BTCUSDT.csv", text(before="# Währung\n").decode().encode("latin-1")),
        Kind("CSV of Windows", "BTCUSDT.csv", text(end="\r\n")),
        Kind("CSV of an old Mac", "BTCUSDT.csv", text(end="\r")),
        Kind(
            "CSV with quotes",
            "BTCUSDT.csv",
            text([f'"{name}"' for name in HEADER], lambda row: [f'"{cell}"' for cell in row]),
        ),
        Kind(
            "CSV with thousands set apart",
            "BTCUSDT.csv",
            text(cells=lambda row: (row[0], *(f'"{cell:,.2f}"' for cell in row[1:5]), row[5])),
        ),
    ]


def _columns() -> list[Kind]:
    made = rows()
    return [
        Kind(
            "CSV with columns of one's own",
            "BTCUSDT.csv",
            text(("start_at", *HEADER[1:5], "amount")),
            columns="time=start_at,volume=amount",
        ),
        Kind(
            "CSV without a header, columns by number",
            "BTCUSDT.csv",
            text((), lambda row: ("x", row[5], row[0], *row[1:5], 1)),
            columns="time=3,open=4,high=5,low=6,close=7,volume=2",
        ),
        Kind(
            "CSV without volume, on purpose",
            "BTCUSDT.csv",
            text((*HEADER[:5], "amount")),
            columns="volume=none",
            same=False,
        ),
        Kind("CSV that names its instrument", "bars.csv", text(("symbol", *HEADER), lambda row: ("BTCUSDT", *row))),
        Kind("CSV, newest first", "BTCUSDT.csv", text(of=list(reversed(made)))),
        Kind("CSV, a bar twice", "BTCUSDT.csv", text(of=[*made, made[3]])),
        Kind("CSV, a hole", "BTCUSDT.csv", text(of=[*made[:9], *made[12:]]), same=False),
        Kind(
            "CSV, a price ten times too high",
            "BTCUSDT.csv",
            text(of=[*made[:9], (made[9][0], *(round(price * 10, 2) for price in made[9][1:5]), 1.5), *made[10:]]),
            same=False,
        ),
    ]


def _containers() -> list[Kind]:
    plain, made = text(), rows()
    records = "\n".join(json.dumps(named(row)) for row in made).encode()
    table: list[list[object]] = [list(HEADER), *map(list, made)]
    dated: list[list[object]] = [
        list(HEADER),
        *([datetime.fromtimestamp(row[0], UTC).replace(tzinfo=None), *row[1:]] for row in made),
    ]
    return [
        Kind("JSON, a bar a line", "BTCUSDT.jsonl", records),
        Kind("JSON, lists a line", "BTCUSDT.jsonl", "\n".join(json.dumps(row) for row in made).encode()),
        Kind(
            "JSON, columns", "BTCUSDT.json", dumped(dict(zip(HEADER, map(list, zip(*made, strict=True)), strict=True)))
        ),
        Kind("Parquet", "BTCUSDT.parquet", stored(parquet.write_table)),
        Kind("Excel", "BTCUSDT.xlsx", workbook.written(table)),
        Kind("Excel, dates", "BTCUSDT.xlsx", workbook.written(dated)),
        Kind("gzip", "BTCUSDT.csv.gz", gzip.compress(plain, mtime=0)),
        Kind("bzip2", "BTCUSDT.csv.bz2", bz2.compress(plain)),
        Kind("xz", "BTCUSDT.csv.xz", lzma.compress(plain)),
        Kind("zstd", "BTCUSDT.csv.zst", pa.Codec("zstd").compress(plain, asbytes=True)),
        Kind("zip of macOS", "BTCUSDT.zip", zipped(**{"BTCUSDT.csv": plain, "__MACOSX/._BTCUSDT.csv": b"\x00\x05"})),
        Kind("tar.gz", "BTCUSDT.tar.gz", tarred("BTCUSDT.csv", plain)),
    ]
