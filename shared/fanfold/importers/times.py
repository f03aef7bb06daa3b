"""Times as files write them, as integers of epoch time in s, ms, µs or ns."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cache
from math import nan

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fanfold.importers import short_years
from fanfold.importers.table import Column, Integers, shown
from fanfold.market import quality
from fanfold.market.timeframes import DAY_S

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?")
# Eight to fourteen digits are a calendar's; an epoch of ten is one of 2001 and later.
_COMPACT = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_YEAR_FIRST = re.compile(r"^(\d{4})[./](\d{1,2})[./](\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(.*)")
# A word, and not a number of the time zone, behind a time that is in UTC.
_ZONE_WORDS = re.compile(r" ?(UTC|GMT|Z)$", re.IGNORECASE)
_OFFSET = re.compile(r" ?(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$", re.IGNORECASE)
_ZONED = re.compile(r"(UTC|GMT|Z|:\d{2}.*[+-]\d{1,2}(:?\d{2})?)$", re.IGNORECASE)
# CryptoDataDownload's hours.
_HOUR_WORDS = re.compile(r"(\d{4}-\d{2}-\d{2}) (\d{1,2})-([AP]M)")
_WRITTEN = (
    *("%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d %b %Y", "%d-%b-%Y %H:%M:%S", "%d %b %Y %H:%M:%S"),
    *("%d-%b-%y", "%d %b %y", "%A, %B %d, %Y", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S"),
)
_HALF_DAYS = ("%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p")
_MICROSECONDS = 10**6
# A spreadsheet's days from 2009 to 2100, and that of 1970.
_SERIAL_MIN, _SERIAL_MAX, _SERIAL_OF_EPOCH = 39_814, 73_051, 25_569
# A double tells a day's part to a microsecond.
_SERIAL_SLACK_S = 0.02
_INDEXES = {"", "index", "__index_level_0__"}
_INT64_MAX = 2**63 - 1
MONTHS = 12
_HOW = "write epoch s, ms, us or ns, or ISO such as 2026-01-31T23:59:00Z"


def epochs(column: Column) -> Integers:
    """Return a column's times as integers of epoch time, in the unit that each is stored in or looks like.

    Times of a calendar are UTC unless they name another zone, and come in s, or in µs where they have fractions.
    """
    cells = column.cells
    if not len(cells):
        return np.empty(0, dtype=np.int64)
    if cells.null_count:
        column.refuse(cells.is_null().to_pylist().index(True), "the time is empty")
    if pa.types.is_timestamp(cells.type):
        return _stored(cells)
    if pa.types.is_date(cells.type):
        return np.asarray(pc.cast(pc.cast(cells, pa.timestamp("s")), pa.int64()))
    serials = _serials(column)
    if serials is not None:
        return serials
    whole = _whole(cells)
    if whole is not None:
        return _of_integers(column, whole)
    first = str(cells[0].as_py()).strip()
    if column.name.strip().lower().startswith("local time") and not _ZONED.search(first):
        column.refuse(0, f"{shown(first)} is local time and names no zone; {_HOW}")
    iso = _iso(cells)
    return iso if iso is not None else _of_text(column, [str(cell) for cell in cells.to_pylist()])


def _serials(column: Column) -> Integers | None:
    """Return a spreadsheet's days since 1899-12-30 as epoch seconds; None where a column is something else.

    As epoch times they would be of 1970. A column without a name numbers rows, and not days.
    """
    if column.name.strip().lower() in _INDEXES or not _SERIAL_MIN <= _as_float(column.cells[0].as_py()) < _SERIAL_MAX:
        return None
    days = np.array([_as_float(cell) for cell in column.cells.to_pylist()])
    seconds = (days - _SERIAL_OF_EPOCH) * DAY_S
    whole = np.rint(seconds)
    fit = np.all((days >= _SERIAL_MIN) & (days < _SERIAL_MAX)) and np.all(np.abs(seconds - whole) < _SERIAL_SLACK_S)
    return whole.astype(np.int64) if fit else None


def _as_float(cell: object) -> float:
    try:
        return float(str(cell))
    except ValueError:
        return nan


def is_clock(cell: object) -> bool:
    """Return whether a cell is a time of day, such as 09:30; not whether it is one of MetaTrader's integers."""
    return isinstance(cell, time) or bool(_CLOCK.fullmatch(str(cell).strip()))


def holds_clocks(cells: pa.ChunkedArray) -> bool:
    """Return whether the first cell of a column is a time of day."""
    return not pa.types.is_timestamp(cells.type) and is_clock(cells[0].as_py())


def is_time_of_day(day: pa.ChunkedArray, clock: pa.ChunkedArray) -> bool:
    """Return whether the first cells of two columns are a day and a time of day: 2026-03-01 and 09:30, or 093000."""
    if pa.types.is_timestamp(day.type) or pa.types.is_timestamp(clock.type):
        return False
    first, second = str(day[0].as_py()).strip(), str(clock[0].as_py()).strip()
    return is_clock(second) or (len(first) <= 10 and second.isdecimal() and len(second) <= 6)


def seconds_of_day(column: Column) -> Integers:
    """Return times of day as seconds since midnight: 23:59, 23:59:30, 11:59 PM, 2359 or 235930."""
    clocks = {}
    for cell in pc.unique(column.cells.combine_chunks()).to_pylist():
        clocks[cell] = _clock(cell)
    seconds = [clocks[cell] for cell in column.cells.to_pylist()]
    for index, second in enumerate(seconds):
        if second is None:
            column.refuse(index, f"{shown(column.cells[index].as_py())} is no time of day, such as 23:59")
    return np.array(seconds, dtype=np.int64)


def _clock(cell: object) -> int | None:
    if isinstance(cell, time):
        return cell.hour * 3_600 + cell.minute * 60 + cell.second
    text = str(cell).strip().upper()
    if text.isdigit() and len(text) <= 6:
        # 930 and 0930 are half past nine; what has five or six digits tells seconds.
        text = f"{text:0>4}" if len(text) <= 4 else f"{text:0>6}"
        text = ":".join(text[place : place + 2] for place in range(0, len(text), 2))
    for form in ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p"):
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 (a time of day has no zone)
        except ValueError:
            continue
        return moment.hour * 3_600 + moment.minute * 60 + moment.second
    return None


def _stored(cells: pa.ChunkedArray) -> Integers:
    """A stored unit is known and not guessed: seconds where they say all, else the finest unit that any file has."""
    unit = _UNITS[cells.type.unit]
    values = np.asarray(pc.cast(cells, pa.int64()))
    return values // unit if not np.any(values % unit) else values * (10**9 // unit)


def _whole(cells: pa.ChunkedArray) -> Integers | None:
    """Numbers in a text or float column as integers where all of them are whole."""
    try:
        return np.asarray(pc.cast(cells, pa.int64()))
    except pa.ArrowException:
        return _whole_floats(cells)


def _whole_floats(cells: pa.ChunkedArray) -> Integers | None:
    try:
        numbers = np.asarray(pc.cast(cells, pa.float64()))
    except (pa.ArrowException, ValueError):
        return None
    fit = bool(np.all(np.isfinite(numbers)) and np.all(np.abs(numbers) < 2**63) and np.all(numbers == np.rint(numbers)))
    return numbers.astype(np.int64) if fit else None


def _of_integers(column: Column, numbers: Integers) -> Integers:
    """Epoch times as they are; a calendar's digits, such as 20260131 or 202601312359, as epoch seconds."""
    lengths = {len(str(abs(number))) for number in (int(numbers.min()), int(numbers.max()))}
    if len(lengths) == 1 and (length := lengths.pop()) in _COMPACT and not _is_epoch(numbers):
        return _of_text(column, [str(number) for number in numbers.tolist()], _COMPACT[length])
    return numbers


def _is_epoch(numbers: Integers) -> bool:
    """Eight digits are epoch seconds of before 1974, and fourteen are µs of then, so both are a calendar's here."""
    first = str(int(numbers[0]))
    return not ("19000101" <= first[:8] <= "21001231")


def _iso(cells: pa.ChunkedArray) -> Integers | None:
    """ISO times of one form all at once; None where one is of another form."""
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            values = np.asarray(pc.cast(pc.cast(cells, kind), pa.int64()))
        except pa.ArrowException:
            continue
        return values // 10**6 if not np.any(values % 10**6) else values
    return None


def _of_text(column: Column, cells: Sequence[str], form: str = "") -> Integers:
    parse = _by_form(form) if form else _reader(column, cells)
    moments = np.empty(len(cells), dtype=np.int64)
    for index, cell in enumerate(cells):
        moment = parse(cell.strip())
        if moment is None or abs(moment) > _INT64_MAX:
            column.refuse(index, _complaint(cell))
        moments[index] = moment
    return moments // _MICROSECONDS if not np.any(moments % _MICROSECONDS) else moments


def _by_form(form: str) -> Callable[[str], int | None]:
    """Return what reads a cell of one form as epoch microseconds; None for another."""

    def parse(cell: str) -> int | None:
        try:
            return _epoch(datetime.strptime(cell, form).replace(tzinfo=UTC))
        except ValueError:
            return None

    return parse


def _epoch(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _reader(column: Column, cells: Sequence[str]) -> Callable[[str], int | None]:
    """Return what reads a cell of any form, with the order of day and month settled by the whole column."""
    dates = [match for cell in cells if (match := _DAY_FIRST.fullmatch(cell.strip()))]
    day_first = _day_first(column, dates) if dates else False
    shortened = short_years.reader(column, cells)

    @cache
    def parse(cell: str) -> int | None:
        text = shortened(_ZONE_WORDS.sub("", cell))
        if ":" in text:
            text = _OFFSET.sub(_iso_offset, text)
        if match := _DAY_FIRST.fullmatch(text):
            day, month = (match[1], match[2]) if day_first else (match[2], match[1])
            text = f"{match[3]}-{month:0>2}-{day:0>2}{match[4]}"
        elif _HOUR_WORDS.fullmatch(text):
            return _by_form("%Y-%m-%d %I-%p")(text)
        return _calendar(_YEAR_FIRST.sub(_dashed, text))

    return parse


def _iso_offset(match: "re.Match[str]") -> str:
    return f"{match[1]}{match[2]:0>2}:{match[3] or '00'}"


def _dashed(match: "re.Match[str]") -> str:
    return f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}"


def _calendar(text: str) -> int | None:
    if text.isdecimal():
        form = _COMPACT.get(len(text))
        number = int(text)
        return _by_form(form)(text) if form else number * _MICROSECONDS // quality.per_second(number)
    try:
        return _epoch(datetime.fromisoformat(text))
    except ValueError:
        readings = (_by_form(form)(text) for form in (*_WRITTEN, *_HALF_DAYS))
        return next((moment for moment in readings if moment is not None), None)


def _day_first(column: Column, dates: "Sequence[re.Match[str]]") -> bool:
    """Return whether days stand before months: by the first number above 12, in Dukascopy's columns always."""
    first = max(int(match[1]) for match in dates)
    second = max(int(match[2]) for match in dates)
    if (first > MONTHS) == (second > MONTHS) and not column.name.lower().startswith(("gmt time", "local time")):
        column.refuse(0, f"{dates[0][0]!r} can be day or month first, and no date of the file tells which; {_HOW}")
    return second <= MONTHS


def _complaint(cell: str) -> str:
    text = cell.strip()
    try:
        number = float(text)
    except ValueError:
        return f"{shown(cell)} is no time; {_HOW}"
    if not number.is_integer():
        return f"{text[:40]} is not a whole number of seconds, ms, us or ns"
    return f"{text[:40]} is not a time between 2009 and 2100 in s, ms, us or ns"
