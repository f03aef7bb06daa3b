"""Data files: bars in CSV, Parquet, feather, JSON and exchanges' archives, checked and made exact."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np

from fanfold import quality
from fanfold.bars import Series
from fanfold.console.datafiles import formats, scales, symbols
from fanfold.console.datafiles.table import PRICES, Integers, Table, refuse
from fanfold.desk import Instrument
from fanfold.quality import Checked, Defect, Finding, Row

JUMP_MAX = Decimal("0.25")
# What most venues take at least of a dollar-like quote; a file cannot tell.
NOTIONAL_MIN = Decimal(5)
_FIRST_TIME = 1_230_768_000  # 2009-01-01: before it nothing traded.
_LAST_TIME = 4_102_444_800  # 2100-01-01
_LENGTHS = ((86_400, "d"), (3_600, "h"), (60, "m"))
# Random holes do not make so many equal distances in a row; a second timeframe does.
_RUN_MAX = 12


class DataFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds. The rules of ``instrument`` are inferred from the bars, as its source says.

    ``rounded`` counts the prices and volumes that had more decimals than were kept.
    """

    path: Path
    format: str
    series: Series
    instrument: Instrument
    findings: list[Finding]
    rounded: int


def read(argument: str, *, jump_max: Decimal = JUMP_MAX, now: int | None = None) -> DataFile:
    """The bars in ``path`` or ``path=BASE/QUOTE``; with ``now`` (epoch seconds) a bar still forming is dropped.

    Raises BadInput, which names file, row, column and reason, for a file that cannot be taken as it stands.
    """
    path, given = symbols.locate(argument)
    table = formats.load(path)
    symbol = given or symbols.infer(path)
    seconds = _seconds(table)
    length = _length(path, seconds)
    prices = _whole(table, PRICES)
    volumes = _whole(table, ("volume",))
    times = [time - length for time in seconds.tolist()] if table.closes else table.time
    count = len(times)
    columns = [prices.units[place * count : (place + 1) * count].tolist() for place in range(len(PRICES))]
    rows = list(map(Row._make, zip(times, *columns, volumes.units.tolist(), strict=True)))
    checked = quality.check(symbol, _name(length), rows, jump_max, now=now)
    _refuse_unsound(table, checked)
    series = Series(
        instrument=symbol,
        timeframe=checked.timeframe,
        price_scale=prices.scale,
        volume_scale=volumes.scale,
        after=0,
        bars=checked.bars,
    )
    return DataFile(
        path=path,
        format=table.format,
        series=series,
        instrument=_instrument(path, series),
        findings=checked.findings,
        rounded=prices.rounded + volumes.rounded,
    )


def describe(file: DataFile) -> list[str]:
    """What was read and what was wrong with it, a line each."""
    series, rules = file.series, file.instrument
    first, last = (datetime.fromtimestamp(bar.closes_at, UTC) for bar in (series.bars[0], series.bars[-1]))
    span = f"{len(series.bars)} bars, closes {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    rounded = [f"{file.rounded} values rounded to {scales.SCALE_MAX} decimals at most"] if file.rounded else []
    return [
        f"{file.path}: {series.instrument} {series.timeframe} ({file.format}), {span}",
        f"tick {rules.tick:f}, lot {rules.lot:f}, minimum notional {rules.notional_min:f}: {rules.source}",
        *rounded,
        *(finding.text for finding in file.findings),
    ]


def _seconds(table: Table) -> Integers:
    """The times in whole seconds, those of closing rounded up: venues end a bar a millisecond early."""
    up = 1 if table.closes else 0
    seconds = [(time - up) // quality.per_second(time) + up for time in table.time]
    for index, time in enumerate(seconds):
        if not _FIRST_TIME <= time <= _LAST_TIME:
            table.refuse(index, "time", f"{table.time[index]} is not a time between 2009 and 2100 in s, ms, us or ns")
    return np.array(seconds, dtype=np.int64)


def _length(path: Path, seconds: Integers) -> int:
    """The commonest distance between bars, in seconds."""
    steps = np.diff(np.unique(seconds)).astype(np.int64)
    if not steps.size:
        refuse(path, f"{len(seconds)} rows with one time do not tell a timeframe; at least two bars are needed")
    length = Counter(steps.tolist()).most_common(1)[0][0]
    if length % 60:
        refuse(path, f"its bars are mostly {length} s apart; only whole minutes, hours and days are bars here")
    _refuse_second_timeframe(path, steps, length)
    return int(length)


def _refuse_second_timeframe(path: Path, steps: Integers, length: int) -> None:
    ends = np.flatnonzero(np.diff(steps)) + 1
    for run in np.split(steps, ends) if ends.size else [steps]:
        if run.size >= _RUN_MAX and run[0] != length:
            refuse(path, f"mixed timeframes: most bars are {length} s apart, but {run.size} in a row are {run[0]} s")


def _name(length: int) -> str:
    size, letter = next((size, letter) for size, letter in _LENGTHS if length % size == 0)
    return f"{length // size}{letter}"


def _whole(table: Table, names: tuple[str, ...]) -> scales.Whole:
    """The columns one after another under one scale."""
    try:
        return scales.whole(np.concatenate([table.values[name] for name in names]))
    except OverflowError as wrong:
        refuse(table.path, f"column {', '.join(names)}: {wrong}")


def _refuse_unsound(table: Table, checked: Checked) -> None:
    finding = checked.finding(Defect.MISALIGNED)
    if finding:
        reason = f"{table.time[finding.row]} is off the {checked.timeframe} grid of the other rows"
        table.refuse(finding.row, "time", f"{reason} (mixed timeframes?); rows like it: {finding.count}")
    finding = checked.finding(Defect.IMPOSSIBLE)
    if finding:
        cells = {name: float(column[finding.row]) for name, column in table.values.items()}
        table.refuse(finding.row, _culprit(cells), f"{cells} is no possible bar; rows like it: {finding.count}")
    if not checked.bars:
        refuse(table.path, "none of its bars has closed yet")


def _culprit(cells: dict[str, float]) -> str:
    """The column to look at first in a bar that is not possible."""
    if cells["volume"] < 0:
        return "volume"
    not_positive = [name for name in PRICES if cells[name] <= 0]
    if not_positive:
        return not_positive[0]
    return "high" if cells["high"] < max(cells[name] for name in PRICES) else "low"


def _instrument(path: Path, series: Series) -> Instrument:
    base, quote = series.instrument.split("/")
    return Instrument(
        base=base,
        quote=quote,
        tick=Decimal(1).scaleb(-series.price_scale),
        lot=Decimal(1).scaleb(-series.volume_scale),
        notional_min=NOTIONAL_MIN if quote in symbols.DOLLAR_LIKE else Decimal(0),
        as_of=datetime.fromtimestamp(series.through, UTC).date().isoformat(),
        source=f"inferred from {path.name}",
    )
