"""Lines of a text file that are shaped otherwise than its header says, where they have only one meaning."""

import csv
import re
from collections.abc import Sequence
from itertools import pairwise

from fanfold.importers.table import PRICES

# Lines after the bars that a source may add.
_FOOTER_MAX = 3
# Orders of columns without a header, and who writes them; the usual one comes first.
_ORDERS: dict[int, tuple[tuple[str, tuple[str, ...]], ...]] = {
    6: (
        ("csv", ("time", *PRICES, "volume")),
        ("coinbase csv", ("time", "low", "high", "open", "close", "volume")),
        ("bitfinex csv", ("time", "open", "close", "high", "low", "volume")),
        ("gate csv", ("time", "volume", "close", "high", "low", "open")),
    ),
    7: (
        ("kraken csv", ("time", *PRICES, "volume", "trades")),
        ("kucoin csv", ("time", "open", "close", "high", "low", "volume", "turnover")),
    ),
}
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
# What stands in place of a time where all columns are summed up.
_SUMS = {"total", "totals", "sum", "average", "avg", "mean", "median", "min", "max", "count"}
# A number with more digits is a time, not a row number.
_ROW_DIGITS = 7


def with_commas(body: bytes) -> bytes:
    """Return text whose columns are parted by blanks with commas in their place; other text as it is."""
    if any(sign in body for sign in (b",", b";", b"\t", b"|", b'"')):
        return body
    lines = (b",".join(line.split()) for line in body.split(b"\n"))
    return b"\n".join(lines)


def widened(names: Sequence[str], cells: Sequence[str]) -> list[str]:
    """Return the names of the columns of a row that has more cells than the header names.

    >>> widened(["time", "open"], ["7", "2026-03-01", "00:00:00", "1.5"])
    ['row', 'date', 'time', 'open']
    >>> widened(["time", "open"], ["1772323200", "1.5", ""])
    ['time', 'open', 'column 3']
    """
    more = len(cells) - len(names)
    if more == 1 and not cells[-1]:
        return [*names, f"column {len(cells)}"]
    numbers_rows = cells[0].isdecimal() and len(cells[0]) <= _ROW_DIGITS < len(cells[1])
    if more in {1, 2} and _DATE.fullmatch(cells[more - 1]) and _CLOCK.fullmatch(cells[more]):
        return [*(["row"] if more > 1 else []), "date", "time", *names[1:]]
    return ["row", *names] if more == 1 and numbers_rows else list(names)


def order(rows: Sequence[Sequence[str]]) -> tuple[str, tuple[str, ...]] | None:
    """Return whose rows without a header they are, and their columns: the only order that makes bars of them.

    None where no order is known or where none is the only one. A close follows from its open and from the close
    before: the order counts only where opens lie nearer to the closes before than they would the other way round.
    """
    readings = _ORDERS.get(len(rows[0]), ())
    fit = [reading for reading in readings if all(_possible(row, reading[1]) for row in rows)]
    if readings[:1] == tuple(fit[:1]):
        return fit[0] if fit else None
    if len(fit) != 1:
        return None
    names = fit[0][1]
    ordered = sorted(rows, key=lambda row: row[names.index("time")])
    bars = [(float(row[names.index("open")]), float(row[names.index("close")])) for row in ordered]
    own = sum(abs(later[0] - earlier[1]) for earlier, later in pairwise(bars))
    other = sum(abs(later[1] - earlier[0]) for earlier, later in pairwise(bars))
    return fit[0] if own < other else None


def without_footer(body: bytes, delimiter: str, time_at: int) -> tuple[bytes, list[str]]:
    """Return the text without the lines after its bars, such as totals, and those lines.

    A row of bars has a digit in its time, and so has what is left of one that was cut off.
    """
    skipped: list[str] = []
    end = len(body)
    while end > 1:
        begin = body.rfind(b"\n", 0, end - 1) + 1
        line = body[begin:end].decode("utf-8", "replace").strip()
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
        if not begin or not _is_footer(cells, time_at):
            break
        skipped.insert(0, line)
        end = begin
    # So many lines are no footer: the reader of times says what is wrong with them.
    return (body[:end], skipped) if 0 < len(skipped) <= _FOOTER_MAX else (body, [])


def _is_footer(cells: Sequence[str], time_at: int) -> bool:
    """Return whether a line is a note, or sums up; a row with a wrong time is neither."""
    if len(cells) == 1:
        words, digits = cells[0].count(" ") + 1, any(map(str.isdigit, cells[0]))
        # `Mar 01` is what is left of a date.
        return cells[0][:1].isalpha() and words > (2 if digits else 1)
    if len(cells) <= time_at:
        return False
    word = cells[time_at]
    return word.rstrip(":").isalpha() and (word.rstrip(":").lower() in _SUMS or "" in cells)


def _possible(row: Sequence[str], names: Sequence[str]) -> bool:
    """Return whether a row can be a bar in this order of columns."""
    if len(row) != len(names):
        return False
    try:
        opened, high, low, close, volume = (float(row[names.index(name)]) for name in (*PRICES, "volume"))
    except ValueError:
        return False
    return 0 < low <= min(opened, close) and max(opened, close) <= high and volume >= 0
