"""Compiled code is cached, and the console hears what is compiled because it was not."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit
from numba.core.cpu import CPUContext

from fanfold.cli.main import main
from fanfold.research import account_resting_stops, compile_cache, folding
from fanfold.research.columns import StepColumns
from fanfold.strategy import contract, folder
from fanfold.strategy.bars import Bars
from support.own_strategy import ALWAYS_LONG
from support.python_processes import python


def doubled() -> Any:
    def twice(figure: int) -> int:
        return 2 * figure

    return compile_cache.keep(njit(twice), ("columns",), "test")


def test_what_is_compiled_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    heard: list[str] = []
    before = compile_cache.on_compile.set(heard.append)
    try:
        assert doubled()(21) == 42
        assert heard == ["twice"]
        assert doubled()(4) == 8
    finally:
        compile_cache.on_compile.reset(before)
    assert len(heard) == 1
    assert list(compile_cache.folder().iterdir())


KEPT = """
import numpy as np
from numba import njit

from fanfold.research import compile_cache


def mean(figures):
    return (figures * 2.0).sum() / figures.size


def words(figures):
    counted = {}
    for figure in figures:
        counted["a" + str(int(figure) % 3)] = 1
    return len(counted)


def refusing(figures):
    if figures.size:
        raise ValueError("too many")
    return 0


def text(function, figures):
    try:
        return str(function(figures))
    except ValueError as wrong:
        return str(wrong)


compile_cache.on_compile.set(lambda name: print("compiles", name))
for function in (mean, words, refusing):
    print(text(compile_cache.keep(njit(function), ("columns",), "test"), np.arange(5.0)))
"""


def test_what_is_kept_runs_in_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    script = tmp_path / "kept_script.py"
    script.write_text(KEPT)
    results = ["4.0", "3", "too many"]
    names = ["compiles mean", "compiles words", "compiles refusing"]
    first = python(str(script)).splitlines()
    assert first == [line for pair in zip(names, results, strict=True) for line in pair]
    assert python(str(script)).splitlines() == results


def test_code_that_needs_a_name_that_is_not_known_yet_makes_all_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert doubled()(21) == 42
    refreshed: list[CPUContext] = []

    def refresh(context: CPUContext) -> None:
        refreshed.append(context)

    monkeypatch.setattr(CPUContext, "refresh", refresh)
    assert doubled()(21) == 42
    assert not refreshed
    monkeypatch.setattr(compile_cache, "address_of_symbol", lambda _name: None)
    assert doubled()(21) == 42
    assert len(refreshed) == 1


def test_a_number_of_another_room_makes_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compile_cache.digest_of.__wrapped__(compile_cache.ACCOUNT)
    assert compile_cache.digest_of.__wrapped__(compile_cache.ACCOUNT) == before
    monkeypatch.setattr(account_resting_stops, "STEPS", 7)
    assert compile_cache.digest_of.__wrapped__(compile_cache.ACCOUNT) != before


def test_another_order_of_fields_and_another_release_make_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = {compile_cache.digest_of.__wrapped__(compile_cache.STRATEGY)}
    monkeypatch.setattr(folding, "Bars", NamedTuple("Bars", [(name, float) for name in reversed(Bars._fields)]))
    digests.add(compile_cache.digest_of.__wrapped__(compile_cache.STRATEGY))
    monkeypatch.setattr(compile_cache, "__version__", "99")
    digests.add(compile_cache.digest_of.__wrapped__(compile_cache.STRATEGY))
    assert len(digests) == 3


def test_a_strategy_whose_file_was_renamed_compiles_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.py").write_text(ALWAYS_LONG)
        assert main(["backtest", f"{tmp_path}/{name}/{name}.py", "--minutes", "60", "--json"]) == 0
        folder.use(None)
    # The second of two documents.
    assert '"plain": {}' in capsys.readouterr().out.rpartition('"provenance"')[2]


SWAPPED = """
from typing import NamedTuple

from fanfold.strategies import Bars


class Params(NamedTuple):
    fast: int = 3
    slow: int = 20


class State(NamedTuple):
    n: float = 0.0


def lookback(params: Params) -> int:
    return 30


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    return state, 1.0 if bars.close[bars.now - params.fast] > bars.close[bars.now - params.slow] else 0.0
"""


def test_params_in_another_order_are_not_taken_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fast, slow = "    fast: int = 3\n", "    slow: int = 20\n"
    closes = np.random.default_rng(3).normal(100, 1, 200)
    column = np.concatenate([closes[:1].repeat(30), closes])
    wanted = []
    for name, text in (("before", SWAPPED), ("after", SWAPPED.replace(fast + slow, slow + fast))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "crossed.py").write_text(text)
        folder.use(tmp_path / name)
        strategy = contract.bind("crossed", {"fast": 3, "slow": 20}, 1)
        folded = folding.fold_columns(strategy, StepColumns(*[column] * 6), 0, 1, closes.size)
        assert not folded.why_plain
        wanted.append(folded.wanted)
    folder.use(None)
    first, again = wanted
    np.testing.assert_array_equal(first, again)
