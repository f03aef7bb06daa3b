"""The scripts and styles of the pages are those that their sources build."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = json.loads((ROOT / "package.json").read_text())["scripts"]
# The script that builds each folder, and the files that it makes.
BUILT = {
    "sheets": (
        "shared/fanfold/research/pages",
        ["sweep_sheet.js", "tear_sheet.css", "tear_sheet.js", "walk_sheet.js"],
    ),
    "desk": ("shared/fanfold/page", ["desk.css", "desk.js"]),
}
FILES = [(script, name) for script, (_, names) in BUILT.items() for name in names]
SCRIPT_BYTES_MAX = 250_000


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory) -> Path:
    """The pages built anew, each in a folder of its script's name."""
    if shutil.which("node") is None or not (ROOT / "node_modules" / ".bin" / "esbuild").exists():
        pytest.skip("needs node and `make install`: the pages are built by esbuild")
    into = tmp_path_factory.mktemp("pages")
    for script, (folder, _) in BUILT.items():
        words = [word.replace(folder, str(into / script)) for word in SCRIPTS[script].split()]
        subprocess.run([ROOT / "node_modules" / ".bin" / words[0], *words[1:]], cwd=ROOT, check=True)
    return into


@pytest.mark.parametrize(("script", "name"), FILES)
def test_what_ships_is_what_the_sources_build(rebuilt, script, name):
    assert (ROOT / BUILT[script][0] / name).read_text() == (rebuilt / script / name).read_text(), "run `make pages`"


@pytest.mark.parametrize("script", BUILT)
def test_nothing_else_is_built(rebuilt, script):
    assert sorted(path.name for path in (rebuilt / script).iterdir()) == BUILT[script][1]


def test_every_script_of_the_pages_is_built():
    assert SCRIPTS["pages"] == " && ".join(f"npm run --silent {script}" for script in BUILT)


def test_the_desk_has_no_more_script_than_a_phone_should_load():
    assert (ROOT / BUILT["desk"][0] / "desk.js").stat().st_size <= SCRIPT_BYTES_MAX
