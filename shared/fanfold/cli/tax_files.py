"""The files that `fanfold tax` writes and reads."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path

from fanfold.accounting.books import OpenLot
from fanfold.accounting.tax_year import ROW_COLUMNS, TaxSums, TaxYear, row_of
from fanfold.cli.whole_files import writing
from fanfold.errors import BadInput

SUM_COLUMNS = ("coin", "term", "disposals", "proceeds", "cost", "gain")
LOT_COLUMNS = ("coin", "account", "since", "quantity", "cost", "lot")
COLUMN_WIDTH = 16
# A sheet of a workbook has no more.
ROWS_MAX = 1_048_576
Cell = str | int | Decimal | date | datetime | None


def read_text(path: Path) -> str:
    """Return the text of a file that a user names. Raises BadInput for one that cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as wrong:
        raise BadInput(f"{path} cannot be read: {wrong}") from wrong


def write_csv(path: Path, rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows as CSV in UTF-8, amounts in plain digits."""
    with writing(path) as binary, TextIOWrapper(binary, encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([_text(cell) for cell in row] for row in rows)


def disposal_rows(report: TaxYear) -> list[Sequence[Cell]]:
    """Return the disposals of a year as rows, a heading first."""
    return [ROW_COLUMNS, *map(row_of, report.rows)]


def write_workbook(path: Path, report: TaxYear, lots: Sequence[OpenLot]) -> None:
    """Write a workbook of three sheets: disposals, sums, and what is still held. Raises BadInput without XlsxWriter."""
    try:
        # An extra: nobody else needs it.
        import xlsxwriter  # noqa: PLC0415
    except ModuleNotFoundError as wrong:
        raise BadInput(
            "--xlsx needs XlsxWriter: in the checkout, `pip install -e '.[excel]'`; or write --csv"
        ) from wrong
    if len(report.rows) >= ROWS_MAX:
        raise BadInput(f"a workbook has at most {ROWS_MAX:,} rows and there are {len(report.rows):,}: write --csv")
    options = {"remove_timezone": True, "constant_memory": True}
    with writing(path) as file, xlsxwriter.Workbook(file, options) as book:
        formats = {
            Decimal: book.add_format({"num_format": "#,##0.00########"}),
            date: book.add_format({"num_format": "yyyy-mm-dd"}),
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        bold = book.add_format({"bold": True})
        for name, rows in sheets(report, lots).items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, len(rows[0]), COLUMN_WIDTH)
            sheet.write_row(0, 0, rows[0], bold)
            for number, row in enumerate(rows[1:], 1):
                for place, cell in enumerate(row):
                    # A workbook's numbers are binary: the exact ones are text.
                    value = _text(cell) if str(rows[0][place]).endswith("_exact") else cell
                    sheet.write(number, place, value, formats.get(type(cell)))


def sheets(report: TaxYear, lots: Sequence[OpenLot]) -> dict[str, list[Sequence[Cell]]]:
    """Return the sheets of the workbook by name, each with its heading first."""
    return {
        "Disposals": disposal_rows(report),
        "Sums": [SUM_COLUMNS, *map(_sums, [*report.by_coin, report.total])],
        "Held": [
            LOT_COLUMNS,
            *((lot.coin, lot.account, lot.since, lot.quantity, lot.cost, lot.source) for lot in lots),
        ],
    }


def _sums(sums: TaxSums) -> Sequence[Cell]:
    return (sums.coin or "total", sums.term, sums.disposals, sums.proceeds, sums.cost, sums.gain)


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Decimal():
            return f"{cell:f}"
        case datetime() | date():
            return cell.isoformat()
        case _:
            return str(cell)
