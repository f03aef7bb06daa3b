"""Data files: bars in the formats of common sources, checked and made exact."""

import time
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from math import inf
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from fanfold.desk import Instrument
from fanfold.errors import BadInput
from fanfold.importers import checking, formats, one_series, rules, scales, spans, symbols
from fanfold.importers.checking import CheckedColumns, FileFinding, moment
from fanfold.importers.formats import Loaded
from fanfold.importers.spans import Cut, Need
from fanfold.importers.table import PRICES, BarTable, Integers, RowNumbers, refuse
from fanfold.market import timeframes
from fanfold.market.bars import Series
from fanfold.market.quality import DefectKind
from fanfold.market.recording import Recording
from fanfold.market.timeframes import DAY_S

JUMP_MAX = Decimal("0.25")
# Where a file tells no volume, each bar is taken to have traded this much of the quote currency in dollars or so.
UNBOUNDED_NOTIONAL = 10**9
_FIRST_TIME = 1_230_768_000  # 2009-01-01: before it nothing traded.
_LAST_TIME = 4_102_444_800  # 2100-01-01
_LENGTHS = ((DAY_S, "d"), (3_600, "h"), (60, "m"))


class Steps(NamedTuple):
    """The distinct times of a file in order, the distinct distances between them, and how often each is there."""

    times: Integers
    lengths: Integers
    counts: Integers

    @property
    def commonest(self) -> int:
        return int(self.lengths[self.counts.argmax()])


class DataFile(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The contents of a file. The rules of ``instrument`` are inferred from the bars, as its source says.

    ``rounded`` counts the prices and volumes that had more decimals than were kept; ``notes`` say what was skipped,
    chosen or taken for granted. ``unbounded`` says that the file tells no volume, and that one was assumed.
    ``needed_from`` is the close before which bars were left out, because no run needs them; 0 where all were read.
    ``rows`` number the rows that its findings have by index.
    """

    path: Path
    format: str
    recording: Recording
    instrument: Instrument
    findings: list[FileFinding]
    rounded: int
    notes: tuple[str, ...] = ()
    unbounded: bool = False
    needed_from: int = 0
    rows: RowNumbers = RowNumbers()

    @cached_property
    def series(self) -> Series:
        """Return all bars as objects: for files of some thousand."""
        return self.recording.series(0, _LAST_TIME)


def read(
    argument: str,
    *,
    columns: Mapping[str, str] | None = None,
    jump_max: Decimal = JUMP_MAX,
    now: int | None = None,
    need: Need | None = None,
    loaded: Loaded | None = None,
) -> DataFile:
    """Return the bars in ``path`` or ``path=BASE/QUOTE`` that had closed by ``now``, in epoch seconds.

    ``columns`` says which column is which (see ``importers.columns.parse``). Of rows that ``need`` leaves out, only the
    times are read. ``loaded`` is the file where its times were read before. Raises BadInput, which names file, row,
    column, reason and cure, for a file that cannot be taken.
    """
    path, stated = symbols.locate(argument)
    loaded = loaded or formats.load(path, columns or {}, stated or symbols.named(path))
    symbol = one_series.instrument(loaded.table, stated)
    seconds = _seconds(loaded.table)
    steps = _steps(seconds)
    needed = _cut(seconds, steps, need, closes=loaded.table.closes)
    table = formats.with_figures(loaded, needed.rows)
    del loaded
    # Arrow keeps what it freed: as much as the file again.
    pa.default_memory_pool().release_unused()
    one_series.refuse_conflicts(table, seconds[needed.rows])
    length = _length(path, len(seconds), steps)
    prices = _whole(table, PRICES, scales.ROUNDED_MAX)
    volumes, notes = _volumes(table, prices, symbol)
    opens = seconds[needed.rows] - length if table.closes else table.time
    unbounded = "volume" not in table.values
    table.values.clear()  # Of two million rows they take as much as the bars made of them.
    until = int(time.time()) if now is None else now
    checked = checking.check(opens, [*prices.columns, *volumes.columns], length, jump_max, until)
    _refuse_unsound(table, checked, opens, prices, volumes, length)
    # Rows that a file has out of order can lie between needed ones.
    bars = checked.bars[np.searchsorted(checked.bars[:, 0], needed.first) :]
    recording = Recording(symbol, _name(length), prices.scale, volumes.scale, needed.after, bars.data)
    return DataFile(
        path=path,
        format=table.format,
        recording=recording,
        instrument=rules.infer(path.name, recording, bars, unbounded=unbounded),
        findings=checked.findings,
        rounded=prices.rounded + volumes.rounded,
        notes=(*table.notes, *notes, *_left_out(needed)),
        unbounded=unbounded,
        needed_from=needed.first,
        rows=table.rows,
    )


def describe(file: DataFile) -> list[str]:
    """Return what was read and what was wrong with it, a line each."""
    recording, terms = file.recording, file.instrument
    first, last = moment(recording.closes_at_s(0)), moment(recording.closes_at_s(-1))
    span = f"{recording.count} bars, closes {first} to {last} UTC"
    rounded = [f"{file.rounded} values rounded, no price by more than a billionth of itself"] if file.rounded else []
    return [
        f"{file.path}: {recording.instrument} {recording.timeframe} ({file.format}), {span}",
        f"tick {terms.tick:f}, lot {terms.lot:f}, minimum notional {terms.notional_min:f}: {terms.source}",
        *file.notes,
        *rounded,
        *(finding.text for finding in file.findings),
    ]


def _seconds(table: BarTable) -> Integers:
    """The times in whole seconds, those of closing rounded up: venues end a bar a millisecond early."""
    up = 1 if table.closes else 0
    seconds: Integers = (table.time - up) // checking.per_second(table.time) + up
    if table.closes and np.all(seconds % 60 == 59):
        # Some end their bars a second early.
        seconds = seconds + 1
    outside = np.flatnonzero((seconds < _FIRST_TIME) | (seconds > _LAST_TIME))
    if outside.size:
        index = int(outside[0])
        reason = f"{table.time[index]} is not a time between 2009 and 2100 in s, ms, us or ns"
        table.refuse(index, table.time_name, reason)
    return seconds


def _cut(seconds: Integers, steps: Steps, need: Need | None, *, closes: bool) -> Cut:
    """Return what is needed of a file with these times."""
    if need is None or not steps.lengths.size:
        return Cut(slice(0, seconds.size))
    return spans.cut(seconds if closes else seconds + steps.commonest, steps.commonest, need)


def _left_out(needed: Cut) -> list[str]:
    if not needed.left_out:
        return []
    what = f"{needed.left_out:,} bars before {moment(needed.first)} are left out"
    return [f"{what}: the run begins later; tick and lot are those of the others"]


def _steps(seconds: Integers) -> Steps:
    # Most files are in order, and sorting takes longest.
    times = seconds if np.all(seconds[1:] >= seconds[:-1]) else np.sort(seconds)
    times = times[np.concatenate([[True], times[1:] != times[:-1]])]
    return Steps(times, *np.unique(np.diff(times), return_counts=True))


def _length(path: Path, rows: int, distances: Steps) -> int:
    """The commonest distance between bars, in seconds."""
    times, steps, _ = distances
    if not steps.size:
        refuse(path, f"{rows} rows with one time do not tell a timeframe; at least two bars are needed")
    length = distances.commonest
    if length % 60:
        refuse(path, f"its bars are mostly {length} s apart; only whole minutes, hours and days are bars here")
    if 28 * DAY_S <= length <= 31 * DAY_S and np.all((steps >= 28 * DAY_S) & (steps <= 31 * DAY_S)):
        refuse(path, "its bars are months, which are of unequal length; use 1d bars")
    try:
        timeframes.seconds(_name(length))
    except BadInput as wrong:
        refuse(path, str(wrong))
    one_series.refuse_timeframes(path, times, length)
    return length


def _name(length: int) -> str:
    size, letter = next((size, letter) for size, letter in _LENGTHS if length % size == 0)
    return f"{length // size}{letter}"


def _whole(table: BarTable, names: tuple[str, ...], rounded_max: float) -> scales.Whole:
    """The columns one after another under one scale."""
    try:
        return scales.whole([table.values[name] for name in names], rounded_max)
    except OverflowError as wrong:
        refuse(table.path, f"column {', '.join(names)}: {wrong}")


def _volumes(table: BarTable, prices: scales.Whole, symbol: str) -> tuple[scales.Whole, list[str]]:
    """The volumes under one scale; where the file has none, so much that it bounds no order, and that is said."""
    if "volume" in table.values:
        # A volume may be rounded by any share: the lost part is less than anybody trades.
        volumes = _whole(table, ("volume",), inf)
        if not volumes.columns[0].any():
            reason = "every volume is 0: orders fill against volume, so nothing could trade"
            refuse(table.path, f"{reason}. If it is unknown, say so: --columns volume=none")
        return volumes, []
    small = rules.small(symbol.partition("/")[2])
    highest = Decimal(max(int(column.max()) for column in prices.columns)).scaleb(-prices.scale)
    scale = max(0, (highest / small).adjusted() + 1)
    lots = int(UNBOUNDED_NOTIONAL * small / highest * 10**scale)
    units = np.full(len(table.time), lots, dtype=np.int64)
    return scales.Whole([units], scale, 0), ["it tells no volume: orders fill as if every bar had traded enough"]


def _refuse_unsound(
    table: BarTable, checked: CheckedColumns, opens: Integers, prices: scales.Whole, volumes: scales.Whole, length: int
) -> None:
    finding = checked.finding(DefectKind.MISALIGNED)
    if finding:
        name = "" if table.closes else table.time_name
        reason = one_series.off_grid(opens, finding.row, length, _name(length), name)
        table.refuse(finding.row, table.time_name, f"{reason}; rows like it: {finding.count}")
    finding = checked.finding(DefectKind.IMPOSSIBLE)
    if finding:
        cells = {name: prices.value(place, finding.row) for place, name in enumerate(PRICES)}
        column, reason = _impossible(cells | {"volume": volumes.value(0, finding.row)})
        table.refuse(finding.row, column, f"{reason}; rows like it: {finding.count}")
    if not checked.bars.size:
        refuse(table.path, "none of its bars has closed yet")


def _impossible(cells: Mapping[str, Decimal]) -> tuple[str, str]:
    """The column to look at first in a bar that is not possible, and why it is not."""
    if cells["volume"] < 0:
        return "volume", f"{cells['volume']:f} is below 0"
    for name in PRICES:
        if cells[name] <= 0:
            return name, f"{cells[name]:f} is not above 0"
    for name in ("low", "open", "close"):
        if cells["high"] < cells[name]:
            return "high", f"high {cells['high']:f} is below {name} {cells[name]:f}"
    name = "open" if cells["low"] > cells["open"] else "close"
    return "low", f"low {cells['low']:f} is above {name} {cells[name]:f}"
