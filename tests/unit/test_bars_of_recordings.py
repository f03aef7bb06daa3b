"""A recording returns the bars of a span, whatever was asked of it before: the look for the next bar is a short one."""

from random import Random

import pytest

from fanfold.market.bars import Bar, Series
from fanfold.market.recording import Recording

MINUTE_S = 60
BEFORE = 7


@pytest.mark.parametrize("seed", range(40))
def test_any_sequence_of_looks_finds_what_a_search_through_all_bars_finds(seed: int) -> None:
    random = Random(seed)
    # Holes between the bars, and recordings of none, one and two.
    minutes = sorted(random.sample(range(1, 40), random.choice([0, 1, 2, 3, 20, 39])))
    bars = [Bar(minute * MINUTE_S, 10, 12, 9, 11, minute) for minute in minutes]
    whole = Series(instrument="BTC/USDT", timeframe="1m", price_scale=2, volume_scale=1, after=BEFORE, bars=bars)
    recording, at = Recording.of(whole), 0
    for _ in range(200):
        # Most looks are of a poll after the one before; others go back, skip polls, or begin between two closes.
        at = at + MINUTE_S if random.random() < 0.8 else random.randrange(0, 42 * MINUTE_S)
        since = at - MINUTE_S if random.random() < 0.8 else random.randrange(0, 42 * MINUTE_S)
        series = recording.series(since, at)
        assert series.bars == [bar for bar in bars if since < bar.closes_at_s <= at]
        if since <= at:
            assert series.after == max([bar.closes_at_s for bar in bars if bar.closes_at_s <= since], default=BEFORE)
        assert (series.instrument, series.timeframe, series.price_scale, series.volume_scale) == (
            "BTC/USDT",
            "1m",
            2,
            1,
        )
