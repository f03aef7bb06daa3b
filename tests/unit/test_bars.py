"""Bars on the wire: what is packed comes back, and a minute of a large desk is one message."""

from datetime import UTC, datetime

import pytest
from core_desk import START
from hypothesis import given
from hypothesis import strategies as st

from fanfold import bars, timeframes
from fanfold.bars import Bar, Series
from fanfold.messages import Bars, decode, encode
from fanfold.refusals import BadInput

TIMEFRAMES = ["1m", "5m", "1h", "1d"]
FIGURES = st.integers(-(10**15), 10**15)


@st.composite
def any_series(draw: st.DrawFn) -> Series:
    """Bars at any times of the timeframe, of any figures, sound or not."""
    timeframe = draw(st.sampled_from(TIMEFRAMES))
    length = timeframes.seconds(timeframe)
    closes = sorted(draw(st.sets(st.integers(1_000, 2_000), max_size=5)))
    found = [Bar(number * length, *draw(st.tuples(*[FIGURES] * 5))) for number in closes]
    behind = draw(st.integers(0, 900))
    return Series(
        instrument=draw(st.text(max_size=5)), timeframe=timeframe, price_scale=draw(st.integers(0, 12)),
        volume_scale=draw(st.integers(0, 12)), after=behind * length, bars=found,
    )


@given(st.lists(any_series(), max_size=6))
def test_what_is_packed_comes_back_ordered_by_timeframe_and_without_empty_series(some: list[Series]) -> None:
    full = sorted((one for one in some if one.bars), key=lambda one: timeframes.seconds(one.timeframe))
    assert bars.unpack(bars.pack(some)) == full


@given(st.lists(any_series(), max_size=4))
def test_frames_survive_the_wire(some: list[Series]) -> None:
    message = Bars(id="i", cause="c", at=datetime.fromtimestamp(START, UTC), venue="v", frames=bars.pack(some))
    assert decode(encode(message)) == message


def test_a_poll_of_a_thousand_symbols_fits_into_what_is_billed_as_one_message() -> None:
    some = [
        Series(
            instrument=f"SYM{number}/USDT", timeframe="1m", price_scale=5, volume_scale=4, after=START,
            bars=[Bar(START + 60, 9_876_543_210 + number, 9_876_999_999, 9_876_000_000, 9_876_543_999, 123_456_789)],
        )
        for number in range(1_000)
    ]
    at = datetime.fromtimestamp(START, UTC)
    message = Bars(id="0" * 32, cause="poll/v/1", at=at, venue="v", frames=bars.pack(some))
    assert len(encode(message)) < 64_000


def test_a_series_ends_where_its_last_bar_does() -> None:
    one = Series(instrument="X", timeframe="1m", price_scale=2, volume_scale=0, after=60, bars=[])
    assert one.through == 60
    one.bars.append(Bar(180, 1, 1, 1, 1, 1))
    assert one.through == 180


@pytest.mark.parametrize("name", ["", "0m", "1", "m", "1w", "1M", "-1m", "1.5h", " 1m", "1m\n"])
def test_a_timeframe_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="such as 1m, 15m, 4h or 1d"):
        timeframes.seconds(name)


@pytest.mark.parametrize("name", ["7d", "14d", "70d", "168h", "336h", "10080m"])
def test_weeks_are_refused_because_they_would_begin_on_a_thursday(name: str) -> None:
    with pytest.raises(BadInput, match=r"Monday.*use 1d"):
        timeframes.seconds(name)


def test_days_close_at_midnight() -> None:
    assert timeframes.closes("1d", START)
    assert not timeframes.closes("1d", START + 3_600)
    assert timeframes.closes("1h", START + 3_600)
