"""Steps that compiled code cannot fold as a live leg does: the leg itself folds them, and the reason is said."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fanfold.research.columns import integer_bars
from fanfold.research.folding import fold
from fanfold.strategy import contract, folder
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
