"""Check that a file holds one series: one instrument, one timeframe, one bar for each time."""

from math import comb
from pathlib import Path

import numpy as np

from fanfold.importers import symbols
from fanfold.importers.checking import per_second
from fanfold.importers.table import PRICES, BarTable, Integers, refuse
from fanfold.market.timeframes import DAY_S

# As many rows may be there twice and differ, as where an archive was mended; more are another series.
CONFLICTS_MAX = 3
# Random holes do not make so many equal distances in a row; a second timeframe does.
RUN_MAX = 12
# Fewer are one where holes would lie like that in one file of ten thousand.
CHANCE_MAX = 1e-4
RUN_MIN = 4
# Three minutes to a day: the lengths that venues have.
LONGER = {180, 300, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 28_800, 43_200, 86_400}


def instrument(table: BarTable, stated: str) -> str:
    """Return the instrument that is stated, or else told by the file's name, its name in the archive, or its symbols.

    Raises BadInput where these disagree, or a column of symbols names two.
    """
    symbol = stated or _told(table)
    _refuse_instruments(table, symbol, stated=bool(stated))
    return symbol


def _told(table: BarTable) -> str:
    names = [symbols.named(table.path), symbols.named(Path(table.inner)), *map(symbols.of_cell, table.named[:1])]
    # Where none tells one, the refusal of the file's own name says what to do.
    return next(filter(None, names), "") or symbols.infer(table.path)


def _refuse_instruments(table: BarTable, symbol: str, *, stated: bool) -> None:
    if len({symbols.of_cell(name) or name for name in table.named}) > 1:
        names = ", ".join(table.named[:3])
        refuse(
            table.path, f"column {table.named_by} names {len(table.named)} instruments ({names}); make a file of each"
        )
    if stated:
        return
    # A name such as "Bitcoin" tells none.
    others = {f"the file in it ({table.inner})": symbols.named(Path(table.inner))}
    if table.named:
        others[f"its column {table.named_by}"] = symbols.of_cell(table.named[0])
    for source, other in others.items():
        if other not in {"", symbol}:
            refuse(table.path, f"its name tells {symbol}, {source} {other}; say which: {table.path}={other}")


def refuse_conflicts(table: BarTable, seconds: Integers) -> None:
    """Refuse a file that has two bars of one time which differ, more often than an archive that was mended."""
    order = np.argsort(seconds, kind="stable")
    again = np.concatenate([[False], seconds[order][1:] == seconds[order][:-1]])
    if not again.any():
        return
    # The first row of the time of each row, in the order of times.
    firsts = order[np.maximum.accumulate(np.where(again, 0, np.arange(order.size)))]
    prices = np.column_stack([table.values[name] for name in PRICES])
    differ = again & np.any(prices[order] != prices[firsts], axis=1)
    times = np.unique(seconds[order][differ])
    if times.size > CONFLICTS_MAX:
        second = int(order[differ].min())
        first = int(firsts[differ][order[differ].argmin()])
        closes = table.values["close"]
        reason = f"{times.size} times have two bars that differ (first closes {closes[first]} and {closes[second]})"
        table.refuse(second, table.time_name, f"{reason}: two instruments, or two versions; keep one bar a time")


def off_grid(opens: Integers, row: int, length: int, timeframe: str, name: str) -> str:
    """Say how a row is off the grid of its timeframe: alone, or as all rows are.

    ``name`` is the column that may hold times of closing; it is empty where it is known what it holds.
    """
    units = per_second(opens)
    off = (opens // units) % length
    if np.all(off == off[0]) and length <= DAY_S and DAY_S % length == 0:
        at = f"{off[0] // 3_600:02}:{off[0] // 60 % 60:02}" if length == DAY_S else f"{off[0]} s past"
        grid = "days begin at 00:00 UTC" if length == DAY_S else f"bars of {timeframe} open at whole {timeframe} of UTC"
        ends = name and (int(off[0]) + 1) % 60 == 0
        cure = f" (if they are times of closing: --columns closes={name})" if ends else ""
        return f"all bars open at {at}{' UTC' if length == DAY_S else ' ' + timeframe}: {grid}{cure}"
    return f"{opens[row]} is off the {timeframe} grid of the other rows (mixed timeframes?)"


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
    """Return whether so many equal steps in a row are too unlikely in a random order of the file's steps."""
    if step not in LONGER or run < RUN_MIN:
        return False
    like, rest = int(np.count_nonzero(steps == step)), steps.size - run
    return (rest + 1) * comb(like, run) < CHANCE_MAX * comb(steps.size, run)
