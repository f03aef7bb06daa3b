"""Look-ahead: recompute on data that ends earlier; whoever knows no later bars must decide the same."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from fanfold.market import timeframes
from fanfold.research.bias_lab.decisions import Decisions, decide
from fanfold.research.bias_lab.finding import Finding, failed, passed, unmeasured
from fanfold.research.bias_lab.market_columns import MarketColumns
from fanfold.strategy.contract import Strategy

NAME = "look-ahead"
CUTS = 48
# What stands behind a cut, as multiples of the last bar: as if nothing moved, and as if everything did.
BEYOND = (1.0, 4.0, 0.25)
# Python takes microseconds for a bar, and a cut costs all bars before it.
PLAIN_BARS = 3_000
_LONGER = ("5m", "15m", "1h", "4h", "1d")


class ChangedDecision(NamedTuple):
    """A decision that later bars change: at which bar, and of which cut, both by number."""

    at: int
    cut: int


def check(strategy: Strategy, bars: MarketColumns, decisions: Decisions, seed: int) -> Finding:
    """Return whether decisions are the same on bars that end earlier, at changes of weight and at random."""
    if not decisions.compiled:
        bars = bars.part(max(0, bars.length - PLAIN_BARS - strategy.lookback), bars.length)
        decisions = decide(strategy, bars)
    cuts = _cuts(strategy, decisions, seed)
    if not cuts:
        return unmeasured(NAME, f"{bars.length:,} bars, which the warm-up takes", "Give more bars.")
    differences = [difference for cut in cuts for difference in _differences(strategy, bars, decisions, cut)]
    if not differences:
        return passed(NAME, f"{len(cuts)} cuts of the data change no decision before them", cuts=len(cuts))
    first = min(differences)
    reach = max(difference.cut - difference.at + 1 for difference in differences)
    count = len({difference.cut for difference in differences})
    length = _length_of(bars, differences, reach)
    of = f", within bars of {length} that were not over" if length else ""
    measured = (
        f"{count} of {len(cuts)} cuts change decisions before them{of}; the first is that of "
        f"{datetime.fromtimestamp(int(bars.time[first.at]), UTC):%Y-%m-%d %H:%M}"
    )
    change = (
        "Use a longer bar only once its last bar has closed: end it at or before bars.now"
        if length
        else "Read single bars, no further than bars.now, and count from there"
    )
    return failed(NAME, measured, f"{change}.", cuts=len(cuts), changed=count, reach_min=reach, longer=length)


def _cuts(strategy: Strategy, decisions: Decisions, seed: int) -> list[int]:
    """Return the last bars of shorter data: half of them where a weight changes, half at random."""
    weights = decisions.wanted[:, 0]
    count, first = weights.shape[1], strategy.lookback
    if count <= first + 2:
        return []
    changes = np.flatnonzero((np.diff(weights, axis=1) != 0).any(axis=0)) + 1
    changes = changes[(changes >= first) & (changes < count - 1)]
    spread = changes[np.linspace(0, changes.size - 1, min(CUTS // 2, changes.size)).astype(int)]
    # What a change looked ahead at came just after the bar before it, too.
    anywhere = np.random.default_rng(seed).integers(first, count - 1, CUTS // 2)
    return sorted({*spread.tolist(), *(spread - 1).clip(first).tolist(), *anywhere.tolist()})


def _differences(strategy: Strategy, bars: MarketColumns, decisions: Decisions, cut: int) -> Iterator[ChangedDecision]:
    known = decisions.wanted[:, :, : cut + 1]
    for beyond in BEYOND:
        shorter = decide(strategy, bars.part(0, cut + 1), beyond).wanted
        same = (shorter == known) | (np.isnan(shorter) & np.isnan(known))
        places = np.flatnonzero(~same.all(axis=(0, 1)))
        if places.size:
            yield ChangedDecision(int(places[0]), cut)


def _length_of(bars: MarketColumns, differences: list[ChangedDecision], reach: int) -> str:
    """Return the shortest timeframe whose bars hold each changed decision with its cut, from begin to end; else ""."""
    step = int(np.diff(bars.time).min())
    for timeframe in _LONGER:
        length = timeframes.seconds(timeframe)
        within = [(bars.time[each.at] - 1) // length == (bars.time[each.cut] - 1) // length for each in differences]
        if all(within):
            return timeframe if step < length <= 2 * reach * step else ""
    return ""
