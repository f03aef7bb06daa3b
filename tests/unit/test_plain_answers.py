"""An answer without a defect is told by a short way, which comes to what the long one does that looks at each bar."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from fanfold.market.bars import Bar, Series
from fanfold.market.resample import resample
from fanfold.market.sequence import possible
from fanfold.market.source import BarsRequest
from market_data_service import news
from market_data_service.answers import SeriesNeed
from market_data_service.news import KEPT_BARS, News
from support.core_desk import START, A, series, walk

MAX = Decimal("0.5")
MINUTES = 130
broken = st.sets(st.integers(1, MINUTES), max_size=2)


@given(st.integers(0, 9), st.integers(5, MINUTES - 1), st.integers(1, 70), broken, broken, st.booleans())
def test_the_short_way_answers_a_venues_own_bars_as_the_long_way(
    seed: int, now: int, reach: int, missing: set[int], impossible: set[int], revised: bool
) -> None:
    whole = bars(seed, missing, impossible)
    known = [bar for bar in whole if bar.closes_at_s < START + 60 * now and possible(bar)]
    if not known:
        return
    last = series(A, known[-KEPT_BARS:])
    since, until = known[-1].closes_at_s, START + 60 * now
    if revised:
        whole = [bar._replace(volume=bar.volume + (bar.closes_at_s == known[-1].closes_at_s)) for bar in whole]
    answer = within(whole, until - 60 * reach, until)
    request = BarsRequest(A, "1m", until - 60 * reach, until)
    wanted = SeriesNeed("1m", since, until, request)
    short = news.own(answer, wanted, last, MAX, known_unbroken=news.sound(answer, MAX) is answer.bars)
    assert comparable(short) == comparable(news.own(answer, wanted, finer(last), MAX))
    assert comparable(short) == comparable(news.own(answer, wanted, last, MAX))


@given(st.integers(0, 9), st.sampled_from(["5m", "1h"]), broken, broken, st.booleans())
def test_the_short_way_answers_resampled_bars_as_the_long_way(
    seed: int, timeframe: str, missing: set[int], impossible: set[int], final: bool
) -> None:
    length = {"5m": 300, "1h": 3_600}[timeframe]
    whole = bars(seed, missing, impossible)
    until = START + 7_200
    last = resample(within(bars(seed, set(), set()), START, until - length), timeframe, until - length)
    last = msgspec.structs.replace(last, after=0, bars=last.bars[-1:])
    answer = within(whole, until - length - 60, until)
    wanted = SeriesNeed(timeframe, last.through, until, BarsRequest(A, "1m", until - length - 60, until))
    sound = news.sound(answer, MAX)
    short = news.made(answer, sound, wanted, last, MAX, final=final)
    assert comparable(short) == comparable(news.made(answer, list(sound), wanted, finer(last), MAX, final=final))


def bars(seed: int, missing: set[int], impossible: set[int]) -> list[Bar]:
    whole = walk(seed, A, MINUTES, missing=frozenset(missing))
    return [bar._replace(low=bar.high + 1) if (bar.closes_at_s - START) // 60 in impossible else bar for bar in whole]


def within(whole: list[Bar], since: int, until: int) -> Series:
    """The venue's answer: its bars after ``since``, linked to the one before."""
    before = [bar.closes_at_s for bar in whole if bar.closes_at_s <= since]
    return series(A, [bar for bar in whole if since < bar.closes_at_s <= until], before[-1] if before else 0)


def finer(last: Series) -> Series:
    """The same bars in finer scales, which only the long way can hold an answer against."""
    scaled = [Bar(bar.closes_at_s, *(10 * figure for figure in bar[1:])) for bar in last.bars]
    return msgspec.structs.replace(
        last, price_scale=last.price_scale + 1, volume_scale=last.volume_scale + 1, bars=scaled
    )


def comparable(news: News) -> object:
    """The published series, its defects, and the bars that are kept, whatever their scales."""
    kept = news.last
    figures = (
        [(bar.closes_at_s, *map(kept.price, bar[1:5]), kept.volume(bar.volume)) for bar in kept.bars] if kept else []
    )
    return (
        news.series,
        [(defect.defect, defect.action, defect.count, defect.closes_at_s) for defect in news.defects],
        figures,
    )
