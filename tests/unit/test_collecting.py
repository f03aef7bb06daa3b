"""Python looks for cycles seldom while a desk trades, and there are none to find."""

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanfold.aws.function.runtime import COLLECTED_EVERY, collect_seldom
from support.chain import Chain, memory_cloud
from support.situations import every_minute


@pytest.fixture(autouse=True)
def _thresholds() -> Iterator[None]:
    """Leave the collector as it was."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_from_then_on_the_collector_looks_seldom_and_never_at_what_is_there() -> None:
    gc.set_threshold(700, 10, 10)
    kept = [[]]
    collect_seldom()
    assert gc.get_threshold() == (COLLECTED_EVERY, 10, 10)
    assert not any(other is kept for other in gc.get_objects())


def test_a_desk_that_trades_leaves_no_cycles() -> None:
    case = every_minute(40)
    now = [case.closes[0]]
    cloud = memory_cloud(lambda: float(now[0]))
    with tempfile.TemporaryDirectory() as folder:
        chain = Chain(case, Path(folder), lambda _service: cloud.call)
        for now[0] in case.closes[:10]:
            chain.minute(now[0])
        gc.collect()
        gc.disable()
        try:
            for now[0] in case.closes[10:]:
                chain.minute(now[0])
            assert gc.collect() == 0
        finally:
            gc.enable()
