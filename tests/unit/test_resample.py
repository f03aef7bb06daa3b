"""Laws of longer bars made of shorter ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import BadInput
from fanfold.market.bars import Bar, Series
from fanfold.market.resample import resample, span_end

HOUR = 1_700_000_000 // 3600 * 3600


def series(bars: list[Bar], timeframe: str = "1m", after: int = 0) -> Series:
    return Series(instrument="BTC/USDT", timeframe=timeframe, price_scale=2, volume_scale=3, after=after, bars=bars)


@st.composite
def minutes(draw: st.DrawFn) -> Series:
    """Minute bars of up to some hours with holes, after a bar that may lie inside an hour."""
    times = sorted(draw(st.sets(st.integers(1, 200), min_size=1)))
    first = draw(st.sampled_from([0, HOUR + (times[0] - 1) * 60]))
    prices = st.tuples(st.integers(50, 100), st.integers(0, 20), st.integers(0, 20), st.integers(0, 9))
    bars = []
    for time in times:
        opened, up, down, volume = draw(prices)
        close = draw(st.integers(opened - down, opened + up))
        bars.append(Bar(HOUR + time * 60, opened, opened + up, opened - down, close, volume))
    return series(bars, after=first)


@given(minutes(), st.integers(0, 300))
def test_every_long_bar_is_what_its_short_bars_say(fine: Series, until: int) -> None:
    through = HOUR + until * 60
    coarse = resample(fine, "1h", through)
    for bar in coarse.bars:
        inside = [minute for minute in fine.bars if bar.closes_at_s - 3600 < minute.closes_at_s <= bar.closes_at_s]
        assert bar.open == inside[0].open
        assert bar.high == max(minute.high for minute in inside)
        assert bar.low == min(minute.low for minute in inside)
        assert bar.close == inside[-1].close
        assert bar.volume == sum(minute.volume for minute in inside)
        assert bar.closes_at_s <= through


@given(minutes(), st.integers(0, 300))
def test_hours_are_the_same_out_of_minutes_as_out_of_five_minutes(fine: Series, until: int) -> None:
    through = HOUR + until * 60
    assert resample(resample(fine, "5m", through), "1h", through) == resample(fine, "1h", through)


@given(minutes())
def test_no_volume_is_lost_once_every_span_has_ended(fine: Series) -> None:
    fine.after = 0
    total = sum(bar.volume for bar in resample(fine, "4h", HOUR + 86_400).bars)
    assert total == sum(bar.volume for bar in fine.bars)


@given(minutes())
def test_a_timeframe_resampled_to_itself_is_itself(fine: Series) -> None:
    assert resample(fine, "1m", fine.through) == fine


def test_a_span_without_a_short_bar_gives_no_long_bar() -> None:
    fine = series([Bar(HOUR + 60, 1, 1, 1, 1, 1), Bar(HOUR + 660, 1, 1, 1, 1, 1)])
    assert [bar.closes_at_s - HOUR for bar in resample(fine, "5m", HOUR + 3600).bars] == [300, 900]


def test_a_span_that_has_not_ended_gives_no_bar_yet() -> None:
    fine = series([Bar(HOUR + 60 * minute, 1, 1, 1, 1, 1) for minute in range(1, 10)])
    assert [bar.closes_at_s - HOUR for bar in resample(fine, "5m", HOUR + 599).bars] == [300]
    assert [bar.closes_at_s - HOUR for bar in resample(fine, "5m", HOUR + 600).bars] == [300, 600]


def test_a_span_whose_first_short_bars_came_before_the_series_is_left_out() -> None:
    fine = series([Bar(HOUR + 60 * minute, 1, 1, 1, 1, 1) for minute in range(3, 11)], after=HOUR + 120)
    coarse = resample(fine, "5m", HOUR + 600)
    assert [bar.closes_at_s - HOUR for bar in coarse.bars] == [600]
    assert coarse.after == HOUR + 300


def test_a_timeframe_that_does_not_divide_is_refused() -> None:
    with pytest.raises(BadInput, match="7m bars cannot be made of 5m bars of BTC/USDT"):
        resample(series([], timeframe="5m"), "7m", HOUR)


@given(st.integers(1, 10**10), st.sampled_from([60, 300, 3600]))
def test_a_bar_lies_in_exactly_one_span(closes_at_s: int, length: int) -> None:
    end = span_end(closes_at_s, length)
    assert end % length == 0
    assert end - length < closes_at_s <= end
