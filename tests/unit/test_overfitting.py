"""The probability of overfitting is what a plain second implementation of the paper computes."""

from itertools import combinations
from statistics import fmean, stdev

import numpy as np
import pytest

from fanfold.research.bias_lab.overfitting import Overfitting, overfitting


def by_hand(returns: np.ndarray, parts: int) -> Overfitting:
    """The algorithm of the paper, step by step, with lists."""
    length = len(returns) // parts
    columns = returns.T.tolist()
    below, lost, pairs = [], [], []
    for chosen in combinations(range(parts), parts // 2):
        inside, outside = [], []
        for column in columns:
            halves: tuple[list[float], list[float]] = ([], [])
            for part in range(parts):
                halves[part not in chosen].extend(column[part * length : (part + 1) * length])
            inside.append(fmean(halves[0]) / stdev(halves[0]))
            outside.append(fmean(halves[1]) / stdev(halves[1]))
        best = inside.index(max(inside))
        rank = sorted(outside).index(outside[best]) + 1
        relative = rank / (len(columns) + 1)
        below.append(0.5 if relative == 0.5 else float(relative < 0.5))
        lost.append(outside[best] < 0)
        pairs.append((inside[best], outside[best]))
    slope = np.polyfit([in_sample for in_sample, _ in pairs], [out_of_it for _, out_of_it in pairs], 1)[0]
    return Overfitting(fmean(below), fmean(lost), slope, len(pairs))


@pytest.mark.parametrize(("seed", "configurations", "drift"), [(1, 2, 0.0), (2, 7, 0.0), (3, 5, 0.3), (4, 8, -0.2)])
def test_the_outcome_is_that_of_the_plain_algorithm(seed: int, configurations: int, drift: float):
    returns = np.random.default_rng(seed).standard_normal((67, configurations))
    returns[:, 0] += drift
    assert overfitting(returns, 8) == pytest.approx(by_hand(returns, 8))


def test_configurations_without_an_edge_are_overfitted_as_often_as_not():
    chance = np.random.default_rng(8)
    shares = [overfitting(chance.standard_normal((320, 10))).probability for _ in range(30)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.1)


def test_an_edge_of_one_configuration_is_not_overfitted():
    returns = np.random.default_rng(9).standard_normal((1_600, 10))
    returns[:, 4] += 0.3
    outcome = overfitting(returns)
    assert outcome.probability < 0.01
    assert outcome.loss < 0.01
    assert outcome.splits == 12_870


def test_configurations_that_are_all_alike_are_neither_better_nor_worse():
    returns = np.repeat(np.random.default_rng(3).standard_normal((80, 1)), 5, axis=1)
    assert overfitting(returns, 8).probability == 0.5


@pytest.mark.parametrize(("shape", "parts"), [((80, 3), 7), ((80, 1), 8), ((12, 3), 8)])
def test_too_little_to_split_is_refused(shape: tuple[int, int], parts: int):
    with pytest.raises(ValueError, match=r"parts|too few"):
        overfitting(np.zeros(shape), parts)
