"""The best of several configurations against none: White's reality check and Hansen's test for superior ability.

White, "A Reality Check for Data Snooping" (2000); Hansen, "A Test for Superior Predictive Ability" (2005); samples by
the stationary bootstrap of Politis and Romano (1994).
"""

from collections.abc import Iterable, Iterator
from math import log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Indices = NDArray[np.int64]


class SuperiorAbility(NamedTuple):
    """The probabilities that the best is no better than nothing: bounds, and the consistent one between them.

    ``upper`` counts every configuration, however bad; of means that are not studentised it is White's reality check.
    """

    lower: float
    consistent: float
    upper: float


def stationary_samples(count: int, block: float, samples: int, seed: int) -> Iterator[Indices]:
    """Yield the places of resampled times: blocks of random length, ``block`` on average, that wrap at the end."""
    chance = np.random.default_rng(seed)
    places = np.arange(count)
    for _ in range(samples):
        begins = chance.random(count) < 1 / block
        begins[0] = True
        origin = np.maximum.accumulate(np.where(begins, places, 0))
        yield (chance.integers(0, count, count)[origin] + places - origin) % count


def superior_ability(
    excess: Matrix, samples: Iterable[Indices], block: float, *, studentised: bool = True
) -> SuperiorAbility:
    """Return the probabilities for returns above a benchmark, a row a time, a column a configuration."""
    count = len(excess)
    means = excess.mean(axis=0)
    deviation = np.sqrt(long_run_variance(excess, block))
    # What does not move can neither win nor lose.
    scale = np.where(deviation > 0, deviation, np.inf) if studentised else np.ones(len(means))
    threshold = -deviation / sqrt(count) * sqrt(2 * log(log(count)))
    centres = np.stack([np.maximum(means, 0), np.where(means >= threshold, means, 0), means])
    best = float(np.max(means / scale))
    beyond, drawn = np.zeros(3), 0
    for places in samples:
        drawn += 1
        weights = np.bincount(places, minlength=count) / count
        beyond += ((weights @ excess - centres) / scale).max(axis=1) > best
    return SuperiorAbility(*(beyond / drawn).tolist())


def long_run_variance(excess: Matrix, block: float) -> Matrix:
    """Return the variance of the means, times the number of times, that a stationary bootstrap would give."""
    count = len(excess)
    centred = excess - excess.mean(axis=0)
    keep = 1 - 1 / block
    variance = (centred**2).mean(axis=0)
    for lag in range(1, count):
        weight = (1 - lag / count) * keep**lag + lag / count * keep ** (count - lag)
        if weight > 1e-12:
            variance += 2 * weight * (centred[:-lag] * centred[lag:]).sum(axis=0) / count
    positive: Matrix = np.maximum(variance, 0)
    return positive
