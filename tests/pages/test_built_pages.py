"""The scripts and styles of the pages are those that their sources build."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = Path("shared/fanfold/research/pages")
BUILT = ["tear_sheet.js", "tear_sheet.css"]


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory) -> Path:
    """The pages built anew, elsewhere."""
    if shutil.which("node") is None or not (ROOT / "node_modules" / ".bin" / "esbuild").exists():
        pytest.skip("needs node and `make install`: the pages are built by esbuild")
    into = tmp_path_factory.mktemp("pages")
    command = json.loads((ROOT / "package.json").read_text())["scripts"]["pages"]
    words = [word.replace(str(PAGES), str(into)) for word in command.split()]
    subprocess.run([ROOT / "node_modules" / ".bin" / words[0], *words[1:]], cwd=ROOT, check=True)
    return into


@pytest.mark.parametrize("name", BUILT)
def test_what_ships_is_what_the_sources_build(rebuilt, name):
    assert (ROOT / PAGES / name).read_text() == (rebuilt / name).read_text(), "run `make pages`"


def test_nothing_else_is_built(rebuilt):
    assert sorted(path.name for path in rebuilt.iterdir()) == sorted(BUILT)
