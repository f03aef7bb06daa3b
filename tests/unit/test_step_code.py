"""The digest of a strategy's code: whatever its results hang on changes it, wherever that stands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fanfold.research import compile_cache
from fanfold.strategy import contract, folder

STEP = '''"""Long while a neighbour says so."""

from enum import IntEnum
from functools import cache, partial, wraps
from typing import NamedTuple

import sizes
from sizes import doubled
from fanfold.strategies import Bars


class Side(IntEnum):
    LONG = 1


class Params(NamedTuple):
    n: int = 5


class State(NamedTuple):
    weight: float = 0.0
    share: float = 1.0


def around(first):
    def inside(weight):
        return weight * first

    return inside


scaled = around(0.75)
most = partial(min, 0.875)
LEVELS = [0.0625, 0.125]


def weighted(function):
    @wraps(function)
    def outer(*figures):
        return function(*figures) * 0.4375

    return outer


@weighted
def whole(weight):
    return weight + 0.1875


@cache
def known(weight):
    return weight - 0.40625


def start(params):
    return State(share=0.03125)


def lookback(params):
    return params.n + 4


def half(weight, *, by=0.5):
    return weight * by


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    up = bars.close[bars.now] > bars.close[bars.now - params.n]
    wanted = State(weight=most(scaled(half(sizes.FACTOR)))).share if up else LEVELS[0]
    return State(wanted), wanted + Side.LONG + doubled(sizes.third(1.0)) + whole(known(1.0))
'''
SIZES = """
FACTOR = 0.25
OTHER = 0.3
UNREAD = 8


def doubled(weight):
    return weight * 2


def third(weight):
    return weight / 3 + OTHER
"""
# An edit of the step's file or of its neighbour, by what it changes.
OF_THE_STEP = {
    "a constant of a module": ("FACTOR = 0.25", "FACTOR = 0.5"),
    "a constant that a module's function reads": ("OTHER = 0.3", "OTHER = 0.4"),
    "a function of a module": ("weight / 3", "weight / 4"),
    "an imported function": ("weight * 2", "weight * 3"),
    "a default of a state that the step makes": ("share: float = 1.0", "share: float = 0.9"),
    "a default of a keyword": ("by=0.5", "by=0.6"),
    "a value in a closure": ("around(0.75)", "around(0.5)"),
    "the code around a function": ("* 0.4375", "* 0.5"),
    "a function with code around it": ("+ 0.1875", "+ 0.5"),
    "a function whose results are kept": ("- 0.40625", "- 0.5"),
    "an argument of a partial": ("min, 0.875", "min, 0.75"),
    "a list": ("[0.0625", "[0.09375"),
    "a member of an enumeration": ("LONG = 1", "LONG = 2"),
}
OF_THE_STRATEGY = OF_THE_STEP | {
    "the start": ("State(share=0.03125)", "State(share=0.5)"),
    "the lookback": ("params.n + 4", "params.n + 5"),
}
OF_NOTHING = {
    "a comment": ("def step", "# Why.\ndef step"),
    "a constant that is not read": ("UNREAD = 8", "UNREAD = 9"),
    "a default of a param, whose value is hashed with the params": ("n: int = 5", "n: int = 6"),
}


@pytest.fixture(autouse=True)
def no_folder() -> Iterator[None]:
    yield
    folder.use(None)


def digests(place: Path, edit: tuple[str, str] = ("", "")) -> tuple[str, str]:
    """Return the digests of the compiled step and of the strategy, with one text replaced by another."""
    place.mkdir()
    for name, text in (("neighbourly", STEP), ("sizes", SIZES)):
        (place / f"{name}.py").write_text(text.replace(*edit))
    folder.use(place)
    return compile_cache.step_part(contract.load("neighbourly").step), contract.code_of("neighbourly")


@pytest.mark.parametrize("what", OF_THE_STEP)
def test_what_a_step_reaches_makes_other_code(tmp_path: Path, what: str) -> None:
    before, after = digests(tmp_path / "before"), digests(tmp_path / "after", OF_THE_STEP[what])
    assert before[0] != after[0]


@pytest.mark.parametrize("what", OF_THE_STRATEGY)
def test_what_results_hang_on_makes_another_strategy(tmp_path: Path, what: str) -> None:
    before, after = digests(tmp_path / "before"), digests(tmp_path / "after", OF_THE_STRATEGY[what])
    assert before[1] != after[1]


@pytest.mark.parametrize("what", OF_NOTHING)
def test_what_no_result_hangs_on_leaves_the_code(tmp_path: Path, what: str) -> None:
    assert digests(tmp_path / "before") == digests(tmp_path / "after", OF_NOTHING[what])
