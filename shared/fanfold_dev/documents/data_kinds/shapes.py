"""Lines shaped otherwise than a header says, decimal commas, and years of two digits, with one meaning."""

import gzip
from collections.abc import Callable, Sequence

from fanfold_dev.documents import workbook
from fanfold_dev.documents.data_kinds.building import HEADER, OPENS, Kind, Row, at, rows, text

_CSV = "BTCUSDT.csv"


def shapes() -> list[Kind]:
    """Return the kinds of lines, of orders without a header, of decimal commas and of short years."""
    return [*_blanks(), *_edges(), *_orders(), *_figures(), *_years()]


def _iso(row: Row) -> Sequence[object]:
    return (at(row, "%Y-%m-%d %H:%M:%S"), *row[1:])


def _blanks() -> list[Kind]:
    numbered = [(number, *row) for number, row in enumerate(rows())]
    return [
        Kind("text parted by blanks", _CSV, text(between="  ")),
        Kind("text parted by blanks, a time of two words", _CSV, text(cells=_iso, between=" ")),
        Kind("text parted by blanks, without a header", _CSV, text((), _iso, between=" ")),
        Kind("pandas, printed", _CSV, text(cells=lambda row: (row[0], *_iso(row[1:])), between="  ", of=numbered)),
    ]


def _edges() -> list[Kind]:
    after = text(cells=_iso)
    return [
        Kind("CSV, a comma behind each row", _CSV, text(end=",\n").replace(b"volume,", b"volume")),
        Kind("CSV, a comma behind each row, without a header", _CSV, text((), end=",\n")),
        Kind("CSV of R, rows numbered", _CSV, text(cells=lambda row: (f'"{(row[0] - OPENS) // 60 + 1}"', *row))),
        Kind("CSV, a total in the last line", _CSV, after + b"Total,,,,,99.5\n"),
        Kind("CSV, notes after the bars", _CSV, after + b"\nSource: the desk of a friend\n"),
    ]


def _orders() -> list[Kind]:
    gate = text((), lambda row: (row[0], row[5], row[4], row[2], row[3], row[1]))
    kucoin = text((), lambda row: (row[0], row[1], row[4], row[2], row[3], row[5], row[4]))
    return [
        Kind("Gate archive", "BTC_USDT-202603.csv.gz", gzip.compress(gate, mtime=0)),
        Kind("Coinbase, a list in CSV", _CSV, text((), lambda row: (row[0], row[3], row[2], row[1], row[4], row[5]))),
        Kind("Bitfinex, a list in CSV", _CSV, text((), lambda row: (row[0], row[1], row[4], row[2], row[3], row[5]))),
        Kind("KuCoin, a list in CSV", _CSV, kucoin),
    ]


def _figures() -> list[Kind]:
    def comma(cell: float) -> str:
        return f"{cell:,}".replace(",", "_").replace(".", ",").replace("_", ".")

    serials: list[list[object]] = [list(HEADER), *([row[0] / 86_400 + 25_569, *row[1:]] for row in rows())]
    return [
        Kind(
            "CSV, decimal commas",
            _CSV,
            text(cells=lambda row: [str(cell).replace(".", ",") for cell in row], between=";"),
        ),
        Kind(
            "CSV, times as a spreadsheet counts days",
            _CSV,
            text(cells=lambda row: (row[0] / 86_400 + 25_569, *row[1:])),
        ),
        Kind("Excel, times as plain numbers", "BTCUSDT.xlsx", workbook.written(serials)),
        Kind("CSV, 67.000,12", _CSV, text(cells=lambda row: (row[0], *map(comma, row[1:])), between=";")),
        Kind(
            "CSV, 67'000.12",
            _CSV,
            text(cells=lambda row: (row[0], *(f"{cell:,}".replace(",", "'") for cell in row[1:]))),
        ),
    ]


def _years() -> list[Kind]:
    days = [(OPENS + 86_400 * number, *row[1:]) for number, row in enumerate(rows())]
    forms = {
        "day first, two digits of the year": "%d/%m/%y",
        "month first, two digits of the year": "%m/%d/%y",
        "year first, two digits of it": "%y-%m-%d",
        "in words, two digits of the year": "%d-%b-%y",
    }
    one_day = text(cells=lambda row: (at(row, "%d.%m.%y %H:%M"), *row[1:]))
    return [
        *(
            Kind(f"CSV, days {what}", _CSV, text(cells=_written(form), of=days), same=False)
            for what, form in forms.items()
        ),
        Kind("one day with two digits of the year", _CSV, one_day, taken=False),
        Kind(
            "yfinance, two tickers",
            "prices.csv",
            text(
                ("Price", *(name for name in ("Close", "High", "Low", "Open", "Volume") for _ in range(2))),
                lambda row: (at(row, "%Y-%m-%d"), *(row[place] for place in (4, 2, 3, 1, 5) for _ in range(2))),
                of=days,
            ).replace(b"\n", b"\nTicker" + b",BTC-USD,ETH-USD" * 5 + b"\nDate" + b"," * 10 + b"\n", 1),
            taken=False,
        ),
    ]


def _written(form: str) -> Callable[[Row], Sequence[object]]:
    return lambda row: (at(row, form), *row[1:])
