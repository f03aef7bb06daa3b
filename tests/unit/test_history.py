"""Bars that lie in many messages come back as one series of each instrument."""

from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from fanfold.market import bars, history
from fanfold.market.bars import Bar, Series
from support.core_desk import START

NAMES = ("BTC/USDT", "ETH/USDT", "PEPE/USDT")


def series(instrument: str, timeframe: str, count: int, scales: tuple[int, int] = (2, 4)) -> Series:
    length = {"1m": 60, "1h": 3_600}[timeframe]
    rows = [Bar(START + number * length, 10 + number, 12 + number, 9, 11, number) for number in range(1, count + 1)]
    return Series(
        instrument=instrument, timeframe=timeframe, price_scale=scales[0], volume_scale=scales[1], after=0, bars=rows
    )


def cut(whole: Series, places: list[int]) -> list[Series]:
    ends = sorted({min(place, len(whole.bars)) for place in places} | {len(whole.bars)})
    return [
        msgspec.structs.replace(whole, bars=whole.bars[first:last])
        for first, last in zip([0, *ends], ends, strict=False)
        if first < last
    ]


@given(st.lists(st.integers(1, 20)), st.integers(1, 20), st.integers())
def test_however_messages_cut_and_order_the_bars_they_come_back_whole(places: list[int], count: int, seed: int) -> None:
    whole = [series(name, timeframe, count) for name in NAMES for timeframe in ("1m", "1h")]
    frames = [frame for entry in whole for part in cut(entry, places) for frame in bars.pack([part])]
    Random(seed).shuffle(frames)
    joined = {(entry.timeframe, entry.instrument): entry for entry in history.joined(frames)}
    assert joined == {(entry.timeframe, entry.instrument): entry for entry in whole}


def test_bars_that_came_late_into_a_hole_stand_in_it() -> None:
    whole = series(NAMES[0], "1m", 9)
    around, inside = (
        msgspec.structs.replace(whole, bars=part) for part in (whole.bars[:3] + whole.bars[6:], whole.bars[3:6])
    )
    assert history.joined([*bars.pack([around]), *bars.pack([inside])]) == [whole]


def test_a_change_of_scale_starts_a_new_series() -> None:
    first, *_ = cut(series(NAMES[0], "1m", 4), [2])
    finer = series(NAMES[0], "1m", 4, (8, 8))
    finer.bars = finer.bars[2:]
    assert history.joined([*bars.pack([finer]), *bars.pack([first])]) == [first, finer]
