"""The replay venue gives back what was written, at any cut."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanfold.errors import BadInput
from fanfold.market.bars import Bar, Series
from fanfold.market.resample import resample
from fanfold.simulation.market import catalogue, market
from fanfold.venues.replay import ReplayVenue, write

START = 1_767_225_600
MINUTES = 300
SOL = "SOL/USDT"


@pytest.fixture(scope="module")
def recorded() -> dict[str, Series]:
    return {series.instrument: series for series in market(3, list(catalogue()), MINUTES, START)}


@pytest.fixture(scope="module")
def venue(recorded: dict[str, Series], tmp_path_factory: pytest.TempPathFactory) -> ReplayVenue:
    directory = tmp_path_factory.mktemp("recorded")
    write(directory, recorded.values())
    return ReplayVenue(directory)


def test_everything_written_is_read_back(venue: ReplayVenue, recorded: dict[str, Series]) -> None:
    assert venue.instruments == sorted(recorded)
    for name, series in recorded.items():
        assert venue.bars(name, "1m", 0, 2**62) == series
        assert venue.span(name) == (series.bars[0].closes_at_s, series.bars[-1].closes_at_s)


cuts = st.integers(START - 600, START + (MINUTES + 10) * 60)


@given(cuts, cuts)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_read_gives_the_bars_after_since_through_until_and_the_one_before(
    venue: ReplayVenue, recorded: dict[str, Series], since: int, until: int
) -> None:
    stored = recorded[SOL].bars
    got = venue.bars(SOL, "1m", since, until)
    assert got.bars == [bar for bar in stored if since < bar.closes_at_s <= until]
    assert got.after == max((bar.closes_at_s for bar in stored if bar.closes_at_s <= since), default=0)


@given(cuts, cuts, st.sampled_from(["5m", "15m", "1h"]))
def test_a_longer_timeframe_is_cut_out_of_the_whole_resampled_series(
    venue: ReplayVenue, recorded: dict[str, Series], since: int, until: int, timeframe: str
) -> None:
    whole = resample(recorded[SOL], timeframe, until)
    got = venue.bars(SOL, timeframe, since, until)
    assert got.bars == [bar for bar in whole.bars if since < bar.closes_at_s]
    if got.bars:
        assert got.after == max((bar.closes_at_s for bar in whole.bars if bar.closes_at_s <= since), default=0)


def test_polls_one_after_another_give_every_bar_once(venue: ReplayVenue, recorded: dict[str, Series]) -> None:
    seen: list[Bar] = []
    through = START
    for minute in range(MINUTES):
        fresh = venue.bars(SOL, "1m", through, START + (minute + 1) * 60)
        assert fresh.after == (seen[-1].closes_at_s if seen else 0)
        seen += fresh.bars
        through = fresh.through or through
    assert seen == recorded[SOL].bars


def test_an_unknown_instrument_and_a_finer_timeframe_are_refused(venue: ReplayVenue) -> None:
    with pytest.raises(BadInput, match="DOGE/USDT was not recorded; there are BTC/USDT, ETH/USDT"):
        venue.bars("DOGE/USDT", "1m", 0, START)


def test_a_timeframe_finer_than_the_recorded_one_is_refused(recorded: dict[str, Series], tmp_path: Path) -> None:
    write(tmp_path, [resample(recorded[SOL], "5m", 2**40)])
    with pytest.raises(BadInput, match="1m bars cannot be made of 5m bars of SOL/USDT"):
        ReplayVenue(tmp_path).bars(SOL, "1m", 0, START)


def test_a_new_recording_takes_the_place_of_the_old_one(recorded: dict[str, Series], tmp_path: Path) -> None:
    write(tmp_path, [recorded[SOL]])
    old = ReplayVenue(tmp_path)
    hours = resample(recorded[SOL], "1h", 2**40)
    write(tmp_path, [hours])
    assert ReplayVenue(tmp_path).bars(SOL, "1h", 0, 2**62).bars == hours.bars
    assert old.bars(SOL, "1m", 0, 2**62) == recorded[SOL]


def test_a_recording_that_lost_bytes_is_refused(recorded: dict[str, Series], tmp_path: Path) -> None:
    write(tmp_path, [recorded[SOL]])
    path = tmp_path / "SOL-USDT.bars"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(BadInput, match=r"SOL-USDT\.bars is damaged: 296 bars were written"):
        ReplayVenue(tmp_path)


def test_a_directory_without_recordings_and_a_series_without_bars_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no recorded bars"):
        ReplayVenue(tmp_path)
    empty = Series(instrument=SOL, timeframe="1m", price_scale=2, volume_scale=3, after=0, bars=[])
    with pytest.raises(BadInput, match="SOL/USDT 1m has no bars to store"):
        write(tmp_path, [empty])
