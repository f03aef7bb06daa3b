"""Steps that compiled code cannot fold as a live leg does: the leg itself folds them, and the reason is said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fanfold.research import folding, sweep
from fanfold.research.columns import integer_bars, step_columns
from fanfold.research.folding import fold
from fanfold.research.plain_views import StepViews
from fanfold.signals.legs import Leg
from fanfold.strategy import contract, folder
from fanfold.strategy.bars import Bars
from support.backtests import START, bars
from support.own_strategy import ALWAYS_LONG

PROTECTED = ALWAYS_LONG.replace("import Bars", "import Bars, Protected").replace(", float]", ", Protected]")
FALLS = "bars.close[bars.now] < bars.close[bars.now - 1]"
CASES = {
    "a stop below zero": (f"Protected(1.0, stop=-0.01 if {FALLS} else 0.01)", "no share of the price"),
    "a trail of everything": (f"Protected(1.0, trail=1.0 if {FALLS} else 0.01)", "no share of the price"),
    "no finite weight": (f"Protected(float('nan') if {FALLS} else 1.0)", "no finite number"),
    "what numba has not": ("Protected(1.0, *[0.01])", "numba cannot compile it"),
}


@pytest.fixture(autouse=True)
def _folder() -> Iterator[None]:
    yield
    folder.use(None)


@pytest.mark.parametrize("case", CASES)
def test_a_step_is_folded_as_live_with_the_reason(case: str, tmp_path: Path) -> None:
    wanted, reason = CASES[case]
    (tmp_path / "own.py").write_text(PROTECTED.replace("return state, 1.0", f"return state, {wanted}"))
    folder.use(tmp_path)
    member = integer_bars(bars(7, 120)[0], START, START + 7200)
    folded = fold(contract.bind("own", {}, 1), [member], 0)
    assert reason in folded.why_plain
    falls = np.diff(member.close, prepend=member.close[0]) < 0
    expected = falls if "numba" not in reason else np.zeros_like(falls)
    assert (np.isnan(folded.wanted[0, 3:]) == expected[3:]).all()


@pytest.mark.parametrize("share", ["stop=0.01", "take_profit=0.01", "trail=0.01", "stop=0.01, trail=0.02"])
def test_any_share_alone_compiles(share: str, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(PROTECTED.replace("return state, 1.0", f"return state, Protected(1.0, {share})"))
    folder.use(tmp_path)
    member = integer_bars(bars(7, 120)[0], START, START + 7200)
    assert fold(contract.bind("own", {}, 1), [member], 0).why_plain == ""


# States with bare weights that a leg takes as they are, in between those that it has to look at.
BARE = {
    "raises at some bars": f"state, 1.0 / (0.0 if {FALLS} else 2.0)",
    "whole numbers": f"state, 1 if {FALLS} else 0.25",
    "a count in the state": "State(int(state.seen) + 1), 0.5",
    "more than 64 bits": f"state, 2**80 if {FALLS} else 1",
    "a state of more than 64 bits": f"State(2**80 if {FALLS} else 0.0), 0.5",
    "no number": f"state, float('nan') if {FALLS} else 0.5",
    "a truth": f"state, True if {FALLS} else 0.5",
    "protected at some bars": f"state, Protected(0.5, *[0.01]) if {FALLS} else 0.75",
    "takes its bars apart": "state, (lambda now, *of: 0.5 if of[4][now] > of[4][now - 1] else 0.25)(*bars)",
    "makes bars of its bars": f"state, bars._replace(now=1).now / 2.0 if {FALLS} else 0.25",
    "counts in its bars": f"state, bars.count(bars.now) / 2.0 if {FALLS} else 0.25",
    "reads other columns": "state, 0.5 if bars.high[bars.now] > bars.open[bars.now] > 0.0 < bars.time[-1] else 0.25",
    "reads bars inside": "state, 0.5 if any(bars.low[bars.now] < bars.low[bars.now - i] for i in (1, 2)) else 0.25",
}


@pytest.mark.parametrize("case", BARE)
def test_each_bar_is_what_the_leg_alone_wants(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strategy, member = own(BARE[case], tmp_path)
    monkeypatch.setitem(folding._refused, strategy.step, "asked for")
    folded = fold(strategy, [member], 0)
    assert folded.why_plain == "asked for"
    is_as_the_leg_wants(folded, strategy, member)


@pytest.mark.parametrize(
    ("returned", "moved"),
    [
        (f"state, 0.5 if {FALLS} else 0.25", True),
        ("state, 0.5 if any(bars.low[bars.now - i] for i in (1, 2)) else 0.25", True),
        ("state, float(len(bars))", False),
        ("state, bars.count(1)", False),
        ("state, [each.now / 2.0**40 for each in [bars]][0]", False),
    ],
)
def test_only_bars_whose_fields_alone_are_read_are_the_same_at_each_bar(
    returned: str, moved: bool, tmp_path: Path
) -> None:
    strategy, member = own(returned, tmp_path)
    views = StepViews(strategy, step_columns([member], strategy.lookback), 0, 1)
    first, second = views.over(range(3, 5))
    assert (first is second) == moved
    assert second.now == 4
    assert views.at(3) == views.at(3)._replace(now=3)
    assert isinstance(views.at(3), Bars)


@pytest.mark.parametrize("returned", [f"state, {FALLS}", f"state, True if {FALLS} else 0.5"])
def test_compiled_too_a_weight_of_true_is_one(returned: str, tmp_path: Path) -> None:
    strategy, member = own(returned, tmp_path)
    folded = fold(strategy, [member], 0)
    assert folded.why_plain == ""
    assert np.nanmax(folded.wanted[0]) == 1.0
    is_as_the_leg_wants(folded, strategy, member)


def own(returned: str, into: Path) -> tuple[contract.Strategy, Any]:
    """Return a strategy whose step returns an expression, and bars for it."""
    (into / "own.py").write_text(PROTECTED.replace("return state, 1.0", f"return {returned}"))
    folder.use(into)
    return contract.bind("own", {}, 1), integer_bars(bars(7, 900)[0], START, START + 54_000)


def is_as_the_leg_wants(folded: Any, strategy: contract.Strategy, member: Any) -> None:
    leg = Leg("own", "main", strategy, "A/USDT", 0, ("1m", ("A/USDT",)))
    columns = [column.tolist() for column in step_columns([member], strategy.lookback)]
    expected = np.full((4, member.time.size), np.nan)
    for at in range(member.time.size):
        leg.step(Bars(at + strategy.lookback, *columns), at + 1)
        if leg.wanted is not None:
            expected[:, at] = leg.wanted
    expected[0, : strategy.lookback] = np.nan
    np.testing.assert_array_equal(folded.wanted[0], expected[0])
    spoken = np.isfinite(expected[0])
    np.testing.assert_array_equal(folded.wanted[1:, spoken], expected[1:, spoken])


# What a step calls, the weight that it wants then, and why it is folded plain: "" where it compiles.
CALLED = {
    "a function with values around it": (
        "def around(share):\n    return lambda weight: weight * share\n\n\nhalf = around(0.5)\n",
        "half(1.0)",
        "",
    ),
    "a function that comes back to itself": (
        "def half(weight):\n    return weight if weight < 0.75 else half(weight / 2.0)\n",
        "half(1.0)",
        "numba cannot compile it",
    ),
    "two functions that call each other": (
        "def one(w):\n    return other(w)\n\n\ndef other(w):\n    return w if w < 0.75 else one(w / 2.0)\n",
        "other(1.0)",
        "numba cannot compile it",
    ),
    "a number beyond 64 bits": ("", "0.5 if 36893488147419103232 > 5 else 0.0", "does not fit into 64 bits"),
}


@pytest.mark.parametrize("case", CALLED)
def test_what_a_step_calls_compiles_or_says_why_not(case: str, tmp_path: Path) -> None:
    called, wanted, reason = CALLED[case]
    (tmp_path / "own.py").write_text(
        f"{ALWAYS_LONG.replace('return state, 1.0', f'return state, {wanted}')}\n\n{called}"
    )
    folder.use(tmp_path)
    member = integer_bars(bars(7, 120)[0], START, START + 7200)
    folded = fold(contract.bind("own", {}, 1), [member], 0)
    assert (reason in folded.why_plain) if reason else not folded.why_plain
    assert set(folded.wanted[0, 3:].tolist()) == {0.5}


def test_a_fixed_quantity_of_what_numba_cannot_compile_says_so(tmp_path: Path) -> None:
    called, wanted, _ = CALLED["a function that comes back to itself"]
    (tmp_path / "own.py").write_text(
        f"{ALWAYS_LONG.replace('return state, 1.0', f'return state, {wanted}')}\n\n{called}"
    )
    desk = Path(__file__).resolve().parents[2] / "desk.toml"
    grid: dict[str, Any] = {"n": [3, 4]}
    only: dict[str, Any] = {"instruments": "each", "quantity": "1"}
    swept = sweep("own", grid=grid, desk=desk, strategies=tmp_path, minutes=60, **only)
    assert all("leave --quantity out" in reason for reason in swept.table["error"].to_pylist())
