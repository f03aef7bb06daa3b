"""A strategy's file that is not one is told of with its place, and hides no other."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanfold.cli.main import main
from fanfold.errors import BadInput
from fanfold.strategy import contract, folder
from support.own_strategy import ALWAYS_LONG

BROKEN = {
    "a syntax error": ("def step(:\n", r"odd\.py, line 1: SyntaxError"),
    "an import that is not there": (
        "import nowhere\n" + ALWAYS_LONG,
        r"odd\.py, line 1: ModuleNotFoundError: No module",
    ),
    "a fault while it loads": (ALWAYS_LONG + "\n1 / 0\n", r"odd\.py, line 2[0-9]: ZeroDivisionError"),
    "an end while it loads": (ALWAYS_LONG + "\nraise SystemExit(3)\n", r"odd\.py, line 2[0-9]: SystemExit"),
    "nothing": ("", r"odd\.py\) has no `Params`; a strategy has Params, step"),
    "no step": (ALWAYS_LONG.replace("def step(", "def walk("), r"has no `step`"),
    "no kind of state": (
        ALWAYS_LONG.replace("State", "Kept").replace("state: Kept", "state: float"),
        r"odd\.py\) has no `State`, and `step` says not what its `state` is; .*NoState",
    ),
    "a state of texts": (
        ALWAYS_LONG.replace("seen: float", "seen: str").replace("def start(", "def begin("),
        r"field 'seen' of State is a <class 'str'>; it must be int, float or a NamedTuple of them",
    ),
    "params that are no NamedTuple": (
        ALWAYS_LONG.replace("Params(NamedTuple)", "Params"),
        r"`Params` of .* is no Named",
    ),
    "no default": (ALWAYS_LONG.replace("n: int = 3", "n: int"), r"param 'n' of .* has no default"),
    "a param of another kind": (
        ALWAYS_LONG.replace("n: int = 3", "n: list = []"),
        r"param 'n' of .* must be int or float",
    ),
    "no annotation": (ALWAYS_LONG.replace("bars: Bars)", "bars)"), r"`step` of .* says not what its `bars` are"),
    "an annotation of nothing": (ALWAYS_LONG.replace("bars: Bars)", 'bars: "Candles")'), r"NameError: name 'Candles'"),
    "a lookback that fails": (
        ALWAYS_LONG.replace("return params.n", "return params.m"),
        r"odd\.py, line 17: AttributeError",
    ),
    "a lookback that is none": (
        ALWAYS_LONG.replace("return params.n", "return None"),
        r"lookback of strategy odd returned None; it must return a whole number",
    ),
}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    """A desk's own folder of strategies."""
    folder.use(tmp_path)
    yield tmp_path
    folder.use(None)


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_named_with_the_place(own: Path, case: str) -> None:
    text, named = BROKEN[case]
    (own / "odd.py").write_text(text)
    with pytest.raises(BadInput, match=named):
        contract.bind("odd", {}, 1)


def test_one_broken_file_hides_no_other(own: Path, capsys) -> None:
    (own / "odd.py").write_text("def step(:\n")
    (own / "good.py").write_text(ALWAYS_LONG)
    assert main(["strategies", "--strategies", str(own), "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert {"good", "sma_cross"} <= {row["name"] for row in printed["strategies"]}
    assert list(printed["broken"]) == ["odd"]
    assert main(["strategies", "--strategies", str(own)]) == 1
    assert "BROKEN strategy odd cannot be loaded" in capsys.readouterr().out


def test_a_desk_that_trades_another_strategy_does_not_load_the_broken_one(own: Path) -> None:
    (own / "odd.py").write_text("def step(:\n")
    (own / "good.py").write_text(ALWAYS_LONG)
    assert contract.bind("good", {"n": "7"}, 1).lookback == 7
