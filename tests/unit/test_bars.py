"""Bars on the wire: what is packed comes back, and a minute of a large desk is one message."""

from datetime import UTC, datetime
from decimal import localcontext

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import BadInput
from fanfold.market import bars, timeframes
from fanfold.market.bars import Bar, PackedSeries, Series
from fanfold.messages import BarsClosed, decode, encode
from fanfold.money import EXACT
from support.core_desk import START

TIMEFRAMES = ["1m", "5m", "1h", "1d"]
FIGURES = st.integers(-(10**15), 10**15)


@st.composite
def any_series(draw: st.DrawFn) -> Series:
    """Bars at any times of the timeframe, of any figures, sound or not."""
    timeframe = draw(st.sampled_from(TIMEFRAMES))
    length = timeframes.seconds(timeframe)
    closes = sorted(draw(st.sets(st.integers(1_000, 2_000), max_size=5)))
    drawn = [Bar(number * length, *draw(st.tuples(*[FIGURES] * 5))) for number in closes]
    behind = draw(st.integers(0, 900))
    return Series(
        instrument=draw(st.text(max_size=5)),
        timeframe=timeframe,
        price_scale=draw(st.integers(0, 12)),
        volume_scale=draw(st.integers(0, 12)),
        after=behind * length,
        bars=drawn,
    )


@given(st.lists(any_series(), max_size=6))
def test_packed_series_come_back_ordered_by_timeframe_without_empty_ones(several: list[Series]) -> None:
    full = sorted(
        (series for series in several if series.bars), key=lambda series: timeframes.seconds(series.timeframe)
    )
    assert bars.unpack(bars.pack(several)) == full


@given(st.lists(any_series(), max_size=6), st.sampled_from(TIMEFRAMES))
def test_frames_give_their_closes_and_some_of_their_series_as_if_all_were_unpacked(
    several: list[Series], timeframe: str
) -> None:
    frames = bars.pack(several)
    packed, unpacked = PackedSeries(frames), bars.unpack(frames)
    closes = [(each.instrument, bar.closes_at_s, each.price(bar.close)) for each in unpacked for bar in each.bars]
    assert [close for frame in frames for close in bars.closes_of(frame)] == closes
    wanted = {each.instrument for each in several[::2]}
    assert packed.unpacked(wanted) == [each for each in unpacked if each.instrument in wanted]
    own = [each for each in unpacked if each.timeframe == timeframe]
    assert packed.newest(timeframe) == {each.instrument: each.through for each in own}


@given(st.lists(any_series(), max_size=4), st.integers(0, 2**64), st.integers(0, 20))
def test_a_frame_that_fits_has_no_series_that_does_not(several: list[Series], more: int, scale: int) -> None:
    higher = [
        msgspec.structs.replace(
            each,
            price_scale=scale,
            bars=[Bar(at, *(figure + more for figure in figures)) for at, *figures in each.bars],
        )
        for each in several
    ]
    for frame in bars.pack(higher):
        unpacked = bars.unpack([frame])
        assert not bars.fit(frame) or all(bars.fitted(each) is each for each in unpacked)
        # Figures of two thirds of what fits, and distances between them, are seen to fit.
        small = more <= 2**62 and scale <= bars.SCALE_MAX
        assert bars.fit(frame) or not small


@given(st.lists(any_series(), max_size=4))
def test_frames_are_read_back_from_the_wire(several: list[Series]) -> None:
    message = BarsClosed(id="i", cause="c", at=datetime.fromtimestamp(START, UTC), venue="v", frames=bars.pack(several))
    assert decode(encode(message)) == message


def test_a_poll_of_a_thousand_symbols_fits_into_what_is_billed_as_one_message() -> None:
    several = [
        Series(
            instrument=f"SYM{number}/USDT",
            timeframe="1m",
            price_scale=5,
            volume_scale=4,
            after=START,
            bars=[Bar(START + 60, 9_876_543_210 + number, 9_876_999_999, 9_876_000_000, 9_876_543_999, 123_456_789)],
        )
        for number in range(1_000)
    ]
    at = datetime.fromtimestamp(START, UTC)
    message = BarsClosed(id="0" * 32, cause="poll/v/1", at=at, venue="v", frames=bars.pack(several))
    assert len(encode(message)) < 64_000


def test_a_series_ends_where_its_last_bar_does() -> None:
    series = Series(instrument="X", timeframe="1m", price_scale=2, volume_scale=0, after=60, bars=[])
    assert series.through == 60
    series.bars.append(Bar(180, 1, 1, 1, 1, 1))
    assert series.through == 180


@pytest.mark.parametrize("name", ["", "0m", "1", "m", "1w", "1M", "-1m", "1.5h", " 1m", "1m\n"])
def test_an_invalid_timeframe_is_rejected(name: str) -> None:
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


def series_of(price_scale: int, volume_scale: int, price: int, volume: int) -> Series:
    bars_of = [Bar(START + 60, price, price, price, price, volume), Bar(START + 120, price, price, price, price, 0)]
    return Series(
        instrument="X", timeframe="1m", price_scale=price_scale, volume_scale=volume_scale, after=START, bars=bars_of
    )


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 10**25), st.integers(0, 10**25))
def test_a_fitted_series_says_the_same_in_64_bits_or_is_refused(ps: int, vs: int, price: int, volume: int) -> None:
    given_series = series_of(ps, vs, price, volume)
    if too_fine(ps, price) or too_fine(vs, volume):
        with pytest.raises(BadInput, match="of X of"):
            bars.fitted(given_series)
        return
    series = bars.fitted(given_series)
    assert max(series.price_scale, series.volume_scale) <= bars.SCALE_MAX
    assert max(max(bar[1:]) for bar in series.bars) <= bars.FIGURE_MAX
    for before, after in zip(given_series.bars, series.bars, strict=True):
        with localcontext(EXACT):
            assert series.price(after.close) == given_series.price(before.close)
            assert series.volume(after.volume) == given_series.volume(before.volume)


def too_fine(scale: int, figure: int) -> bool:
    """Say whether no scale up to 18 holds the figure in 64 bits."""
    coarser = [(figure // 10**off, figure % 10**off) for off in range(scale + 1) if scale - off <= 18]
    return not any(rest == 0 and length < 2**63 for length, rest in coarser)


def test_a_volume_over_64_bits_is_kept_in_coarser_lots_and_a_price_of_18_decimals_as_it_is() -> None:
    fitted = bars.fitted(series_of(18, 8, 1_234_567_890, 500_000_000_000 * 10**8))
    assert (fitted.price_scale, fitted.bars[0].close) == (18, 1_234_567_890)
    assert (fitted.volume_scale, fitted.bars[0].volume) == (7, 500_000_000_000 * 10**7)
    with pytest.raises(BadInput, match="a volume of X of 8 decimals is up to"):
        bars.fitted(series_of(2, 8, 1, 500_000_000_000 * 10**8 + 1))


FRAME = bars.pack([series_of(2, 3, 100, 5)])[0]


@pytest.mark.parametrize(
    "changed",
    [
        {"open": [100]},
        {"volume": []},
        {"step": [0, 1, 2]},
        {"instruments": []},
        {"gap": [1, 1]},
        {"counts": [1]},
        {"counts": [3]},
        {"counts": [0]},
        {"counts": [-2]},
        {"price_scale": [-1]},
        {"volume_scale": [10**9]},
        {"step": [1, 1]},
        {"step": [1, 0]},
        {"timeframe": "1x"},
        {"instruments": ["A", "B"], "price_scale": [1, 1], "volume_scale": [1, 1], "gap": [1, 1], "counts": [2, 0]},
    ],
    ids=str,
)
def test_columns_that_do_not_fit_together_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        bars.unpack([msgspec.structs.replace(FRAME, **changed)])
