"""A wrong argument of research's functions is refused with what to write, and an empty list is no seeded market."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.research import backtest, backtest_orders, sweep, verdict, walk_forward
from fanfold.research.backtesting import Frictions
from fanfold.simulation import market

GRID: Any = {"fast": [5, 10], "slow": [30]}
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "a search without a file": (lambda: backtest("sma_cross", data=[]), "data names no file; leave it out"),
    "a sweep of no file": (lambda: sweep("sma_cross", [], grid=GRID), "data names no file"),
    "a verdict on no file": (lambda: verdict("sma_cross", iter([])), "data names no file"),
    "a text of params": (lambda: backtest("sma_cross", params="fast=5"), r"params is 'fast=5'.*such as {\"fast\": 10}"),
    "a list of params": (lambda: verdict("sma_cross", params=["fast"]), "it must be names with their values"),
    "a text of a grid": (lambda: sweep("sma_cross", grid="fast=5:10:5"), "grid is 'fast=5:10:5'.*such as"),
    "a text of minutes": (lambda: backtest("sma_cross", minutes="300"), "minutes is '300'; it must be a whole number"),
    "milliseconds": (lambda: backtest("sma_cross", since=1_767_243_600_000), "epoch seconds, not milliseconds"),
    "before 1970": (lambda: backtest("sma_cross", until=-1), "epoch seconds"),
    "a text of a latency": (lambda: backtest("sma_cross", frictions=Frictions(latency_s="x")), "latency_s is 'x'"),
    "frictions that are none": (lambda: backtest("sma_cross", frictions={"fee_bps": 1}), r"Frictions\(fee_bps=5\)"),
    "a number of a window": (lambda: walk_forward("sma_cross", grid=GRID, train=360, test="2h"), "360 is no length"),
    "a length of datetime": (
        lambda: walk_forward("sma_cross", grid=GRID, train=timedelta(hours=6), test="2h"), "is no length; write one as",
    ),
    "a rank that is none": (lambda: sweep("sma_cross", grid=GRID, rank="luck"), "figure 'luck' is unknown"),
    "a result for a strategy": (lambda: verdict(7), "by its name or file, not of a int"),
    "a text of trials": (lambda: verdict("sma_cross", trials="many"), "trials is 'many'"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_argument_is_refused_with_what_to_write(call: Callable[[], Any], text: str) -> None:
    with pytest.raises(BadInput, match=text):
        call()


class Column(list):
    """A column with an index, as pandas has one."""

    def __init__(self, values: Any, *, in_order: bool) -> None:
        super().__init__(values)
        self.index = type("Index", (), {"is_monotonic_increasing": in_order})()


def test_a_column_whose_index_is_not_in_order_is_refused() -> None:
    (series,) = market.market(7, ["BTC/USDT"], 50, 1_767_225_600)
    bars, weights = Recording.of(series), np.where(np.arange(50) % 10 < 5, 1.0, 0.0)
    expected = backtest_orders(bars, weights=weights).fills
    assert backtest_orders(bars, weights=Column(weights, in_order=True)).fills.equals(expected)
    with pytest.raises(BadInput, match="the column's index is not in order: sort the column by it"):
        backtest_orders(bars, weights=Column(weights, in_order=False))


def test_trials_are_counted_in_whole_numbers() -> None:
    swept = sweep("sma_cross", grid=GRID, minutes=120)
    assert swept.ranked("total_return", 1).num_rows == 1
    for count in (-1, "3"):
        with pytest.raises(BadInput, match="count is"):
            swept.ranked("total_return", count)
