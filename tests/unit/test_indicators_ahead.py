"""Indicators of plain steps, computed ahead in blocks, give what plain Python gives, bit for bit."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fanfold import indicators
from fanfold.research import folding, indicators_ahead
from fanfold.research.columns import IntegerBars, step_columns
from fanfold.research.folding import fold
from fanfold.research.indicators_ahead import FOLDS, WINDOWS, with_indicators_ahead
from fanfold.research.plain_views import StepViews
from fanfold.strategy import contract, folder
from support.own_strategy import ALWAYS_LONG

COUNT = 5_000
# Prices of which averages carry a state, those that change their steps, and those that no float holds exactly.
PRICES: dict[str, Callable[[np.random.Generator], Any]] = {
    "a walk": lambda chance: 60_000 + np.cumsum(chance.integers(-300, 300, COUNT)) / 100,
    "across powers of ten": lambda chance: np.exp(np.cumsum(chance.normal(0, 0.2, COUNT))),
    "flat": lambda _chance: np.full(COUNT, 0.3),
    "no number at times": lambda chance: np.where(chance.random(COUNT) < 0.01, np.nan, chance.random(COUNT)),
    "beyond what is exact": lambda chance: chance.random(COUNT) * 10.0 ** chance.integers(-300, 300, COUNT),
}
BY_NAME: dict[str, Any] = {each.__name__: each for each in (*FOLDS, *WINDOWS)}


@pytest.fixture(autouse=True)
def _folder() -> Iterator[None]:
    yield
    folder.use(None)


def ahead(name: str, column: list[float], figures: Any) -> Any:
    """Return a step that is one indicator, with its twin over a column."""
    return with_columns(name, [(column, figures)])


def with_columns(name: str, columns: list[Any]) -> Any:
    scope: dict[str, Any] = {name: BY_NAME[name], "__name__": "own"}
    exec(f"def step(*arguments):\n    return {name}(*arguments)", scope)
    step = with_indicators_ahead(scope["step"], columns)
    assert step is not scope["step"]
    return step


def bits(values: Any) -> bytes:
    figures = np.array(values, np.float64)
    # The sign of what is no number is nobody's.
    return np.where(np.isnan(figures), np.nan, figures).tobytes()


@pytest.mark.parametrize("prices", PRICES)
@pytest.mark.parametrize("name", sorted(BY_NAME))
@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_a_column_has_the_same_values(name: str, prices: str, n: int) -> None:
    figures = np.asarray(PRICES[prices](np.random.default_rng(n)))
    column, plain = figures.tolist(), BY_NAME[name]
    twin, own, other, values = ahead(name, column, figures), 0.0, 0.0, list[tuple[Any, ...]]()
    for now in range(n - 1, COUNT):
        if plain in FOLDS:
            own, value = twin(own, column, now, n)
            other, expected = plain(other, column, now, n)
            values.append((own, value, other, expected))
        else:
            values.append((twin(column, now, n), plain(column, now, n)))
    got = np.array(values)
    assert bits(got[:, : got.shape[1] // 2]) == bits(got[:, got.shape[1] // 2 :])


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_calls_has_the_same_values(seed: int) -> None:
    chance = np.random.default_rng(seed)
    columns = [100 + np.cumsum(chance.integers(-9, 9, 600)) / 100 for _ in range(2)]
    listed = [each.tolist() for each in columns]
    known = list(zip(listed, columns, strict=True))
    average, highest = with_columns("excess", known), with_columns("rolling_max", known)
    states = {(which, n): 0.0 for which in (0, 1, 2) for n in (5, 20)}
    listed.append([float(each) for each in range(600)])
    now = 20
    for _ in range(2_000):
        which, n = int(chance.integers(3)), int(chance.choice([5, 20]))
        state = states[which, n] if chance.random() < 0.9 else float(chance.integers(-5, 5))
        arguments = (state, listed[which], now, n)
        expected = indicators.excess(*arguments)
        assert average(*arguments) == expected, f"seed {seed}"
        states[which, n] = expected[0]
        behind = now - int(chance.integers(3))
        assert highest(listed[which], behind, n) == indicators.rolling_max(listed[which], behind, n)
        now = min(now + int(chance.random() < 0.5), 599) if chance.random() < 0.99 else 20


@pytest.mark.parametrize("arguments", [(0.0, 20, 20.0), (0.0, 600, 20), (0.0, 20, 0), (0, 20, 20), (0.0, 2, 20)])
def test_what_compiled_code_does_not_take_is_plain(arguments: tuple[Any, int, Any]) -> None:
    figures = 100 + np.arange(600.0)
    column, (state, now, n) = figures.tolist(), arguments
    twin = ahead("excess", column, figures)
    assert outcome(twin, state, column, now, n) == outcome(indicators.excess, state, column, now, n)


def outcome(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except (TypeError, IndexError, ZeroDivisionError) as fault:
        return type(fault)


# Steps that numba refuses, by what they return; ``own`` is a function of the file.
STEPS = {
    "its own average": "State((pair := sma(state.seen, bars.close, bars.now, params.n))[0]), pair[1] % 1.0",
    "by name": "State((pair := sma(state.seen, bars.close, n=params.n, now=bars.now))[0]), pair[1] % 1.0",
    "through a function": "own(state, bars)",
    "a trend": "state, donchian(bars, params.n).upper % 1.0",
    "behind now": "state, stochastic(bars, params.n, 3, 3)[0] / 100.0",
    "starts again": "(State(ema(state.seen if bars.now % 50 else 0.0, bars.close, bars.now, 9)[0]), 0.5)",
    "raises at times": "State((pair := sma(state.seen, bars.low, bars.now, 3))[0]), pair[1] / (bars.now % 50)",
    "two columns": "state, rolling_max(bars.high, bars.now, 4) - rolling_min(bars.low, bars.now, 4)",
}
OWN = """


def own(state, bars):
    following, mean = sma(state.seen, bars.close, bars.now, 3)
    return State(following), mean % 1.0
"""


@pytest.mark.parametrize("case", STEPS)
def test_a_step_wants_what_it_wants_without_blocks(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strategy, member = written(ALWAYS_LONG.replace("return state, 1.0", f"return {STEPS[case]}") + OWN, tmp_path)
    monkeypatch.setitem(folding._refused, strategy.step, "asked for")
    expected = fold(strategy, [member], 0).wanted
    monkeypatch.setattr(folding, "MANY", 1)
    computed = list[str]()
    monkeypatch.setattr(indicators_ahead, "_compiled", counted(indicators_ahead._compiled, computed))
    assert bits(fold(strategy, [member], 0).wanted) == bits(expected)
    assert computed


def counted(function: Any, computed: list[str]) -> Any:
    def counting(indicator: Any) -> Any:
        computed.append(indicator.__name__)
        return function(indicator)

    return counting


def test_a_step_that_keeps_a_global_is_left_as_it_is(tmp_path: Path) -> None:
    text = ALWAYS_LONG.replace(
        "    return state, 1.0",
        "    global seen\n    seen = sma(0.0, bars.close, bars.now, 3)[1]\n    return state, seen % 1.0",
    )
    strategy, member = written(f"{text}\n\nseen = 0.0\n", tmp_path)
    views = StepViews(strategy, step_columns([member], strategy.lookback), 0, 1)
    assert with_indicators_ahead(strategy.step, views.columns()) is strategy.step


def test_members_of_a_universe_have_their_own_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = ALWAYS_LONG.replace("Bars", "Universe").replace(
        "return state, 1.0",
        "return state, sum([zscore(bars.close[i], bars.now, 3) * (i - 1) for i in range(bars.count)]) / 9.0",
    )
    strategy, members = written_for(text, tmp_path, 3)
    monkeypatch.setitem(folding._refused, strategy.step, "asked for")
    expected = fold(strategy, members, 1).wanted
    monkeypatch.setattr(folding, "MANY", 1)
    assert bits(fold(strategy, members, 1).wanted) == bits(expected)


def written(text: str, into: Path) -> tuple[contract.Strategy, IntegerBars]:
    strategy, members = written_for(text, into, 1)
    return strategy, members[0]


def written_for(text: str, into: Path, count: int) -> tuple[contract.Strategy, list[IntegerBars]]:
    """Return a strategy of a file, and bars for so many instruments."""
    imported = "import donchian, ema, rolling_max, rolling_min, sma, stochastic, zscore"
    (into / "own.py").write_text(text.replace("from typing", f"from fanfold.indicators {imported}\nfrom typing", 1))
    folder.use(into)
    chance, times = np.random.default_rng(count), 60 * np.arange(1, 3_001)
    members = []
    for _ in range(count):
        close = 6_000_000 + np.cumsum(chance.integers(-300, 300, times.size))
        wide = chance.integers(0, 300, times.size)
        members.append(IntegerBars(times, close, close + wide, close - wide, close, wide, 2, 0))
    return contract.bind("own", {}, count), members
