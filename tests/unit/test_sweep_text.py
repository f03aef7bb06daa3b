"""The text of a sweep: the best trials and heat maps, by a figure that there is."""

from pathlib import Path

import pytest

from fanfold.cli.output import Grid
from fanfold.cli.sweep_text import blocks_of
from fanfold.research import sweep

DESK = Path(__file__).resolve().parents[2] / "desk.toml"


def blocks(rank: str, **grid: list[int]) -> list[str | Grid]:
    return blocks_of(sweep("sma_cross", desk=DESK, grid=grid, minutes=200), rank)


@pytest.mark.parametrize("rank", ["sharpe", "total_return"])
def test_trials_without_the_figure_are_ranked_by_their_return(rank: str) -> None:
    shown = blocks(rank, fast=[5, 10], slow=[20, 40])
    said = "no trial has a sharpe, which takes more data; ranked by total return"
    assert (said in shown) == (rank == "sharpe")
    best, heat = (block for block in shown if isinstance(block, Grid))
    assert best.title == "best 4 by total return"
    assert best.columns[:3] == ("fast", "slow", "total return")
    returns = [float(row[2].removesuffix("%")) for row in best.rows]
    assert returns == sorted(returns, reverse=True)
    assert heat.columns == ("fast \\ slow", "20", "40")


def test_what_could_not_be_traded_is_said_in_place_of_a_table() -> None:
    shown = blocks("sharpe", fast=[200, 300])
    assert not [block for block in shown if isinstance(block, Grid)]
    assert shown[0].startswith("0 trials of sma_cross")
    assert shown[1].startswith("1 not traded: sma_cross: fast is ")
