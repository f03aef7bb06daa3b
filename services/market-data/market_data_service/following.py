"""Follow a recording bar by bar: a longer bar is merged as its bars are published, and none of them is read again."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from fanfold.desk import VenueSettings
from fanfold.market import timeframes
from fanfold.market.bars import FIGURE_MAX, Bar, Series, bar_of
from fanfold.market.sequence import follows
from fanfold.market.source import Source, request_of
from market_data_service.answers import SeriesKey
from market_data_service.news import KEPT_BARS, News, is_next, same_scales

Cursors = Mapping[SeriesKey, Series]


class Merging(msgspec.Struct, frozen=True):
    """A longer bar under way: as of its newest bar, and of how many."""

    bars: int
    bar: Bar


class BarMerger:
    """The longer bars under way at a venue, as far as this process published what they are made of."""

    def __init__(self, venue: VenueSettings, lookbacks: Iterable[str]) -> None:
        """``lookbacks`` are the timeframes to publish, the venue's own among them."""
        self._own = venue.timeframe
        self._length = timeframes.seconds(venue.timeframe)
        self._symbols = venue.symbols
        self._jump_max = venue.jump_max
        self._longer = [(name, timeframes.seconds(name)) for name in lookbacks if name != venue.timeframe]
        self._merging: dict[SeriesKey, Merging] = {}

    def news(self, source: Source, at: int, noted: Cursors) -> dict[str, list[News]]:
        """Return all news of the instruments of which nothing is new but the bar that follows, and what it completes.

        What is unusual in any way is left to ``market_data_service.news``: holes, jumps, bars without volume.
        """
        before, own = at - self._length, self._own
        wanted = [
            (symbol, last)
            for symbol in self._symbols
            if (last := noted.get((own, symbol))) is not None and last.bars[-1].closes_at_s == before
        ]
        answers = source.bars_of([request_of((symbol, own, before, at)) for symbol, _ in wanted])
        followed = {}
        for (symbol, last), answer in zip(wanted, answers, strict=True):
            if isinstance(answer, Series) and is_next(answer, last, self._jump_max, at) and _fits(answer.bars[0]):
                longer = self._completed(symbol, answer, noted) if self._longer else []
                if longer is not None:
                    followed[symbol] = [_published(answer, last), *longer]
        return followed

    def _completed(self, symbol: str, answer: Series, noted: Cursors) -> list[News] | None:
        """Return the longer bars that a bar completes; None where one is due that was not merged here."""
        completed, unknown, bar = [], False, answer.bars[0]
        for timeframe, length in self._longer:
            key = timeframe, symbol
            merging = self._merging[key] = _merged(self._merging.get(key), bar, bar.closes_at_s - self._length, length)
            last = noted.get(key)
            if last is None or last.bars[-1].closes_at_s != (bar.closes_at_s - 1) // length * length:
                unknown = True
            elif bar.closes_at_s % length == 0:
                news = self._whole(merging, answer, last, timeframe, length)
                unknown = unknown or news is None
                completed += [news] if news else []
        return None if unknown else completed

    def _whole(self, merging: Merging, answer: Series, last: Series, timeframe: str, length: int) -> News | None:
        bar = merging.bar
        whole = merging.bars * self._length == length and same_scales(answer, last) and _fits(bar)
        if not whole or not follows(bar, last.bars[-1], length, self._jump_max, bar.closes_at_s):
            return None
        fresh = msgspec.structs.replace(answer, timeframe=timeframe, after=bar.closes_at_s - length, bars=[bar])
        return News(fresh, [], msgspec.structs.replace(fresh, after=0), fits=True)


def _merged(merging: Merging | None, bar: Bar, before: int, length: int) -> Merging:
    """Return the longer bar under way with one bar more, which begins another where the one before ended one."""
    if merging is None or before % length == 0 or merging.bar.closes_at_s != before:
        return Merging(1, bar)
    closes_at_s, _, high, low, close, volume = bar
    _, opened, highest, lowest, _, before_volume = merging.bar
    figures = closes_at_s, opened, max(high, highest), min(low, lowest), close, before_volume + volume
    return Merging(merging.bars + 1, bar_of(figures))


def _published(answer: Series, last: Series) -> News:
    kept: Sequence[Bar] = last.bars
    newest = msgspec.structs.replace(answer, after=0, bars=[*kept[1 - KEPT_BARS :], answer.bars[0]])
    return News(answer, [], newest, fits=True)


def _fits(bar: Bar) -> bool:
    # A sound bar's other prices lie between 0 and its highest.
    return bar.high <= FIGURE_MAX and bar.volume <= FIGURE_MAX
