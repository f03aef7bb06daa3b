"""Each mistake of the page of first mistakes has a test that exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(
    r"<!-- (test_\w+\.py) (test_\w+) --> \|$", (ROOT / "docs/first-mistakes.md").read_text(), re.MULTILINE
)


def test_every_row_but_those_that_stay_names_a_test() -> None:
    page = (ROOT / "docs/first-mistakes.md").read_text().partition("## Not fixed")[0]
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| what happens")]
    assert len(rows) == len(ROWS) > 40


@pytest.mark.parametrize(("file", "name"), ROWS)
def test_the_test_of_a_mistake_exists(file: str, name: str) -> None:
    (path,) = (ROOT / "tests").rglob(file)
    assert re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE)
