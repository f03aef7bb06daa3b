"""Files that are refused."""

import gzip

from fanfold_dev.documents.data_kinds.building import COUNT, HEADER, OPENS, Kind, Row, at, dumped, rows, text, zipped


def refused() -> list[Kind]:
    """Return the kinds that hold no bars, or bars that nobody should trade on."""
    return [*_unreadable(), *_shapes(), *_cells(), *_series()]


def no(source: str, content: bytes, name: str = "BTCUSDT.csv", columns: str = "") -> Kind:
    """Return a kind that is refused."""
    return Kind(source, name, content, columns, taken=False, same=False)


def spaced(seconds: int, first: int = OPENS) -> list[Row]:
    """Return the bars that far apart."""
    return [(first + seconds * number, *row[1:]) for number, row in enumerate(rows())]


def third(*cells: object) -> bytes:
    """Return a table whose third bar has other cells."""
    made = rows()
    return text(of=[*made[:2], cells, *made[3:]])


def _unreadable() -> list[Kind]:
    made, plain = rows(), text()
    return [
        no("an empty file", b""),
        no("a header alone", text(of=[])),
        no("one bar", text(of=made[:1])),
        no("a web page", b"<!DOCTYPE html><html><title>404 Not Found</title></html>"),
        no("a picture", b"\x89PNG\r\n\x1a\n" + bytes(40)),
        no("a pickle", b"\x80\x04\x95" + bytes(40)),
        no("an old pickle", b"\x80\x03}" + bytes(40)),
        no("NumPy", b"\x93NUMPY\x01\x00" + bytes(40)),
        no("an error of S3", b"<Error><Code>NoSuchKey</Code></Error>"),
        no("an error of Binance", b'{"code":-1121,"msg":"Invalid symbol."}', "BTCUSDT.json"),
        no("HDF5", b"\x89HDF\r\n\x1a\n" + bytes(40)),
        no("SQLite", b"SQLite format 3\x00" + bytes(40)),
        no("an old Excel file", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40), "BTCUSDT.xls"),
        no("random bytes", bytes(range(256))),
        no("a torn zip", zipped(a=plain)[:200], "BTCUSDT.zip"),
        no("a torn gzip", gzip.compress(plain, mtime=0)[:90], "BTCUSDT.csv.gz"),
        no("two files in a zip", zipped(**{"a.csv": plain, "b.csv": plain}), "BTCUSDT.zip"),
        no("torn JSON", b"[[1, 2"),
        no("JSON of something else", b'{"error": "rate limit"}'),
        no("JSON, columns of other lengths", dumped({"t": [1, 2], "o": [1], "h": [1, 2], "l": [1, 2], "c": [1, 2]})),
        no("JSON with a short bar", dumped([*map(list, made), [1, 2]])),
    ]


def _shapes() -> list[Kind]:
    plain = text()
    return [
        no("a row that is cut off", plain[:-30]),
        no("a column that is missing", text((*HEADER[:3], "floor", *HEADER[4:]))),
        no("a volume under another name", text((*HEADER[:5], "amount"))),
        no("a column twice", text((*HEADER[:5], "Close"))),
        no("names that nobody knows", text(("Datum", "Schluss", "Hoch", "Tief", "Erster", "Umsatz"))),
        no("no header and eight columns", text((), lambda row: (*row, 1, 2))),
        no("`--columns` with an unknown column", plain, columns="volume=size"),
    ]


def _cells() -> list[Kind]:
    good = rows()[2]
    return [
        no("text in a price", third(good[0], "abc", *good[2:])),
        no("an empty price", third(good[0], "", *good[2:])),
        no("a price that is no number", third(good[0], "nan", *good[2:])),
        no("a volume with an underscore", third(*good[:5], "1_000")),
        no("a dollar sign", third(good[0], "$67000", *good[2:])),
        no(
            "1,234, which can be thousands or decimals",
            text(cells=lambda row: (row[0], *["1,234"] * 4, row[5]), between=";"),
        ),
        no(
            "decimal commas beside points",
            text(cells=lambda row: (row[0], *(str(cell).replace(".", ",") for cell in row[1:5]), "1.234"), between=";"),
        ),
        no("a price of zero", third(good[0], 0, *good[2:])),
        no("a high below its close", third(*good[:2], good[3], *good[3:])),
        no("a volume below zero", third(*good[:5], -1)),
        no("volumes that are all zero", text(cells=lambda row: (*row[:5], 0))),
    ]


def _series() -> list[Kind]:
    made, plain = rows(), text()
    good = made[2]
    return [
        no("text for a time", third("soon", *good[1:])),
        no("times before 2009", text(cells=lambda row: (row[0] - OPENS, *row[1:]))),
        no("day or month first", text(cells=lambda row: (at(row, "%d/%m/%Y %H:%M"), *row[1:]))),
        no("a bar off the grid", third(good[0] + 17, *good[1:])),
        no("bars that open at :17", text(of=spaced(60, OPENS + 17))),
        no("days from 16:00 UTC", text(of=spaced(86_400, OPENS + 57_600))),
        no("weeks", text(of=spaced(604_800, OPENS + 86_400))),
        no("seconds", text(of=spaced(1))),
        no("two timeframes", text(of=[*made, *spaced(300, OPENS + 60 * COUNT)])),
        no(
            "two instruments in turn",
            text(("symbol", *HEADER), lambda row: ("BTCUSDT" if row[0] % 120 else "ETHUSDT", *row)),
        ),
        no(
            "another instrument than its name, with a slash",
            text(("symbol", *HEADER), lambda row: ("ETH/USDT", *row)),
        ),
        no(
            "local time without a zone",
            text(("Local time", *HEADER[1:]), lambda row: (at(row, "%Y-%m-%d %H:%M:%S"), *row[1:])),
        ),
        no("times of closing, called time", text(cells=lambda row: (at(row, "%Y-%m-%d %H:%M:59"), *row[1:]))),
        no("another instrument than its name", text(("symbol", *HEADER), lambda row: ("ETHUSDT", *row))),
        no("two versions of every bar", text(of=[*made, *((row[0], *(cell + 1 for cell in row[1:])) for row in made)])),
        no("a name that tells no instrument", plain, "bars.csv"),
        no("a contract by its name", plain, "BTCUSDT_PERP.csv"),
    ]
