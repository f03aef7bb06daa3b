"""Probabilistic and deflated Sharpe ratios and track records are those of the papers that define them."""

from math import inf, sqrt

import numpy as np
import pytest

from fanfold.research.bias_lab.sharpe_tests import (
    SharpeEstimate,
    deflated_sharpe,
    estimate,
    expected_maximum,
    probabilistic_sharpe,
    record_length_min,
)


@pytest.mark.parametrize(("skewness", "kurtosis", "probability"), [(0, 3, 0.982), (-2.448, 10.164, 0.913)])
def test_the_fund_of_the_first_paper_has_its_probabilities(skewness: float, kurtosis: float, probability: float):
    fund = SharpeEstimate(24, 0.458, skewness, kurtosis)
    assert round(probabilistic_sharpe(fund), 3) == probability


@pytest.mark.parametrize(
    ("periods", "skewness", "kurtosis", "years"),
    [(252, 0, 3, 2.73), (52, 0, 3, 2.83), (12, 0, 3, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_a_ratio_of_two_needs_the_papers_years_to_beat_one(
    periods: int, skewness: float, kurtosis: float, years: float
):
    measured = SharpeEstimate(1_000, 2 / sqrt(periods), skewness, kurtosis)
    assert round(record_length_min(measured, 1 / sqrt(periods)) / periods, 2) == years


@pytest.mark.parametrize(
    ("trials", "skewness", "kurtosis", "deflated"), [(100, -3, 10, 0.9004), (46, -3, 10, 0.9505), (88, 0, 3, 0.9505)]
)
def test_the_strategy_of_the_second_paper_is_deflated_as_there(
    trials: int, skewness: float, kurtosis: float, deflated: float
):
    measured = SharpeEstimate(1_250, 2.5 / sqrt(250), skewness, kurtosis)
    assert round(deflated_sharpe(measured, trials, 0.5 / 250), 4) == deflated
    if trials == 100:
        assert round(expected_maximum(trials, 0.5 / 250), 4) == 0.1132


@pytest.mark.parametrize("trials", [5, 10, 100, 1_000])
def test_the_expected_maximum_is_that_of_drawn_normals(trials: int):
    drawn = np.random.default_rng(5).standard_normal((4_000, trials)).max(axis=1).mean()
    assert expected_maximum(trials, 1.0) == pytest.approx(drawn, rel=0.06)


def test_a_record_as_long_as_it_takes_is_just_confident():
    measured = SharpeEstimate(500, 0.08, -0.5, 6.0)
    periods = record_length_min(measured)
    record = measured._replace(periods=periods)  # type: ignore[arg-type]
    assert probabilistic_sharpe(record) == pytest.approx(0.95)
    assert record_length_min(SharpeEstimate(500, -0.1)) == inf


def test_moments_are_those_of_the_returns():
    # Mean 1 and deviation 2 of the sample; of -1, -1, 0, 6 the rest follows by hand.
    measured = estimate(np.array([-1.0, -1.0, 0.0, 6.0]))
    assert measured is not None
    centred = [-2, -2, -1, 5]
    variance = sum(value**2 for value in centred) / 4
    assert measured.sharpe == pytest.approx(1 / sqrt(sum(value**2 for value in centred) / 3))
    assert measured.skewness == pytest.approx(sum(value**3 for value in centred) / 4 / variance**1.5)
    assert measured.kurtosis == pytest.approx(sum(value**4 for value in centred) / 4 / variance**2)
    assert estimate(np.full(20, 0.25)) is None
    assert estimate(np.array([0.1, 0.2])) is None


def test_of_1000_returns_without_an_edge_five_in_a_hundred_are_called_significant():
    chance = np.random.default_rng(11)
    # A t distribution of 5 degrees has a kurtosis of 9, as returns do.
    drawn = [estimate(chance.standard_t(5, 400)) for _ in range(1_000)]
    share = np.mean([probabilistic_sharpe(measured) > 0.95 for measured in drawn if measured])
    assert 0.035 <= share <= 0.065
