"""The page for those who come from freqtrade: its strategy decides as freqtrade's own rules do, by TA-Lib."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib

from fanfold import desk
from fanfold.strategy import contract, folder
from fanfold.strategy.bars import Bars
from support.core_desk import A, B, raw

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "coming-from-freqtrade.md").read_text()
THEIRS, OURS = re.findall(r"```python(?: run)?\n(.*?)```", PAGE, re.DOTALL)
# Until then TA-Lib's averages still remember how they began.
SETTLED = 1_500


@pytest.fixture(autouse=True)
def _written(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "trend_dip.py").write_text(OURS)
    folder.use(tmp_path)
    yield
    folder.use(None)


def wanted(closes: list[float]) -> list[Any]:
    """Return what the strategy of the page wants at each close."""
    strategy = contract.bind("trend_dip", {}, 1)
    column, state, weights = [closes[0]] * strategy.lookback + closes, strategy.start(strategy.params), []
    for now in range(strategy.lookback, len(column)):
        state, weight = strategy.step(strategy.params, state, Bars(now, range(now + 1), *[column] * 5))
        weights.append(weight)
    return weights


def test_it_holds_what_freqtrade_would_hold_by_its_signals() -> None:
    closes = np.round(100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.0002, 0.01, 4_000))), 2)
    trend, strength = talib.EMA(closes, 100), talib.RSI(closes, 14)
    held, holdings = 0.0, []
    for close, average, rsi in zip(closes, trend, strength, strict=True):
        enters, exits = rsi < 40 and close >= average, close < average
        held = 0.0 if exits else 1.0 if enters else held
        holdings.append(held)
    weights = [each.weight for each in wanted([float(close) for close in closes])]
    assert weights[SETTLED:] == holdings[SETTLED:]
    assert 0 < sum(holdings[SETTLED:]) < len(holdings) - SETTLED
    assert 'rsi"] < 40) & (dataframe["close"] >= dataframe["trend"])' in THEIRS


def test_stop_and_profit_are_those_of_freqtrade() -> None:
    stop, roi = re.search(r"stoploss = -(\S+)", THEIRS), re.search(r'minimal_roi = \{"0": (\S+)\}', THEIRS)
    assert stop is not None
    assert roi is not None
    assert wanted([100.0, 101.0])[-1][1:3] == (float(stop[1]), float(roi[1]))


def test_it_has_fifteen_lines_at_most_and_its_entry_is_one_of_a_desk() -> None:
    assert len([line for line in OURS.splitlines()[1:] if line.strip()]) <= 15
    (entry,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    tables = raw()
    tables["strategies"] = tomllib.loads(entry)["strategies"]
    assert tables["strategies"]["trend_dip"]["instruments"] == [A, B]
    assert desk.build(tables, "the page's desk").strategies["trend_dip"].timeframe == "1h"
