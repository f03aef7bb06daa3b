"""The examples in docstrings are true."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
MODULES = sorted(
    ".".join(path.relative_to(SHARED).with_suffix("").parts)
    for path in (SHARED / "fanfold").rglob("*.py")
    if "\n    >>> " in path.read_text()
)


def test_modules_with_examples_exist() -> None:
    assert "fanfold.money" in MODULES


@pytest.mark.parametrize("name", MODULES)
def test_a_modules_examples_give_what_they_say(name: str) -> None:
    results = doctest.testmod(import_module(name))
    assert results.attempted
    assert not results.failed
