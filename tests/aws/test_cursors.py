"""PollCursors: read as written, and of two who write only one."""

import pytest

from fanfold.aws.dynamodb.cursors import CursorTable
from fanfold.aws.dynamodb.table import Table
from fanfold.errors import Conflict
from fanfold.market.bars import Bar, Series
from fanfold.market.source import Noted, SkippedBars
from fanfold.simulation.plain_stores import PlainCursors
from fanfold.simulation.stores import MemoryCursors
from market_data_service.poll import PollCursors
from support.emulator import Cloud
from support.ledger_examples import create_table, once

START = 1_772_323_200


@pytest.fixture(params=["table", "memory", "plain"])
def cursors(request: pytest.FixtureRequest, cloud: Cloud) -> PollCursors:
    if request.param != "table":
        once(cloud)
        return MemoryCursors() if request.param == "memory" else PlainCursors()
    create_table(cloud.admin, "cursors")
    return CursorTable(Table(cloud.call, "cursors"))


def last(timeframe: str, instrument: str, at: int) -> Series:
    bars = [Bar(at - 60, 100, 2**40, 90, 95, 7), Bar(at, 95, 96, 94, 95, 2**40)]
    return Series(instrument=instrument, timeframe=timeframe, price_scale=2, volume_scale=3, after=0, bars=bars)


def noted(*several: Series) -> dict[tuple[str, str], Series]:
    return {(series.timeframe, series.instrument): series for series in several}


def test_cursors_are_read_as_written_by_venue(cursors: PollCursors) -> None:
    first = noted(last("1m", "BTC/USDT", 60))
    second = noted(last("1m", "BTC/USDT", 120), last("1h", "ETH/USDT", 3_600))
    assert cursors.read("v") == Noted({}, 0)
    cursors.write("v", Noted(first, 0))
    assert cursors.read("v") == Noted(first, 1)
    gaps = {("1h", "ETH/USDT"): SkippedBars(-7_200, 0)}
    cursors.write("v", Noted(second, 1, START, gaps))
    assert cursors.read("v") == Noted(second, 2, START, gaps)
    assert cursors.read("w") == Noted({}, 0)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_of_two_writers_of_one_version_only_the_first_succeeds(cursors: PollCursors, version: int) -> None:
    cursors.write("v", Noted(noted(last("1m", "A", 60)), 0))
    cursors.write("v", Noted(noted(last("1m", "A", 120)), 1))
    with pytest.raises(Conflict):
        cursors.write("v", Noted(noted(last("1m", "A", 180)), version))
    assert cursors.read("v") == Noted(noted(last("1m", "A", 120)), 2)
