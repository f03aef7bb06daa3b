"""A strategy that is short on a spot account is refused before it trades, or its run says so."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from fanfold.cli import box_run, strategy_template
from fanfold.errors import BadInput
from fanfold.local import desk_meaning, run_plan
from fanfold.local.run_plan import RunPlan
from fanfold.research.sweeping import planning
from fanfold.research.sweeping.planning import SweepOptions
from fanfold.strategy import folder

DESK = (Path(__file__).resolve().parents[2] / "desk.toml").read_text()
SPOT = DESK.replace('kind = "margin"', 'kind = "spot"')
SIGN = '''"""Long while the close rises, short while it falls; ``after`` so many bars only."""

from typing import NamedTuple

from fanfold.strategies import Bars


class Params(NamedTuple):
    after: int = 0


class State(NamedTuple):
    seen: int


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    low = -1.0 if state.seen >= params.after else 0.0
    return State(state.seen + 1), 1.0 if bars.close[bars.now] > bars.close[bars.now - 1] else low
'''


@pytest.fixture(autouse=True)
def _own(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "sign.py").write_text(SIGN)
    (tmp_path / "my_dip.py").write_text(strategy_template.example())
    folder.use(tmp_path)
    yield
    folder.use(None)


def planned(tmp_path: Path, text: str, strategy: str | None, params: dict[str, str] | None = None) -> RunPlan:
    path = tmp_path / "desk.toml"
    path.write_text(text)
    return run_plan.plan(path, [], strategy, params or {}, None, None, 5)


def test_a_bundle_of_the_desk_is_refused_before_a_run_on_spot(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"\[strategies\.spread\] pairs is short in one of its legs, which a spot"):
        planned(tmp_path, SPOT, None)
    with pytest.raises(BadInput, match=r"\[strategies\.spread\] pairs is short in one of its legs, which a spot"):
        planned(tmp_path, SPOT, "spread")


def test_a_bundle_of_more_legs_than_orders_a_minute_is_refused(tmp_path: Path) -> None:
    few = DESK.replace("[limits.main]", "[limits.main]\norders_per_minute_max = 1")
    with pytest.raises(
        BadInput, match=r"\[strategies\.spread\] its 2 legs go out together, and `orders_per_minute_max` is 1"
    ):
        planned(tmp_path, few, "spread")


def test_a_strategy_that_is_short_when_it_is_tried_is_refused_on_spot(tmp_path: Path) -> None:
    says = r'sign wants to be short: a weight of -1 over made-up bars, and account main is spot.*kind = "margin"'
    with pytest.raises(BadInput, match=says):
        planned(tmp_path, strategy_template.DESK, "sign")
    instance = re.sub(r"params = .*\n", "", strategy_template.DESK.replace('strategy = "my_dip"', 'strategy = "sign"'))
    with pytest.raises(BadInput, match=r"line \d+: \[strategies\.dips\] " + says):
        desk_meaning.parse(instance, "desk.toml")
    assert planned(tmp_path, DESK, "sign").desk.accounts["main"].kind == "margin"


def test_a_param_of_the_command_line_is_held_against_the_account(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"`short` of mean_reversion is 1\.0, and account main is spot"):
        planned(tmp_path, strategy_template.DESK, "mean_reversion")
    assert planned(tmp_path, strategy_template.DESK, "mean_reversion", {"short": "0"}).desk.strategies
    with pytest.raises(BadInput, match=r"`short` of breakout is 0\.5"):
        planned(tmp_path, strategy_template.DESK, "breakout", {"short": "0.5"})


def test_what_is_short_later_than_it_is_tried_goes_to_the_run(tmp_path: Path) -> None:
    assert planned(tmp_path, strategy_template.DESK, "sign", {"after": "1000"}).desk.strategies["sign"]


def test_a_grid_of_shorts_is_refused_on_spot(tmp_path: Path) -> None:
    plan = planned(tmp_path, strategy_template.DESK, "breakout")
    with pytest.raises(BadInput, match=r"the grid: \[strategies\.breakout\] `short` of breakout is 1\.0"):
        planning.job_of(plan, SweepOptions(grid={"short": "0:1:0.5"}))
    assert planning.job_of(plan, SweepOptions(grid={"short": "0"})).configurations


def test_the_simulated_exchange_says_that_it_trades_no_bundle(tmp_path: Path) -> None:
    plan = planned(tmp_path, DESK, "spread")
    with pytest.raises(BadInput, match=r"nothing is left to trade: account main is spot.*spread"):
        box_run.at_exchange(plan, Console(quiet=True))
