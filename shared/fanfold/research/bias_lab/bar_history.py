"""Bars that were not so at the time: recorded while they formed, computed from others, stamped early, or revised."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from fanfold.market import timeframes
from fanfold.market.recording import RECORD, Recording
from fanfold.research.bias_lab.finding import Finding, failed, passed, unmeasured
from fanfold.research.bias_lab.market_columns import MarketColumns
from fanfold.research.columns import Floats, Integers

NAME = "repainting"
# The step from a close to the next open, in ranges of a bar; of whole bars of a market that never closes it is near 0.
GAP_MAX = 0.5
# Below so many ticks a bar says nothing of how it was recorded.
TICKS_MIN = 5
COMPUTED_MIN = 0.9
BARS_MIN = 50
AGREE_MIN = 0.9


class Doubt(NamedTuple):
    """A reason to doubt that bars were so at the time, and what to do about it."""

    measured: str
    change: str


def check(bars: MarketColumns, longer: Sequence[Recording], again: Sequence[Recording]) -> Finding:
    """Return whether bars are those that were known at their close.

    ``longer`` are bars of the same instruments of longer timeframes, ``again`` the same bars of another download.
    """
    if bars.length < BARS_MIN:
        return unmeasured(NAME, f"{bars.length:,} bars are too few to tell", f"Give {BARS_MIN} bars.")
    doubts = [*_of_shapes(bars), *_stamped(bars, longer), *_revised(bars, again)]
    if doubts:
        changes = dict.fromkeys(doubt.change for doubt in doubts)
        return failed(NAME, "; ".join(doubt.measured for doubt in doubts), " ".join(changes))
    compared = f", {len(longer)} longer and {len(again)} downloaded again agree" if longer or again else ""
    return passed(NAME, f"{bars.length:,} bars follow on each other as whole bars do{compared}")


def _of_shapes(bars: MarketColumns) -> list[Doubt]:
    doubts = []
    for name, opened, high, low, close in zip(
        bars.instruments, bars.open, bars.high, bars.low, bars.close, strict=True
    ):
        middle = np.abs(opened[1:] - (opened[:-1] + close[:-1]) / 2)
        gap, spread = np.abs(opened[1:] - close[:-1]), high - low
        tick = _tick(close)
        if np.mean(middle <= tick) > COMPUTED_MIN and np.mean(gap > tick) > 1 - COMPUTED_MIN:
            doubts.append(Doubt(
                f"{name} opens in the middle of the bar before: these are Heikin-Ashi bars",
                "Nobody could trade at such prices: test on the bars that they were computed from.",
            ))  # fmt: skip
        elif np.median(spread) > TICKS_MIN * tick and np.median(gap) > GAP_MAX * np.median(spread):
            doubts.append(Doubt(
                f"{name} opens {np.median(gap) / np.median(spread):.1f} ranges of a bar from the close before: its "
                "bars were recorded while they formed, or most of them are missing",
                "Download the bars again after they closed; `fanfold data check FILE` says what is missing.",
            ))  # fmt: skip
    return doubts


def _tick(prices: Floats) -> float:
    """Return the smallest step between prices, as an estimate of the tick."""
    steps = np.diff(np.unique(np.round(prices, 10)))
    return float(steps.min()) * 1.01 if steps.size else 0.0


def _stamped(bars: MarketColumns, longer: Sequence[Recording]) -> list[Doubt]:
    """Return the longer bars that hold what came after the time that they bear."""
    doubts = []
    for recording in longer:
        if recording.instrument not in bars.instruments:
            continue
        closes = bars.close[bars.instruments.index(recording.instrument)]
        length = timeframes.seconds(recording.timeframe)
        times, prices = _closes(recording)
        then = _agreement(bars.time, closes, times, prices)
        later = _agreement(bars.time, closes, times + length, prices)
        if later > AGREE_MIN > then:
            doubts.append(Doubt(
                f"the {recording.timeframe} bars of {recording.instrument} bear the time of their open: each knows the "
                f"next {recording.timeframe}",
                "Name the column of opens: `--columns time=start_at`, or write the close into the file.",
            ))  # fmt: skip
        elif then <= AGREE_MIN and later <= AGREE_MIN and not np.isnan(then):
            doubts.append(Doubt(
                f"{1 - then:.0%} of the {recording.timeframe} closes of {recording.instrument} are not those of its "
                "shorter bars",
                "Make the longer bars of the shorter ones, or download both again.",
            ))  # fmt: skip
    return doubts


def _agreement(times: Integers, closes: Floats, at: Integers, prices: Floats) -> float:
    """Return the share of prices that are the closes of those times; NaN where there are none."""
    places = np.searchsorted(times, at)
    known = (places < times.size) & (times[np.minimum(places, times.size - 1)] == at)
    if not known.any():
        return float("nan")
    return float(np.isclose(closes[places[known]], prices[known], rtol=1e-9).mean())


def _revised(bars: MarketColumns, again: Sequence[Recording]) -> list[Doubt]:
    doubts = []
    for recording in again:
        if recording.instrument not in bars.instruments:
            continue
        times, prices = _closes(recording)
        common, here, there = np.intersect1d(bars.time, times, assume_unique=True, return_indices=True)
        closes = bars.close[bars.instruments.index(recording.instrument)][here]
        changed = common[~np.isclose(closes, prices[there], rtol=1e-9)]
        if changed.size:
            first = datetime.fromtimestamp(int(changed[0]), UTC)
            doubts.append(Doubt(
                f"{changed.size:,} of {common.size:,} closes of {recording.instrument} differ between two downloads, "
                f"the first at {first:%Y-%m-%d %H:%M}",
                "Test on the bars as they were first published; the desk's own records keep those.",
            ))  # fmt: skip
    return doubts


def _closes(recording: Recording) -> tuple[Integers, Floats]:
    rows = np.frombuffer(recording.records, dtype="<i8").reshape(-1, RECORD.size // 8)
    return rows[:, 0], rows[:, 4] / 10.0**recording.price_scale
