"""The decisions of each strategy, and the effort of a new one."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.feather
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold import desk
from fanfold.errors import BadInput
from fanfold.research.compiled import compile_step
from fanfold.strategy import contract, folder
from fanfold.strategy.bars import Bars, Universe
from support.core_desk import raw

REPOSITORY = Path(__file__).resolve().parents[2]
GUIDE = (REPOSITORY / "docs/writing-a-strategy.md").read_text()
RECORDED = REPOSITORY.parent / "shared/data/candles_1m/binance_XRPUSDT_1m_2026-03_2026-04.feather"
SMALL: dict[str, dict[str, Any]] = {
    "breakout": {"entry": 3, "exit": 2, "atr": 2, "stop": 1.5, "short": 1},
    "mean_reversion": {"window": 5, "entry": 1.0, "exit": 0.2},
    "momentum": {"window": 2, "top": 2, "every": 3},
    "pairs": {"window": 6, "entry": 1.0, "exit": 0.2},
    "sma_cross": {"fast": 2, "slow": 4},
}


def fold(name: str, params: dict[str, Any], *closes: Sequence[float]) -> list[list[Any]]:
    """Weights of each leg, bar by bar from the first; bars are flat at their close."""
    strategy = contract.bind(name, params, len(closes))
    columns = [[close[0]] * strategy.lookback + list(close) for close in closes]
    legs = []
    for me, column in enumerate(columns):
        state, weights = strategy.start(strategy.params), []
        for now in range(strategy.lookback, len(column)):
            bars = (
                Universe(now, me, len(closes), range(now + 1), *[columns] * 5)
                if strategy.cross_sectional
                else Bars(now, range(now + 1), *[column] * 5)
            )
            state, weight = strategy.step(strategy.params, state, bars)
            weights.append(weight)
        legs.append(weights)
    return legs


@given(st.lists(st.integers(300, 2000), min_size=8, max_size=60), st.integers(0, 18))
def test_averages_cross_where_exact_integers_do_at_prices_of_any_size(ticks: list[int], scale: int) -> None:
    weights = fold("sma_cross", {"fast": 2, "slow": 4}, [tick / 10**scale for tick in ticks])[0]
    whole = [ticks[0]] * 4 + ticks
    sums = [(sum(whole[end - 2 : end]), sum(whole[end - 4 : end])) for end in range(5, len(whole) + 1)]
    assert weights == [1.0 if 2 * fast > slow else 0.0 for fast, slow in sums]


def exact_crossings(ticks: list[int], fast: int, slow: int) -> tuple[list[float], int]:
    """Targets by whole numbers from the first full window on, and how many bars were exact ties."""
    ends = range(slow, len(ticks) + 1)
    leads = [slow * sum(ticks[end - fast : end]) - fast * sum(ticks[end - slow : end]) for end in ends]
    return [1.0 if lead > 0 else 0.0 for lead in leads], leads.count(0)


@pytest.mark.parametrize(("fast", "slow"), [(1, 2), (5, 10), (20, 100)])
def test_sma_cross_decides_as_whole_numbers_do_ties_included(fast: int, slow: int) -> None:
    moves = np.random.default_rng(3).integers(-1, 2, 20_000)
    ticks = [int(tick) for tick in 100_001 + np.cumsum(moves)]
    weights, ties = exact_crossings(ticks, fast, slow)
    decided = fold("sma_cross", {"fast": fast, "slow": slow}, [tick / 1000 for tick in ticks])[0]
    assert ties > 0
    assert decided[slow - 1 :] == weights


@pytest.mark.parametrize(("fast", "slow"), [(5, 10), (20, 100)])
def test_sma_cross_decides_as_whole_numbers_do_on_recorded_bars(fast: int, slow: int) -> None:
    if not RECORDED.exists():
        pytest.skip("the recorded bars are not beside the repository")
    closes = pyarrow.feather.read_table(RECORDED, memory_map=False)["close"].to_pylist()
    weights, ties = exact_crossings([round(close * 10**4) for close in closes], fast, slow)
    assert ties > 0
    assert fold("sma_cross", {"fast": fast, "slow": slow}, closes)[0][slow - 1 :] == weights


def test_mean_reversion_sells_far_above_the_mean_and_is_out_when_back() -> None:
    params = {"window": 5, "entry": 1.5, "exit": 0.5}
    assert fold("mean_reversion", params, [10, 10, 10, 10, 10, 12, 11.5, 10, 8]) == [[0, 0, 0, 0, 0, -1, -1, 0, 1]]
    assert fold("mean_reversion", params | {"short": 0}, [10, 10, 10, 10, 10, 12, 11.5, 10, 8]) == [[0] * 8 + [1]]


def test_breakout_buys_a_new_high_and_leaves_at_the_low_of_the_exit() -> None:
    params = {"entry": 3, "exit": 2, "atr": 5, "stop": 100}
    assert fold("breakout", params, [10, 9, 10, 11, 12, 11, 11.5, 10.5, 10.6])[0] == [0, 0, 0, 1, 1, 1, 1, 0, 0]


def test_breakout_leaves_at_the_trailing_stop_before_the_exit_is_reached() -> None:
    closes = [10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.45]
    params = {"entry": 3, "exit": 3, "atr": 3}
    assert fold("breakout", params | {"stop": 100}, closes)[0][-1] == 1
    assert fold("breakout", params | {"stop": 1}, closes)[0][-1] == 0


def test_breakout_shorts_a_new_low_only_where_it_may() -> None:
    falling = [10.0, 10.1, 9.0, 8.0]
    assert fold("breakout", {"entry": 2, "exit": 1}, falling) == [[0, 1, 0, 0]]
    assert fold("breakout", {"entry": 2, "exit": 1, "short": 0.5}, falling) == [[0, 1, -0.5, -0.5]]


def test_pairs_sells_the_dear_leg_and_buys_the_cheap_one_by_the_hedge_ratio() -> None:
    second = [10.0, 11, 10, 11, 10, 11, 10, 11, 10]
    noise = [0.0, 0.1, -0.1, 0, 0.1, -0.1, 0, 0.1, 2]
    first = [2 * x + away for x, away in zip(second, noise, strict=True)]
    dear, cheap = (leg[-1] for leg in fold("pairs", {"window": 9, "entry": 1.5}, first, second))
    slope = float(np.polyfit(second, first, 1)[0])
    assert dear < 0 < cheap
    assert abs(dear) + cheap == pytest.approx(1)
    assert cheap / -dear == pytest.approx(slope * second[-1] / first[-1])


def test_pairs_that_move_against_each_other_are_left_alone() -> None:
    second = [10.0 + step % 3 for step in range(30)]
    against = [30 - close + (5 if step == 29 else 0) for step, close in enumerate(second)]
    assert fold("pairs", {"window": 20, "entry": 1}, against, second)[0][19:] == [0] * 11


def test_momentum_holds_the_best_and_changes_only_when_it_is_time() -> None:
    legs = fold("momentum", {"window": 1, "top": 1, "every": 3}, [1, 2, 3, 4, 4], [1, 1, 9, 99, 999], [1, 1, 1, 1, 1])
    assert [leg[3:] for leg in legs] == [[0, 0], [1, 1], [0, 0]]
    assert [leg[:3] for leg in legs] == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]  # All tied at first: the first named is held.


@pytest.mark.parametrize("name", contract.names())
@given(moves=st.lists(st.tuples(*[st.integers(-30, 30)] * 3), min_size=1, max_size=60))
def test_weights_stay_in_range_and_the_gross_of_a_universe_at_most_one(
    name: str, moves: list[tuple[int, int, int]]
) -> None:
    cross_sectional = name in {"momentum", "pairs"}
    count = 2 if name == "pairs" else 3 if cross_sectional else 1
    walks = [100 * np.cumprod([1 + move[leg] / 100 for move in moves]) for leg in range(count)]
    legs = fold(name, SMALL.get(name, {}), *(np.round(walk + 0.01, 2).tolist() for walk in walks))
    for weights in zip(*legs, strict=True):
        assert all(-1 <= weight <= 1 for weight in weights)
        assert not cross_sectional or sum(map(abs, weights)) <= 1 + 1e-12


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("sma_cross", {"fast": 100, "slow": 100}, "sma_cross: fast is 100 and slow is 100"),
        ("sma_cross", {"fast": "many"}, "param 'fast' of sma_cross is 'many'"),
        ("sma_cross", {"fats": 3}, "param 'fats' is unknown to sma_cross"),
        ("mean_reversion", {"entry": "nan"}, "param 'entry' of mean_reversion is 'nan'"),
        ("mean_reversion", {"window": 1}, "window is 1"),
        ("mean_reversion", {"exit": 3}, "exit is 3.0"),
        ("mean_reversion", {"short": 2}, "short is 2.0"),
        ("breakout", {"exit": 30}, "exit is 30"),
        ("breakout", {"stop": 0}, "stop is 0.0"),
        ("breakout", {"short": -1}, "short is -1.0"),
        ("pairs", {"window": 2}, "window is 2"),
        ("pairs", {"exit": 2}, "exit is 2.0"),
        ("momentum", {"every": 0}, "every is 0"),
    ],
)
def test_a_param_out_of_range_is_refused_by_its_name(name: str, params: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        contract.bind(name, params, 2)


def test_the_step_of_the_guide_that_protects_its_position_is_bound(tmp_path: Path) -> None:
    example, protects = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)[:2]
    (tmp_path / "stopped_dip.py").write_text(example + protects)
    folder.use(tmp_path)
    try:
        assert fold("stopped_dip", {}, [100.0, 101.0])[0][-1] == contract.Protected(0.0, 0.02, 0.05, 0.03)
    finally:
        folder.use(None)


def test_the_instance_of_the_guide_is_one_of_a_desk(written: str) -> None:
    (entry,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    tables = raw()
    tables["strategies"] = tomllib.loads(entry)["strategies"]
    assert [each.strategy for each in desk.build(tables, "the guide's desk").strategies.values()] == [written]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[str]:
    """The strategy of the guide, as a file in a desk's own folder."""
    (tmp_path / "rsi_dip.py").write_text(GUIDE.split("```python\n")[1].split("```")[0])
    folder.use(tmp_path)
    yield "rsi_dip"
    folder.use(None)


def test_a_new_strategy_is_one_file(written: str) -> None:
    """The guide's example is found, bound, folded and compiled with nothing else changed."""
    closes = [100.0 - step for step in range(240)] + [float(step) for step in range(-138, 0)]
    closes = [close + 200 for close in closes]
    assert written in contract.names()
    weights = fold(written, {"window": 3}, closes)[0]
    assert (weights[230], weights[-1]) == (1, 0)
    step = compile_step(contract.load(written))
    strategy = contract.bind(written, {"window": 3}, 1)
    column = np.array(closes)
    bars: Any = Bars(230, np.zeros(1, np.int64), *[column] * 5)  # type: ignore[arg-type]
    state = strategy.start(strategy.params)
    assert step(strategy.params, state, bars) == strategy.step(strategy.params, state, bars)


def test_a_strategy_of_the_guide_refuses_what_cannot_work(written: str) -> None:
    with pytest.raises(BadInput, match=r"step of strategy rsi_dip, .*rsi_dip.py, line .*ZeroDivisionError"):
        contract.bind(written, {"window": 0}, 1)
