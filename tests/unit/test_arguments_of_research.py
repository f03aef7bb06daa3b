"""A wrong argument of research's functions is refused with what to write, and an empty list is no seeded market."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from fanfold import research
from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.research.backtesting import Frictions
from fanfold.simulation import market

GRID: Any = {"fast": [5, 10], "slow": [30]}
WALK: Any = {"grid": GRID, "test": "2h"}
# A function, its arguments besides a strategy, and what is said of them.
WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "a search without a file": ("backtest", {"data": []}, "data names no file; leave it out"),
    "a sweep of no file": ("sweep", {"data": [], "grid": GRID}, "data names no file"),
    "a verdict on no file": ("verdict", {"data": iter([])}, "data names no file"),
    "a text of params": ("backtest", {"params": "fast=5"}, r"params is 'fast=5'.*such as {\"fast\": 10}"),
    "a list of params": ("verdict", {"params": ["fast"]}, "it must be names with their values"),
    "a text of a grid": ("sweep", {"grid": "fast=5:10:5"}, "grid is 'fast=5:10:5'.*such as"),
    "a text of minutes": ("backtest", {"minutes": "300"}, "minutes is '300'; it must be a whole number"),
    "milliseconds": ("backtest", {"since": 1_767_243_600_000}, "epoch seconds, not milliseconds"),
    "before 1970": ("backtest", {"until": -1}, "epoch seconds"),
    "a text of a latency": ("backtest", {"frictions": Frictions(latency_s="x")}, "latency_s is 'x'"),  # type: ignore[arg-type]
    "frictions that are none": ("backtest", {"frictions": {"fee_bps": 1}}, r"Frictions\(fee_bps=5\)"),
    "a number of a window": ("walk_forward", {"train": 360, **WALK}, "360 is no length"),
    "a length of datetime": ("walk_forward", {"train": timedelta(hours=6), **WALK}, "is no length; write one as"),
    "a rank that is none": ("sweep", {"grid": GRID, "rank": "luck"}, "figure 'luck' is unknown"),
    "a result for a strategy": ("verdict", {"strategy": 7}, "by its name or file, not of a int"),
    "a text of trials": ("verdict", {"trials": "many"}, "trials is 'many'"),
}


@pytest.mark.parametrize(("function", "arguments", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_argument_is_refused_with_what_to_write(function: str, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(BadInput, match=text):
        getattr(research, function)(**{"strategy": "sma_cross"} | arguments)


class Column(list):
    """A column with an index, as pandas has one."""

    def __init__(self, values: Any, *, in_order: bool) -> None:
        super().__init__(values)
        self.index = type("Index", (), {"is_monotonic_increasing": in_order})()


def test_a_column_whose_index_is_not_in_order_is_refused() -> None:
    (series,) = market.market(7, ["BTC/USDT"], 50, 1_767_225_600)
    bars, weights = Recording.of(series), np.where(np.arange(50) % 10 < 5, 1.0, 0.0)
    expected = research.backtest_orders(bars, weights=weights).fills
    assert research.backtest_orders(bars, weights=Column(weights, in_order=True)).fills.equals(expected)
    with pytest.raises(BadInput, match="the column's index is not in order: sort the column by it"):
        research.backtest_orders(bars, weights=Column(weights, in_order=False))


def test_trials_are_counted_in_whole_numbers() -> None:
    swept = research.sweep("sma_cross", grid=GRID, minutes=120)
    assert swept.ranked("total_return", 1).num_rows == 1
    wrong: list[Any] = [-1, "3"]
    for count in wrong:
        with pytest.raises(BadInput, match="count is"):
            swept.ranked("total_return", count)
