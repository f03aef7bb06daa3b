"""Dates with years of two digits, where the dates of a file leave one order of day, month and year."""

import re
from collections.abc import Callable, Sequence

from fanfold.importers.table import Column, shown

_SHORT = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{2})(?!\d)(.*)", re.ASCII)
# Where day, month and year stand.
_ORDERS = ((0, 1, 2), (1, 0, 2), (2, 1, 0))
_YEAR_MIN = 9
_MONTH_MAX = 12
_DAY_MAX = 31


def reader(column: Column, cells: Sequence[str]) -> Callable[[str], str]:
    """Return what writes a cell's date with four digits of the year, year first; other cells stay as they are.

    Raises BadInput where the dates of the column can be read in several orders.
    """
    parts_of = {match.group(1, 3, 4) for cell in cells if (match := _SHORT.fullmatch(cell.strip()))}
    if not parts_of:
        return str
    dates = [tuple(map(int, parts)) for parts in parts_of]
    fit = [order for order in _ORDERS if _fits(dates, order)]
    if len(fit) != 1:
        row = next(row for row, cell in enumerate(cells) if _SHORT.fullmatch(cell.strip()))
        reason = "can be read in several ways, and the file does not tell which: write the year in full"
        column.refuse(row, f"{shown(cells[row])} {reason}")
    day, month, year = fit[0]

    def full(cell: str) -> str:
        match = _SHORT.fullmatch(cell)
        if not match:
            return cell
        parts = match.group(1, 3, 4)
        return f"20{parts[year]:0>2}-{parts[month]:0>2}-{parts[day]:0>2}{match[5]}"

    return full


def _fits(dates: Sequence[tuple[int, ...]], order: tuple[int, int, int]) -> bool:
    """Return whether all can be dates of 2009 and later, with no more years than days, for bars follow each other."""
    days, months, years = ({date[place] for date in dates} for place in order)
    possible = max(days) <= _DAY_MAX and max(months) <= _MONTH_MAX and min((*days, *months)) > 0
    return possible and min(years) >= _YEAR_MIN and len(years) <= len(days)
