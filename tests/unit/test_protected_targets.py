"""Protection that a strategy asks for with its weight: stop, profit and trail, in its target and on the wire."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from fanfold import desk
from fanfold.errors import BadInput
from fanfold.market.bars import Bar, Series
from fanfold.messages import LegCode, Target
from fanfold.research.compiled import compile_step
from fanfold.signals.legs import Leg, legs_of
from fanfold.signals.stepping import step_all
from fanfold.strategy import checking, contract, folder
from fanfold.strategy.bars import Bars
from fanfold.strategy.window import Window
from support.core_desk import A, instance, raw

GUARDED = '''"""Long, with a stop."""

from typing import NamedTuple

from fanfold.strategies import Bars, NoState, Protected


class Params(NamedTuple):
    stop: float = 0.02
    profit: float = 0.05


def step(params: Params, state: NoState, bars: Bars) -> tuple[NoState, Protected]:
    return state, Protected(1.0, stop=params.stop, take_profit=params.profit)
'''


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "guarded.py").write_text(GUARDED)
    folder.use(tmp_path)
    yield tmp_path
    folder.use(None)


def target_of(leg: Leg) -> Target:
    """The leg's target after two bars."""
    window = Window((A,), "1m", leg.strategy.lookback)
    bars = [Bar(60 * at, 100, 100, 100, 100, 1) for at in (1, 2, 3)]
    window.offer(0, Series(instrument=A, timeframe="1m", price_scale=0, volume_scale=0, after=0, bars=[]), bars)
    while window.advance():
        step_all([leg], window)
    assert leg.speaks, leg.fault
    return leg.target(window.closes_at_s)


def leg_of(name: str, params: dict[str, Any] | None = None, **protection: str) -> Leg:
    built = desk.build(raw(own=instance() | {"strategy": name, "params": params or {}} | protection), "test")
    return next(leg for _, leg in legs_of(built, "v") if leg.instance == "own" and leg.instrument == A)


@pytest.mark.usefixtures("guarded")
def test_a_protection_goes_out_with_the_weight_live_and_compiled() -> None:
    target = target_of(leg_of("guarded", {"stop": 0.1}))
    assert (target.weight, target.stop, target.take_profit, target.trail) == (1.0, 0.1, 0.05, 0.0)
    bound = contract.bind("guarded", {}, 1)
    bars: Any = Bars(0, np.zeros(1, np.int64), *[np.ones(1)] * 5)  # type: ignore[arg-type]
    compiled = compile_step(contract.load("guarded"))
    assert compiled(bound.params, bound.start(bound.params), bars)[1] == (1.0, 0.02, 0.05, 0.0)
    checking.refuse("guarded", {}, 1)


@pytest.mark.usefixtures("guarded")
def test_the_desks_protection_is_that_of_a_strategy_without_one() -> None:
    bare = target_of(leg_of("sma_cross", {"fast": 1, "slow": 2}, stop="0.03", trail="0.2"))
    assert (bare.stop, bare.take_profit, bare.trail) == (0.03, 0.0, 0.2)
    own = target_of(leg_of("guarded", stop="0.03", trail="0.2"))
    assert (own.stop, own.take_profit, own.trail) == (0.02, 0.05, 0.0)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("Protected(1.0, stop=2.0)", "the stop is 2.0; it is a share of the price"),
        ("Protected(1.0, trail=-0.1)", "the trail is -0.1; it is a share of the price"),
        ("Protected(1.0, take_profit=float('inf'))", "the take_profit is inf; it must be a finite number"),
        ("Protected(1.0, 'tight')", "the stop is 'tight'; it must be a number"),
        ("Protected(float('nan'))", "the weight is nan; it must be a finite number"),
    ],
)
def test_a_share_that_cannot_be_meant_silences_the_leg_and_is_named(guarded: Path, expression: str, says: str) -> None:
    (guarded / "wrong.py").write_text(
        GUARDED.replace("Protected(1.0, stop=params.stop, take_profit=params.profit)", expression)
    )
    folder.use(guarded)
    leg = leg_of("wrong")
    with pytest.raises(AssertionError, match=f"wrong.py.*{says}"):
        target_of(leg)
    (state,) = [leg.news(None)]
    assert state is not None
    assert state.code is LegCode.FAULT
    with pytest.raises(BadInput, match=says):
        checking.refuse("wrong", {}, 1)


@pytest.mark.parametrize(("key", "value"), [("stop", "1.5"), ("trail", "-0.1"), ("take_profit", "200")])
def test_a_desks_share_that_cannot_be_meant_is_refused(key: str, value: str) -> None:
    with pytest.raises(BadInput, match=rf"\[strategies.own\] `{key}` is {value}.*"):
        leg_of("sma_cross", {}, **{key: value})


def test_a_target_without_protection_is_no_longer_on_the_wire() -> None:
    target = target_of(leg_of("sma_cross", {"fast": 1, "slow": 2}))
    assert not {"stop", "take_profit", "trail"} & msgspec.to_builtins(target).keys()
