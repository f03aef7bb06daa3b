"""Tests of a Sharpe ratio: probabilistic and deflated, and the track record that it takes.

From Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012) and "The Deflated Sharpe Ratio" (2014).
Ratios are of one period of the returns, not of a year.
"""

from math import e, inf, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Returns = NDArray[np.float64]
# The share by which Euler's constant weighs the two quantiles of an expected maximum.
EULER = 0.5772156649015329


class SharpeEstimate(NamedTuple):
    """A Sharpe ratio of so many ``periods``, with their skewness and kurtosis; those of a normal are 0 and 3."""

    periods: int
    sharpe: float
    skewness: float = 0.0
    kurtosis: float = 3.0

    @property
    def variance(self) -> float:
        """The variance of the ratio as an estimate."""
        spread = 1 - self.skewness * self.sharpe + (self.kurtosis - 1) / 4 * self.sharpe**2
        # A ratio so high that its estimate has no variance is of no sample that there can be.
        return max(spread, 1e-12) / (self.periods - 1)


def estimate(returns: Returns) -> SharpeEstimate | None:
    """Return the ratio of returns and its moments; None of fewer than 3, or where they do not differ."""
    if len(returns) < 3:
        return None
    centred = returns - returns.mean()
    spread = float(np.sqrt(np.mean(centred**2)))
    if spread <= 1e-15 * max(1.0, float(np.abs(returns).max())):
        return None
    return SharpeEstimate(
        len(returns),
        float(returns.mean() / returns.std(ddof=1)),
        float(np.mean((centred / spread) ** 3)),
        float(np.mean((centred / spread) ** 4)),
    )


def probabilistic_sharpe(measured: SharpeEstimate, benchmark: float = 0.0) -> float:
    """Return the probability that the true ratio is above a benchmark.

    >>> round(probabilistic_sharpe(SharpeEstimate(24, 0.458, -2.448, 10.164)), 3)
    0.913
    """
    return NormalDist().cdf((measured.sharpe - benchmark) / sqrt(measured.variance))


def expected_maximum(trials: int, variance: float) -> float:
    """Return the ratio that the best of so many trials without an edge is expected to have.

    ``variance`` is that of the trials' ratios. It is an approximation for many trials; of 2 it is an eighth too low.
    """
    if trials < 2:
        return 0.0
    first, second = NormalDist().inv_cdf(1 - 1 / trials), NormalDist().inv_cdf(1 - 1 / (trials * e))
    return sqrt(variance) * ((1 - EULER) * first + EULER * second)


def deflated_sharpe(measured: SharpeEstimate, trials: int, variance: float) -> float:
    """Return the probability that the true ratio is above 0, for the best of so many trials.

    ``variance`` is that of the trials' ratios.

    >>> round(deflated_sharpe(SharpeEstimate(1250, 2.5 / 250**0.5, -3, 10), 100, 0.5 / 250), 4)
    0.9004
    """
    return probabilistic_sharpe(measured, expected_maximum(trials, variance))


def record_length_min(measured: SharpeEstimate, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Return how many returns it takes until the ratio is above a benchmark with a confidence; inf where it is not."""
    if measured.sharpe <= benchmark:
        return inf
    spread = measured.variance * (measured.periods - 1)
    return 1 + spread * (NormalDist().inv_cdf(confidence) / (measured.sharpe - benchmark)) ** 2
