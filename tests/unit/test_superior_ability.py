"""The reality check and the test for superior ability are those of arch, which `make oracle` records."""

import json
from math import log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fanfold.research.bias_lab.bootstrap import long_run_variance, stationary_samples, superior_ability

TESTS = Path(__file__).resolve().parents[1]
RECORDED = json.loads((TESTS / "oracles" / "recorded" / "verdict.json").read_text())
BLOCK = RECORDED["block"]
NAMES = ("lower", "consistent", "upper")


def samples_of(run: dict[str, Any]) -> list[np.ndarray]:
    return [np.array(places) for places in run["places"]]


@pytest.mark.parametrize("run", RECORDED["runs"], ids=["none", "one", "two", "all below"])
def test_probabilities_are_those_of_arch_on_the_same_samples(run: dict[str, Any]):
    returns = np.array(run["returns"])
    measured = superior_ability(returns, samples_of(run), BLOCK, studentised=False)
    assert measured == tuple(run["probabilities"][name] for name in NAMES)
    assert long_run_variance(returns, BLOCK) == pytest.approx(run["variance"], rel=1e-9)


def studentised_by_hand(returns: np.ndarray, samples: list[np.ndarray]) -> list[float]:
    """The test of Hansen's paper as it is written there, for each of his three centres."""
    count, width = returns.shape
    root = sqrt(count)
    deviations = [sqrt(variance) for variance in long_run_variance(returns, BLOCK)]
    means = [float(returns[:, k].mean()) for k in range(width)]
    best = max(root * means[k] / deviations[k] for k in range(width))
    kept = {
        "lower": [max(mean, 0.0) for mean in means],
        "consistent": [
            mean if root * mean / deviation >= -sqrt(2 * log(log(count))) else 0.0
            for mean, deviation in zip(means, deviations, strict=True)
        ],
        "upper": means,
    }
    return [
        sum(
            max(root * (returns[places, k].mean() - kept[name][k]) / deviations[k] for k in range(width)) > best
            for places in samples
        )
        / len(samples)
        for name in NAMES
    ]


@pytest.mark.parametrize("run", RECORDED["runs"], ids=["none", "one", "two", "all below"])
def test_studentised_probabilities_are_those_of_the_paper(run: dict[str, Any]):
    returns = np.array(run["returns"])
    measured = superior_ability(returns, samples_of(run), BLOCK)
    assert list(measured) == studentised_by_hand(returns, samples_of(run))
    assert measured.lower <= measured.consistent <= measured.upper


def test_samples_are_blocks_of_the_length_that_was_wanted():
    lengths, counts = [], np.zeros(200)
    for places in stationary_samples(200, 8, 400, seed=1):
        breaks = np.flatnonzero(np.diff(places) % 200 != 1)
        lengths.append(200 / (len(breaks) + 1))
        counts += np.bincount(places, minlength=200)
    assert np.mean(lengths) == pytest.approx(8, rel=0.1)
    # Each time is drawn about as often: a block wraps at the end.
    assert counts.min() > 250
    assert counts.max() < 550


def test_samples_of_a_seed_are_always_the_same():
    first, again = (list(stationary_samples(50, 5, 3, seed=4)) for _ in range(2))
    assert np.array_equal(first, again)


def test_the_best_of_ten_without_an_edge_is_called_superior_five_times_in_a_hundred():
    chance = np.random.default_rng(21)
    significant = [
        superior_ability(chance.standard_normal((150, 10)), stationary_samples(150, 2, 200, seed), 2).consistent < 0.05
        for seed in range(300)
    ]
    assert 0.02 <= np.mean(significant) <= 0.08


def test_one_with_an_edge_among_ten_is_found():
    chance = np.random.default_rng(22)
    significant = []
    for seed in range(40):
        returns = chance.standard_normal((300, 10))
        returns[:, 3] += 0.3
        significant.append(superior_ability(returns, stationary_samples(300, 2, 200, seed), 2).consistent < 0.05)
    assert np.mean(significant) >= 0.9


def test_the_answers_are_those_of_the_locked_library():
    locked = (TESTS / "oracles" / "requirements.txt").read_text()
    assert [f"{name}=={version} " in locked for name, version in RECORDED["made_with"].items()] == [True]
