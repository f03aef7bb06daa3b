"""Data files: bars in CSV, Parquet, feather, JSON and exchanges' archives, checked and made exact."""

import time
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from math import inf
from pathlib import Path

import msgspec
import numpy as np

from fanfold.desk import Instrument
from fanfold.errors import BadInput
from fanfold.importers import formats, one_series, scales, symbols
from fanfold.importers.table import PRICES, BarTable, Integers, refuse
from fanfold.market import quality, timeframes
from fanfold.market.bars import Series
from fanfold.market.quality import Checked, CheckedRow, DefectKind, QualityFinding

JUMP_MAX = Decimal("0.25")
# What most venues take at least of a dollar-like quote; a file cannot tell.
NOTIONAL_MIN = Decimal(5)
# A dollar or so in any other quote currency.
SMALL = Decimal("0.0001")
_FIRST_TIME = 1_230_768_000  # 2009-01-01: before it nothing traded.
_LAST_TIME = 4_102_444_800  # 2100-01-01
_LENGTHS = ((86_400, "d"), (3_600, "h"), (60, "m"))


class DataFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds. The rules of ``instrument`` are inferred from the bars, as its source says.

    ``rounded`` counts the prices and volumes that had more decimals than were kept.
    """

    path: Path
    format: str
    series: Series
    instrument: Instrument
    findings: list[QualityFinding]
    rounded: int


def read(argument: str, *, jump_max: Decimal = JUMP_MAX, now: int | None = None) -> DataFile:
    """The bars in ``path`` or ``path=BASE/QUOTE``; one that closes after ``now`` (epoch seconds) is dropped as forming.

    Raises BadInput, which names file, row, column and reason, for a file that cannot be taken as it stands.
    """
    path, named = symbols.locate(argument)
    table = formats.load(path)
    symbol = named or symbols.infer(path)
    one_series.refuse_instruments(table, symbol, is_named=bool(named))
    seconds = _seconds(table)
    one_series.refuse_conflicts(table, seconds.tolist())
    length = _length(path, seconds)
    prices = _whole(table, PRICES, scales.ROUNDED_MAX)
    # What is rounded off a volume is less than anybody trades.
    volumes = _whole(table, ("volume",), inf)
    if not volumes.units.any():
        refuse(path, "every volume is 0: orders fill against volume, so nothing could trade")
    times = [closes_at_s - length for closes_at_s in seconds.tolist()] if table.closes else table.time
    count = len(times)
    columns = [prices.units[place * count : (place + 1) * count].tolist() for place in range(len(PRICES))]
    now = int(time.time()) if now is None else now
    rows = list(map(CheckedRow._make, zip(times, *columns, volumes.units.tolist(), strict=True)))
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
    first, last = (datetime.fromtimestamp(bar.closes_at_s, UTC) for bar in (series.bars[0], series.bars[-1]))
    span = f"{len(series.bars)} bars, closes {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    rounded = [f"{file.rounded} values rounded, no price by more than a billionth of itself"] if file.rounded else []
    return [
        f"{file.path}: {series.instrument} {series.timeframe} ({file.format}), {span}",
        f"tick {rules.tick:f}, lot {rules.lot:f}, minimum notional {rules.notional_min:f}: {rules.source}",
        *rounded,
        *(finding.text for finding in file.findings),
    ]


def _seconds(table: BarTable) -> Integers:
    """The times in whole seconds, those of closing rounded up: venues end a bar a millisecond early."""
    up = 1 if table.closes else 0
    seconds = [(stamp - up) // quality.per_second(stamp) + up for stamp in table.time]
    for index, second in enumerate(seconds):
        if not _FIRST_TIME <= second <= _LAST_TIME:
            table.refuse(index, "time", f"{table.time[index]} is not a time between 2009 and 2100 in s, ms, us or ns")
    return np.array(seconds, dtype=np.int64)


def _length(path: Path, seconds: Integers) -> int:
    """The commonest distance between bars, in seconds."""
    times = np.unique(seconds)
    steps = np.diff(times).astype(np.int64)
    if not steps.size:
        refuse(path, f"{len(seconds)} rows with one time do not tell a timeframe; at least two bars are needed")
    length = Counter(steps.tolist()).most_common(1)[0][0]
    if length % 60:
        refuse(path, f"its bars are mostly {length} s apart; only whole minutes, hours and days are bars here")
    try:
        timeframes.seconds(_name(length))
    except BadInput as wrong:
        refuse(path, str(wrong))
    one_series.refuse_timeframes(path, times, int(length))
    return int(length)


def _name(length: int) -> str:
    size, letter = next((size, letter) for size, letter in _LENGTHS if length % size == 0)
    return f"{length // size}{letter}"


def _whole(table: BarTable, names: tuple[str, ...], rounded_max: float) -> scales.Whole:
    """The columns one after another under one scale."""
    try:
        return scales.whole(np.concatenate([table.values[name] for name in names]), rounded_max)
    except OverflowError as wrong:
        refuse(table.path, f"column {', '.join(names)}: {wrong}")


def _refuse_unsound(table: BarTable, checked: Checked) -> None:
    finding = checked.finding(DefectKind.MISALIGNED)
    if finding:
        reason = f"{table.time[finding.row]} is off the {checked.timeframe} grid of the other rows"
        table.refuse(finding.row, "time", f"{reason} (mixed timeframes?); rows like it: {finding.count}")
    finding = checked.finding(DefectKind.IMPOSSIBLE)
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
    # Whole volumes tell no lot, and one of 1 BTC would let nothing trade.
    assumed = series.volume_scale == 0
    return Instrument(
        base=base,
        quote=quote,
        tick=Decimal(1).scaleb(-series.price_scale),
        lot=_small_lot(series, quote) if assumed else Decimal(1).scaleb(-series.volume_scale),
        notional_min=NOTIONAL_MIN if quote in symbols.DOLLAR_LIKE else Decimal(0),
        as_of=datetime.fromtimestamp(series.through, UTC).date().isoformat(),
        source=f"inferred from {path.name}" + (", the lot assumed: its volumes are whole numbers" if assumed else ""),
    )


def _small_lot(series: Series, quote: str) -> Decimal:
    """The power of ten that comes to a dollar or so at the highest price, at most 1."""
    small = Decimal(1) if quote in symbols.DOLLAR_LIKE else SMALL
    price = series.price(max(bar.high for bar in series.bars))
    return Decimal(1).scaleb(-max(0, (price / small).adjusted() + 1))
