"""Strategies of a desk's own folder: found by name or dotted path, beside the shipped ones and never in their place."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fanfold import desk
from fanfold.cli.main import main
from fanfold.errors import BadInput
from fanfold.local.driver import environment
from fanfold.research.compiled import compile_step
from fanfold.strategy import contract, folder
from fanfold.strategy.bars import Bars
from support.core_desk import instance, raw
from support.own_strategy import ALWAYS_LONG

NEIGHBOUR = "def half(weight: float) -> float:\n    return weight / 2\n"
IMPORTING = ALWAYS_LONG.replace("return state, 1.0", "return state, half(1.0)")
IMPORTS = {
    "by name": ("mine.py", "from sizes import half\n", "sizes.py"),
    "relatively": ("mine.py", "from .sizes import half\n", "sizes.py"),
    "of its folder": ("my_desk/mine.py", "from my_desk.sizes import half\n", "my_desk/sizes.py"),
    "relatively in its folder": ("my_desk/mine.py", "from .sizes import half\n", "my_desk/sizes.py"),
}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    """A folder with a strategy, a strategy in a folder, and a file that is none."""
    (tmp_path / "my_desk").mkdir()
    (tmp_path / "mine.py").write_text(ALWAYS_LONG)
    (tmp_path / "my_desk" / "mine.py").write_text(ALWAYS_LONG)
    (tmp_path / "my_desk" / "sizes.py").write_text(NEIGHBOUR)
    folder.use(tmp_path)
    yield tmp_path
    folder.use(None)


@pytest.mark.usefixtures("own")
def test_a_strategy_is_named_by_its_file_or_by_the_path_to_it() -> None:
    assert {"mine", "my_desk.mine", "sma_cross"} <= set(contract.names())
    assert "my_desk.sizes" not in contract.names()
    own = {"params": {"n": 5}, "allocation": "0.3"}
    named = {name: instance() | own | {"strategy": name} for name in ("mine", "my_desk.mine")}
    traded = desk.build(raw(first=named["mine"], second=named["my_desk.mine"]), "test")
    assert traded.strategies["second"].strategy == "my_desk.mine"
    assert contract.bind("mine", {}, 1).params_hash != contract.bind("my_desk.mine", {}, 1).params_hash


@pytest.mark.parametrize("how", IMPORTS)
def test_a_strategy_imports_its_neighbours_live_and_compiled(own: Path, how: str) -> None:
    file, line, neighbour = IMPORTS[how]
    (own / neighbour).write_text(NEIGHBOUR)
    (own / file).write_text(IMPORTING.replace("from fanfold.strategies", line + "from fanfold.strategies"))
    folder.use(own)
    name = file.removesuffix(".py").replace("/", ".")
    bound = contract.bind(name, {}, 1)
    bars: Any = Bars(0, np.zeros(1, np.int64), *[np.ones(1)] * 5)  # type: ignore[arg-type]
    for step in (bound.step, compile_step(contract.load(name))):
        assert step(bound.params, bound.start(bound.params), bars)[1] == 0.5
    assert folder.loaded() == sorted([own / file, own / neighbour])


@pytest.mark.parametrize("name", ["momentum.py", "external.py", "pairs/mine.py"])
def test_a_shipped_name_is_refused_with_both_files(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(ALWAYS_LONG)
    shipped = Path(name).parts[0].removesuffix(".py")
    with pytest.raises(BadInput, match=rf"{tmp_path}/{shipped}.* has the name .*fanfold/strategies/{shipped}\.py"):
        folder.use(tmp_path)
    assert folder.in_use() is None
    assert main(["strategies", "--strategies", str(tmp_path)]) == 2


@pytest.mark.parametrize("name", ["os.path", "..mine", "my_desk", "my_desk/mine", "", "mine.step"])
def test_a_name_without_a_file_in_the_folder_is_unknown(own: Path, name: str) -> None:
    with pytest.raises(BadInput, match=f"is unknown.*; there are .*mine.*{own} was looked through"):
        contract.bind(name, {}, 1)


@pytest.mark.usefixtures("own")
def test_another_folder_takes_the_place_of_the_one_before(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert contract.bind("mine", {}, 1).lookback == 3
    other = tmp_path_factory.mktemp("other")
    (other / "mine.py").write_text(ALWAYS_LONG.replace("n: int = 3", "n: int = 9"))
    folder.use(other)
    assert contract.bind("mine", {}, 1).lookback == 9
    assert "my_desk.mine" not in contract.names()
    folder.use(None)
    with pytest.raises(BadInput, match=r"'mine' is unknown.*; name the folder of your own with --strategies"):
        contract.bind("mine", {}, 1)
    assert folder.loaded() == []


def test_a_folder_that_is_not_there_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["desk", "check", "--strategies", str(own / "nowhere")]) == 2
    assert f"there is no folder {own / 'nowhere'} of strategies" in capsys.readouterr().err


def test_the_folder_strategies_of_the_working_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "mine.py").write_text(ALWAYS_LONG)
    assert main(["strategies", "--json"]) == 0
    assert "mine" in [row["name"] for row in json.loads(capsys.readouterr().out)["strategies"]]
    folder.use(None)


def test_the_functions_of_a_local_desk_are_given_the_folder(own: Path, tmp_path: Path) -> None:
    assert environment(tmp_path, live=False)["STRATEGIES"] == os.fspath(own)
    folder.use(None)
    assert environment(tmp_path, live=False)["STRATEGIES"] == ""
