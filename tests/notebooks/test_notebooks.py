"""Every example notebook runs from top to bottom, and shows what is printed in it."""

from pathlib import Path

import pytest
from notebooks import running


@pytest.mark.parametrize("file", running.NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_and_shows_what_it_says(file: Path):
    assert running.outputs(running.executed(file)) == running.outputs(running.read(file))


def test_every_notebook_was_kept_with_its_outputs():
    shown = {file.stem: running.outputs(running.read(file)) for file in running.NOTEBOOKS}
    assert len(shown) == 5
    assert [name for name, cells in shown.items() if not any(cells)] == []
