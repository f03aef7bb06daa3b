"""State that a strategy hides outside its State is found, however seldom it changes, and so is a missing library."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanfold.errors import BadInput
from fanfold.strategy import checking, contract, folder, hidden_state
from support.own_strategy import ALWAYS_LONG

# Long after the bars that a check tries.
SELDOM = "if bars.time[bars.now] > 10**9:"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # Bytecode counts for a file of the same size that was written in the same second.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "strategies").mkdir()
    yield tmp_path / "strategies"
    folder.use(None)


def checked(own: Path, text: str) -> checking.StrategyReport:
    (own / "own.py").write_text(text)
    folder.use(own)
    return checking.check("own", {})


def refused(own: Path, text: str) -> None:
    (own / "own.py").write_text(text)
    folder.use(own)
    checking.refuse("own", {}, 1)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def written(line: str, module: str = "", seldom: str = SELDOM) -> str:
    """Return a strategy with a line in its step, seldom reached, and lines at the top of its module."""
    text = ALWAYS_LONG.replace("    return state, 1.0", f"    {seldom}\n        {line}\n    return state, 1.0")
    return text.replace("\n\nclass Params", f"\n{module}\n\n\nclass Params", 1)


HIDDEN = {
    "a list": ("SEEN.append(1)", "SEEN = []", r"it changes `SEEN`, which outlives the bar; keep it in State"),
    "an entry": ('SEEN["n"] = 1.0', "SEEN = {}", r"it changes `SEEN`, which"),
    "a deeper entry": ('SEEN["n"].append(1.0)', 'SEEN = {"n": []}', r"it changes `SEEN\['n'\]`, which"),
    "a sum in place": ("SEEN[0] += 1.0", "SEEN = [0.0]", r"it changes `SEEN`, which"),
    "what is removed": ("del SEEN[0]", "SEEN = [0.0]", r"it changes `SEEN`, which"),
    "a set": ("SEEN.add(1)", "SEEN = set()", r"it changes `SEEN`, which"),
    "a deque": ("SEEN.appendleft(1)", "from collections import deque\nSEEN = deque()", r"it changes `SEEN`, which"),
    "a heap": ("heappush(SEEN, 1)", "from heapq import heappush\nSEEN = []", r"it changes `SEEN`, which"),
    "a class": ("Memory.seen = 1", "class Memory:\n    seen = 0", r"it changes `Memory`, which"),
    "a list of a class": ("Memory.seen.append(1)", "class Memory:\n    seen = []", r"it changes `Memory\.seen`, which"),
    "an object": ("MEMORY.seen = 1", "class Memory:\n    pass\nMEMORY = Memory()", r"it changes `MEMORY`, which"),
    "the function itself": ("step.seen = 1", "", r"it changes `step`, which"),
    "an iterator": ("next(COUNT)", "from itertools import count\nCOUNT = count()", r"`COUNT` is an iterator"),
    "a function that it calls": (
        "note()",
        "SEEN = []\ndef note() -> None:\n    SEEN.append(1)",
        r"own\.py:9: it changes `SEEN`, which",
    ),
    "a file beside it": ("neighbour.note()", "import neighbour", r"neighbour\.py:4: it changes `SEEN`, which"),
    "a list of a file beside it": (
        "neighbour.SEEN.append(1)",
        "import neighbour",
        r"it changes `neighbour\.SEEN`, which",
    ),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_what_a_step_changes_outside_of_its_state_is_named_though_no_bar_reaches_it(own: Path, case: str) -> None:
    line, module, says = HIDDEN[case]
    (own / "neighbour.py").write_text("SEEN = []\n\ndef note() -> None:\n    SEEN.append(1)\n")
    assert "iterator" in says or checked(own, written("pass", module)).wrong == []
    with pytest.raises(BadInput, match=rf"strategy own must not trade: .*{says}"):
        refused(own, written(line, module))


CLOSURE = """
def make():
    seen = 0.0

    def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
        nonlocal seen
        if bars.time[bars.now] > 10**9:
            seen += 1.0
        return state, 1.0

    return step


step = make()
"""


def test_a_variable_of_the_function_around_a_step_is_named(own: Path) -> None:
    text = ALWAYS_LONG[: ALWAYS_LONG.index("\ndef step")] + CLOSURE
    (wrong, *_) = checked(own, text).wrong
    line = line_of(text, "nonlocal")
    assert wrong == f"own.py:{line}: it changes `seen`, which outlives the bar; keep it in State"
    kept = (
        text.replace("        nonlocal seen\n", "")
        .replace("seen = 0.0", "seen = []")
        .replace("seen += 1.0", "seen.append(1)")
    )
    assert "it changes `seen`" in checked(own, kept).wrong[0]


def test_a_default_that_grows_is_named(own: Path) -> None:
    text = written("memory.append(1)").replace("bars: Bars)", "bars: Bars, memory=[])")
    assert "it changes `memory`" in checked(own, text).wrong[0]


def test_state_hidden_under_another_name_is_found_by_its_contents(own: Path) -> None:
    text = written("kept = SEEN; kept.append(1)", "SEEN = []", "if True:")
    assert checked(own, text).wrong == ["own.py: `SEEN` changes from bar to bar; keep it in State"]


def test_a_container_that_nothing_changes_is_noted_and_a_tuple_is_not(own: Path) -> None:
    noted = checked(own, written("pass", "TABLE = [1.0, 2.0]", "if TABLE[0] > 3:"))
    assert noted.wrong == []
    assert noted.doubtful == ["own.py: `TABLE` is a list that outlives the bar; a tuple could not be changed"]
    constant = checked(own, written("pass", "TABLE = (1.0, 2.0)", "if TABLE[0] > 3:"))
    assert (constant.wrong, constant.doubtful) == ([], [])


def test_local_variables_of_a_step_may_change(own: Path) -> None:
    text = written("seen = []; seen.append(1); table = {}; table['n'] = 1; seen[0] += 1", "", "if True:")
    assert (checked(own, text).wrong, checked(own, text).doubtful) == ([], [])
    inner = "def inner(n):\n            return [n]\n        inner(1).append(2)"
    assert checked(own, written(inner, "", "if True:")).wrong == []


def test_a_clock_in_a_function_inside_of_a_step_or_in_a_file_beside_it_is_named(own: Path) -> None:
    inner = "def inner():\n            return time.time()\n        inner()"
    text = written(inner, "import time")
    (wrong,) = checked(own, text).wrong
    assert wrong.startswith(f"own.py:{line_of(text, 'return time.time')}: it uses `time` of time")
    (own / "neighbour.py").write_text("import time\n\ndef now() -> float:\n    return time.time()\n")
    assert (
        "neighbour.py:4: it uses `time` of time"
        in checked(own, written("neighbour.now()", "import neighbour")).wrong[0]
    )


def test_a_library_that_no_image_holds_is_named_with_the_cure(own: Path) -> None:
    (own / "neighbour.py").write_text("import math\nimport msgspec\nimport numpy\n")
    (note,) = checked(own, written("pass", "import neighbour")).doubtful
    assert note.startswith("neighbour.py:3: no image holds numpy, so a deployed desk cannot trade it; write it with")
    with pytest.raises(
        BadInput, match=r"No module named 'not_there'; no image holds a library of that name.*make lock"
    ):
        checked(own, written("pass", "import not_there"))


@pytest.mark.parametrize("name", contract.names())
def test_the_shipped_strategies_hide_no_state(name: str) -> None:
    step = contract.load(name).step
    assert [*hidden_state.changes(step), *hidden_state.changeable(step)] == []
