"""Reject a file that holds more than one series: one instrument, one timeframe, one bar a time."""

from collections.abc import Sequence
from math import comb
from pathlib import Path

import numpy as np

from fanfold.errors import BadInput
from fanfold.importers import symbols
from fanfold.importers.table import PRICES, BarTable, Integers, refuse

# As many rows may be there twice and differ, as where an archive was mended; more are another series.
CONFLICTS_MAX = 3
# Random holes do not make so many equal distances in a row; a second timeframe does.
RUN_MAX = 12
# Fewer are one where holes would lie like that in one file of ten thousand.
CHANCE_MAX = 1e-4
RUN_MIN = 4
# Three minutes to a day: the lengths that venues have.
LONGER = {180, 300, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 28_800, 43_200, 86_400}


def refuse_instruments(table: BarTable, symbol: str, *, is_named: bool) -> None:
    """Refuse a file whose column of names has two, or another one than the file's name tells."""
    if len(table.named) > 1:
        names = ", ".join(table.named[:3])
        reason = f"column {table.named_by} names {len(table.named)} instruments ({names})"
        refuse(table.path, f"{reason}; make a file of each")
    if is_named or not table.named:
        return
    try:
        reason = symbols.infer(Path(table.named[0]))
    except BadInput:
        return  # A name such as "Bitcoin", from which nothing follows.
    if reason != symbol:
        refuse(
            table.path,
            f"its name tells {symbol}, its column {table.named_by} {reason}; say which: {table.path}={reason}",
        )


def refuse_conflicts(table: BarTable, seconds: Sequence[int]) -> None:
    """Refuse a file that has two bars of one time which differ, more often than an archive that was mended."""
    if len(set(seconds)) == len(seconds):
        return
    seen: dict[int, int] = {}
    conflicts: dict[int, tuple[int, int]] = {}
    columns = [table.values[name] for name in PRICES]
    for index, second in enumerate(seconds):
        first = seen.setdefault(second, index)
        if first != index and any(column[first] != column[index] for column in columns):
            conflicts.setdefault(second, (first, index))
    if len(conflicts) > CONFLICTS_MAX:
        first, second = next(iter(conflicts.values()))
        closes = columns[PRICES.index("close")]
        conflict = (
            f"{len(conflicts)} times have two bars that differ (first closes {closes[first]} and {closes[second]})"
        )
        table.refuse(second, "time", f"{conflict}: two instruments, or two versions; keep one bar a time")


def refuse_timeframes(path: Path, times: Integers, length: int) -> None:
    """Refuse a file with bars of two lengths; ``times`` are its distinct openings in order."""
    steps = np.diff(times).astype(np.int64)
    ends = np.flatnonzero(np.diff(steps)) + 1
    begin = 0
    for run in np.split(steps, ends) if ends.size else [steps]:
        step = int(run[0])
        aligned = bool(np.all(times[begin : begin + run.size] % step == 0))
        if step != length and (run.size >= RUN_MAX or (aligned and _is_second(steps, step, run.size))):
            refuse(path, f"mixed timeframes: most bars are {length} s apart, but {run.size} in a row are {step} s")
        begin += run.size


def _is_second(steps: Integers, step: int, run: int) -> bool:
    """Whether so many equal steps in a row are no chance, were the file's steps shuffled."""
    if step not in LONGER or run < RUN_MIN:
        return False
    like, rest = int(np.count_nonzero(steps == step)), steps.size - run
    return (rest + 1) * comb(like, run) < CHANCE_MAX * comb(steps.size, run)
