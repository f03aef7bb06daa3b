"""The series of a tear sheet against the same figures computed bar by bar in plain Python."""

from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from statistics import mean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from fanfold.research import chart_series

START = 1_704_067_200  # 2024-01-01, midnight UTC
DAY_S = 86_400
EQUITY = some.lists(some.floats(1, 1e6), min_size=1, max_size=300)


def walk(count: int, seed: int = 7) -> np.ndarray:
    return 10_000 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.002, count)))


def month_of(at: int) -> tuple[int, int]:
    """Return year and month of a close; one at midnight belongs to the day before."""
    day = datetime.fromtimestamp(at - 1, UTC)
    return day.year, day.month


@given(EQUITY)
def test_drawdown_is_the_share_below_the_highest_close_so_far(equity):
    expected = [value / max(equity[: n + 1]) - 1 for n, value in enumerate(equity)]
    assert chart_series.drawdown(np.array(equity)).tolist() == pytest.approx(expected, abs=1e-12)


def test_drawdown_of_equity_that_was_never_positive_is_none():
    assert chart_series.drawdown(np.array([-1.0, -5.0, 0.0])).tolist() == [0.0, 0.0, 0.0]


@given(EQUITY, some.integers(1, 40))
def test_thinning_keeps_both_ends_and_both_extremes(equity, buckets):
    column = np.array(equity)
    places = chart_series.places_to_draw([column], buckets)
    assert places.tolist() == sorted(set(places.tolist()))
    assert (places[0], places[-1]) == (0, len(equity) - 1)
    assert (column[places].min(), column[places].max()) == (min(equity), max(equity))
    assert len(places) <= 2 * buckets + 2


@pytest.mark.parametrize("step", [60, 3_600, DAY_S])
def test_months_multiply_to_the_whole_return(step):
    at = START + step * np.arange(1, 100 * DAY_S // step + 1)
    equity = walk(len(at))
    last: dict[tuple[int, int], float] = {}
    for close, value in zip(at.tolist(), equity.tolist(), strict=True):
        last[month_of(close)] = value
    expected = [after / before - 1 for before, after in pairwise([10_000, *last.values()])]
    (row,) = chart_series.months(at, equity, 10_000)
    assert [value for value in row.returns if value is not None] == pytest.approx(expected)
    assert (row.year, row.returns[4:]) == (2024, [None] * 8)
    assert row.whole == pytest.approx(equity[-1] / 10_000 - 1)


def test_each_year_has_a_row():
    at = START + DAY_S * np.arange(1, 800)
    rows = chart_series.months(at, walk(len(at)), 10_000)
    assert [row.year for row in rows] == [2024, 2025, 2026]
    assert [sum(value is not None for value in row.returns) for row in rows] == [12, 12, 3]


@pytest.mark.parametrize(("count", "days"), [(59, 0), (60, 30), (179, 30), (180, 90)])
def test_the_window_of_the_rolling_ratio_follows_the_length_of_the_run(count, days):
    returns = np.random.default_rng(3).normal(0.001, 0.02, count).tolist()
    series, window = chart_series.rolling_sharpe(START, returns)
    assert window == days
    expected = [
        mean(returns[n - days : n]) / stdev(returns[n - days : n]) * 365**0.5 for n in range(days, count + 1) if days
    ]
    assert series.values == pytest.approx(expected, rel=1e-6)
    assert series.at == [START + n * DAY_S for n in range(days, count + 1) if days]


def test_days_without_any_change_have_no_ratio():
    series, _ = chart_series.rolling_sharpe(START, [0.0] * 60)
    assert series.values == [None] * 31


@given(some.integers(1, 200), some.integers(1, 50))
def test_joined_candles_hold_the_bars_that_they_stand_for(count, most):
    at = START + 60 * np.arange(1, count + 1)
    opened, close = walk(count, 1), walk(count, 2)
    bars = opened, np.maximum(opened, close) + 1, np.minimum(opened, close) - 1, close
    joined = chart_series.candles(at, bars, most)
    assert len(joined.at) <= most
    groups = [slice(first, first + joined.span) for first in range(0, count, joined.span)]
    assert joined.at == [int(at[group][-1]) for group in groups]
    expected = [(bars[0][g][0], bars[1][g].max(), bars[2][g].min(), bars[3][g][-1]) for g in groups]
    assert np.array(joined[1:5]).T.tolist() == [pytest.approx(row, rel=1e-6) for row in expected]


@pytest.mark.parametrize(("days", "unit"), [(20, "day"), (200, "month")])
def test_turnover_is_what_was_traded_over_the_equity_before(days, unit):
    at = START + 3_600 * np.arange(1, 24 * days + 1)
    equity, places = walk(len(at)), np.arange(5, 24 * days, 7)
    notional = np.random.default_rng(9).uniform(1, 5_000, len(places))
    series, chosen = chart_series.turnover(at, equity, 10_000, at[places], notional)
    length = 10 if unit == "day" else 7
    names = [datetime.fromtimestamp(close - 1, UTC).isoformat()[:length] for close in at.tolist()]
    traded: dict[str, float] = defaultdict(float)
    for place, amount in zip(places.tolist(), notional.tolist(), strict=True):
        traded[names[place]] += amount
    firsts = {name: names.index(name) for name in names}
    expected = [traded[name] / (equity[n - 1] if n else 10_000) for name, n in firsts.items()]
    assert (chosen, series.values) == (unit, pytest.approx(expected, rel=1e-6))
    assert [datetime.fromtimestamp(close, UTC).isoformat()[:length] for close in series.at] == list(firsts)


def test_figures_that_are_none_are_drawn_as_gaps():
    assert chart_series.shown(np.array([1 / 3, np.nan, np.inf, 123_456_789.0])) == [
        0.3333333,
        None,
        None,
        123_456_800.0,
    ]
