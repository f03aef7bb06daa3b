"""Start phase: a result that hangs on the bar at which the strategy happened to start."""

import numpy as np

from fanfold.research.bias_lab.decisions import decide
from fanfold.research.bias_lab.finding import Finding, judged, unmeasured
from fanfold.research.bias_lab.market_columns import MarketColumns
from fanfold.research.bias_lab.trading import returns_of
from fanfold.research.columns import Floats
from fanfold.strategy.contract import Strategy

NAME = "start phase"
# Every bar of half a day of hours, then further apart.
STARTS = (*range(1, 13), 17, 24, 31, 48, 59, 96, 131, 240)
PARTS = 60
# Standard errors by which the start that was tested must not beat the others, by chance one in 700 does; unless it
# is by less than this share of what it earns or loses, such as by one trade more.
ERRORS_MAX, AHEAD_MAX = 3.0, 0.1
PLAIN_BARS = 4_000


def check(strategy: Strategy, bars: MarketColumns, cost: float, *, compiled: bool) -> Finding:
    """Return whether starting some bars later earns about as much over the same bars."""
    if not compiled:
        bars = bars.part(0, min(bars.length, PLAIN_BARS + strategy.lookback))
    first = strategy.lookback + max(STARTS) + 1
    if bars.length < first + 2 * PARTS:
        return unmeasured(NAME, f"{bars.length:,} bars are too few to start later", f"Give {first + 2 * PARTS:,} bars.")
    rows = [_earned(strategy, bars, start, cost)[first - start :] for start in (0, *STARTS)]
    totals = [float(row.sum()) for row in rows]
    ahead = _standard_errors(rows[0] - np.mean(rows[1:], axis=0))
    more = totals[0] - sum(totals[1:]) / len(STARTS)
    measured = (
        f"started {len(STARTS)} times later it earns {min(totals[1:]):+.2%} to {max(totals[1:]):+.2%}, and "
        f"{totals[0]:+.2%} from the first bar, {ahead:.1f} standard errors from their mean"
    )
    return judged(
        NAME,
        measured,
        "Decide by the time of a bar or by prices, not by how many bars were counted since the start.",
        passes=ahead <= ERRORS_MAX or more <= AHEAD_MAX * abs(totals[0]),
        errors=ahead,
        returns=totals,
    )


def _earned(strategy: Strategy, bars: MarketColumns, start: int, cost: float) -> Floats:
    later = bars.part(start, bars.length)
    return returns_of(strategy, later, decide(strategy, later), cost)


def _standard_errors(differences: Floats) -> float:
    """Return the mean in standard errors, of sums over long parts, so that what follows on itself counts once."""
    length = len(differences) // PARTS
    sums = differences[: length * PARTS].reshape(PARTS, length).sum(axis=1)
    error = sums.std(ddof=1) / np.sqrt(PARTS)
    return float(sums.mean() / error) if error > 0 else 0.0
