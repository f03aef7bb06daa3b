"""Distribution of tests among workers, which pytest and xdist have once changed without a word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.shared_rewriting import rewrite_share

TESTS = Path(__file__).resolve().parents[1]
MODULE = """
import os
import pytest

@pytest.mark.parametrize("number", range(6))
def test_notes_its_worker(number):
    with open({notes!r}, "a") as notes:
        notes.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_the_tests_of_a_module_run_on_one_worker(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    modules = [folder / f"test_{name}.py" for name in ("one", "two", "three")]
    for module in modules:
        module.write_text(MODULE.format(notes=str(module.with_suffix(".txt"))))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    options = ["-p", "conftest", "--numprocesses", "2", "--dist", "loadfile", "--rootdir", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pytest", *options, str(folder)], cwd=tmp_path,
                   env=environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent / "shared")])},
                   check=True, capture_output=True)  # fmt: skip
    noted = [module.with_suffix(".txt").read_text().split() for module in modules]
    assert [len(workers) for workers in noted] == [6, 6, 6]
    assert all(len(set(workers)) == 1 for workers in noted)
    assert len({worker for workers in noted for worker in workers}) == 2


def test_workers_divide_the_files_whose_assertions_are_rewritten(
    tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / f"test_{name}.py").write_text("def test_it():\n    assert 1 + 1 == 2\n")
    monkeypatch.setattr(pytestconfig, "args", [str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    shares = [rewrite_share(pytestconfig, number, 2) for number in (0, 1)]
    assert [len(share) for share in shares] == [2, 1]
    assert {file.name.partition(".")[0] for share in shares for file in share} == {"test_one", "test_two", "test_three"}
    assert rewrite_share(pytestconfig, 0, 1) == []
