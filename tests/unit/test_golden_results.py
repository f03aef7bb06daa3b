"""Results of the shipped strategies are frozen; a change needs a line in CHANGELOG.md, and `make golden`."""

import msgspec
import pytest

from fanfold import __version__
from support.golden_results import CHANGELOG, SHIPPED, recorded, result_of, untold


@pytest.mark.parametrize("strategy", SHIPPED)
def test_a_shipped_strategy_has_its_recorded_result(strategy: str) -> None:
    newest = recorded()[strategy][-1]
    assert result_of(strategy) == newest.result, (
        "a result changed: if it should, say so in CHANGELOG.md and run make golden CHANGE='that line'"
    )
    assert newest.result.fills > 10


def test_every_change_of_a_result_is_told_in_the_changelog() -> None:
    assert set(recorded()) == set(SHIPPED)
    assert untold(recorded(), CHANGELOG.read_text()) == []


@pytest.mark.parametrize("change", ["", "`sma_cross` trades more.", "Another line."])
def test_a_change_that_nobody_tells_of_is_seen(change: str) -> None:
    (first,) = recorded()["sma_cross"][:1]
    later = msgspec.structs.replace(first, version=__version__, change=change)
    assert untold({"sma_cross": [first, later]}, "- Another line.\n") == [
        f"sma_cross from {__version__} on: {change or 'no line'}"
    ]
    named = msgspec.structs.replace(later, change="`sma_cross` trades more.")
    assert untold({"sma_cross": [first, named]}, "- `sma_cross` trades more.\n") == []
