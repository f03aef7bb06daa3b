"""The shipped crossing of averages by comparing sums is the same, to the last digit, as by its step."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from fanfold.errors import BadInput
from fanfold.research import fixed_size as fixed
from fanfold.research.columns import IntegerBars, Integers, picked, step_columns
from fanfold.research.crossing import (
    ROUNDED,
    SumWindows,
    begun,
    crossing_scan,
    crossings,
    summed,
    windows_of,
)
from fanfold.research.fixed_size import FixedSize, fixed_size, money_scale, scan_terms
from fanfold.research.fixed_size_scan import BLOCK, before_all, blank_room
from fanfold.research.step_signals import StepSource, blank_signals, signals_by
from fanfold.research.tape import DONE, ScanResult, blank_tape
from fanfold.strategy import contract

COUNT = 2 * BLOCK + 77
TERMS = FixedSize(Decimal(10_000), Decimal(3), tick=Decimal("0.01"), lot=Decimal(1), fee_bps=Decimal("7.5"),
                  slippage_bps=Decimal(2))  # fmt: skip


def bars_of(close: Integers, scale: int = 2, seed: int = 1) -> IntegerBars:
    dice = np.random.default_rng(seed)
    opened = np.maximum(np.append(close[:1], close[:-1]) + dice.integers(-2, 3, close.size), 1)
    volume = np.where(dice.random(close.size) < 0.2, 0, 1_000)
    times = 60 * np.arange(1, close.size + 1)
    return IntegerBars(times, opened, np.maximum(opened, close), np.minimum(opened, close), close, volume, scale, 0)


def walk(seed: int, start: int, most: int, moves: float = 0.8) -> Integers:
    """Closes that move by ``most`` at the most, and in a share of the bars alone."""
    dice = np.random.default_rng(seed)
    moved = dice.integers(-most, most + 1, COUNT) * (dice.random(COUNT) < moves)
    return np.maximum(start + np.cumsum(moved), 1)


def by_step(monkeypatch: pytest.MonkeyPatch, run: Callable[[], ScanResult]) -> ScanResult:
    with monkeypatch.context() as patched:
        patched.setattr(fixed, "windows_of", lambda _strategy, _scale: None)
        return run()


def code_of(bars: IntegerBars, windows: SumWindows) -> int:
    """Return the code by which the scan of sums ends."""
    count = bars.time.size
    terms = scan_terms(bars, TERMS, money_scale(bars, TERMS))
    room = blank_room(), blank_tape(count, 1), np.empty(count, np.int64)
    source, progress = begun(windows, bars)
    code: int = crossing_scan()(source, before_all(progress, terms), bars, terms, *room).code
    return code


@pytest.mark.parametrize(("fast", "slow"), [(1, 2), (2, 3), (20, 100), (99, 100), (7, 4_096)])
@pytest.mark.parametrize(
    ("close", "scale"),
    [
        (walk(1, 6_400_000, 900), 2),
        (walk(2, 6_400_000, 2, moves=0.3), 2),
        (walk(3, 100, 1), 2),
        # Through prices of 10 and of 1,000, where the step counts in other steps.
        (walk(4, 1_000, 9), 2),
        (walk(5, 100_000, 90), 2),
        (walk(6, 640_000_000_000, 10**9), 8),
    ],
    ids=["many ticks", "ties", "a cent", "ten", "a thousand", "eight decimals"],
)
def test_sums_say_what_the_step_says(
    monkeypatch: pytest.MonkeyPatch, close: Integers, scale: int, fast: int, slow: int
) -> None:
    strategy, bars = contract.bind("sma_cross", {"fast": fast, "slow": slow}, 1), bars_of(close, scale)
    terms = TERMS._replace(tick=Decimal(1).scaleb(-scale))
    result = fixed_size(strategy, bars, terms)
    stepped = by_step(monkeypatch, lambda: fixed_size(strategy, bars, terms))
    assert len(result.fills) > 0
    assert result.fills.tolist() == stepped.fills.tolist()
    assert result.trips.tolist() == stepped.trips.tolist()
    assert result.equity.tolist() == stepped.equity.tolist()


@pytest.mark.parametrize("count", [1, 31, 33, 101, 133, BLOCK - 1, BLOCK + 1, BLOCK + 33])
@pytest.mark.parametrize("wild", [1, 20_000], ids=["32 bits", "64 bits from the middle on"])
def test_sums_of_any_number_of_bars_say_what_the_step_says(
    monkeypatch: pytest.MonkeyPatch, count: int, wild: int
) -> None:
    close = walk(11, 640_000, 90)[:count]
    close[count // 2 :] += wild * np.arange(count - count // 2)
    strategy, bars = contract.bind("sma_cross", {"fast": 3, "slow": 100}, 1), bars_of(close)
    result = fixed_size(strategy, bars, TERMS)
    stepped = by_step(monkeypatch, lambda: fixed_size(strategy, bars, TERMS))
    assert (len(result.fills) > 0) == (count > 100)
    assert result.fills.tolist() == stepped.fills.tolist()
    assert result.equity.tolist() == stepped.equity.tolist()


@pytest.mark.parametrize("close", [walk(7, 10**15, 10**9), walk(8, 10**10, 10**9)], ids=["prices", "windows"])
def test_what_floats_may_not_hold_is_left_to_the_step(close: Integers) -> None:
    strategy = contract.bind("sma_cross", {"fast": 20, "slow": 4_000}, 1)
    windows = windows_of(strategy, 2)
    assert windows is not None
    assert code_of(bars_of(close), windows) == ROUNDED
    assert code_of(bars_of(walk(9, 10_000, 5)), windows) == DONE


def test_what_is_left_to_the_step_in_the_middle_of_a_run_is_traded_by_it_from_the_first_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    close = walk(3, 100_000, 900)
    close[BLOCK + 500 :] *= 10**7
    strategy, bars = contract.bind("sma_cross", {"fast": 20, "slow": 100}, 1), bars_of(close, 8)
    terms = TERMS._replace(tick=Decimal("1e-8"))
    assert code_of(bars, SumWindows(20, 100, 1e8)) == ROUNDED
    result = fixed_size(strategy, bars, terms)
    stepped = by_step(monkeypatch, lambda: fixed_size(strategy, bars, terms))
    assert len(result.fills) > 0
    assert result.fills.tolist() == stepped.fills.tolist()
    assert result.equity.tolist() == stepped.equity.tolist()


def test_only_the_shipped_step_is_known_and_windows_of_a_block() -> None:
    known: Any = contract.bind("sma_cross", {}, 1)
    assert windows_of(known, 2) == SumWindows(20, 100, 100.0)
    assert windows_of(contract.bind("mean_reversion", {}, 1), 2) is None
    assert windows_of(contract.bind("sma_cross", {"slow": BLOCK + 1}, 1), 2) is None


def test_no_bars_are_no_back_test() -> None:
    with pytest.raises(BadInput, match="no bar"):
        fixed_size(contract.bind("sma_cross", {}, 1), bars_of(np.zeros(0, np.int64)), TERMS)


@pytest.mark.parametrize("first", [0, 1, 700, BLOCK, BLOCK + 4_000])
@pytest.mark.parametrize(("fast", "slow"), [(1, 2), (20, 100), (40, 3_000)])
# Sums of the second wrap around in 32 bits, and of its longest windows the differences do.
@pytest.mark.parametrize("close", [walk(2, 6_400, 3, moves=0.5), walk(1, 6_400_000, 900)], ids=["a few ticks", "many"])
def test_crossings_of_bars_that_trials_share_are_those_of_a_step_that_begins_later(
    close: Integers, first: int, fast: int, slow: int
) -> None:
    strategy, bars = contract.bind("sma_cross", {"fast": fast, "slow": slow}, 1), bars_of(close)
    windows = windows_of(strategy, 2)
    closes = summed(bars.close, np.append(0, np.cumsum(bars.close)))
    written, stepped = blank_signals(COUNT), blank_signals(COUNT)
    number = crossings()(closes, windows, first + strategy.lookback, written)
    own = picked(bars, slice(first, None))
    columns = step_columns([own], strategy.lookback)
    source = StepSource(strategy.params, columns, strategy.lookback, strategy.lookback)
    count = signals_by(strategy.step)(source, strategy.start(strategy.params), 0, own.time.size, stepped)
    assert number == count
    # Of fewer bars than a window nothing is said.
    assert (count > 0) == (own.time.size > slow)
    assert (written.at[:number] - first).tolist() == stepped.at[:count].tolist()
    assert written.weight[:number].tolist() == stepped.weight[:count].tolist()


def test_shared_closes_that_floats_may_not_hold_are_left_to_the_step() -> None:
    close = walk(8, 10**10, 10**9)
    closes = summed(close, np.append(0, np.cumsum(close)))
    assert crossings()(closes, SumWindows(20, 4_000, 100.0), 3_999, blank_signals(COUNT)) == ROUNDED
