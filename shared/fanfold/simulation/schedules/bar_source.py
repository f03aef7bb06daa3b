"""A venue's bars in memory: late, without figures, impossible, changed later, or never there, as the dice has it."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from greenlet import getcurrent

from fanfold.market import sequence
from fanfold.market.bars import Bar, Series
from fanfold.market.source import BarsRequest, Failure
from fanfold.simulation.schedules.faults import Crash
from fanfold.simulation.schedules.market import PRICE_SCALE, START, VOLUME_SCALE

LATE_S_MAX = 240


class BarVersion(NamedTuple):
    """A bar as the venue has it from a time on (epoch seconds)."""

    since: float
    bar: Bar


class SeededSource:
    """The bars of a world's market. ``versions`` has each bar, by instrument and close, as the venue ever had it."""

    def __init__(self, world: Any, dice: Random) -> None:
        self._world, self._dice = world, dice
        self.versions: dict[tuple[str, int], list[BarVersion]] = {}

    def close(self, closes_at_s: int) -> None:
        """Let the bars of a time close, each with what befalls it."""
        for name in self._world.market.bars:
            self.versions[name, closes_at_s] = list(self._versions(self._bar(name, closes_at_s)))

    def whole(self, instrument: str, closes_at_s: int) -> bool:
        """Return whether the venue had a bar from its close on, and never another."""
        bar = self._bar(instrument, closes_at_s)
        return self.versions[instrument, closes_at_s] == [BarVersion(closes_at_s, bar)]

    def _bar(self, instrument: str, closes_at_s: int) -> Bar:
        bar: Bar = self._world.market.bars[instrument][(closes_at_s - START) // self._world.length_s - 1]
        return bar

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        """Return the answer of each request, which may fail alone; see fanfold.market.source.Source."""
        getcurrent().parent.switch()
        faults = self._world.faults
        faults.note("bars", requests)
        if faults.hit("before"):
            raise Crash
        answers = [self._answer(request) for request in requests]
        if faults.hit("after"):
            raise Crash
        return answers

    def _answer(self, request: BarsRequest) -> Series | Failure:
        if self._world.faults.hit("silent"):
            return Failure(request, "no answer")
        length, name = self._world.length_s, request.instrument
        closes = range(request.since // length * length + length, request.until + 1, length)
        rows = [bar for at in closes if (bar := self._now(name, at))]
        return Series(
            instrument=request.instrument,
            timeframe=request.timeframe,
            price_scale=PRICE_SCALE,
            volume_scale=VOLUME_SCALE,
            after=self._after(name, request.since // length * length),
            bars=list(self._disturbed(rows)),
        )

    def _after(self, name: str, closes_at_s: int) -> int:
        """Return the newest close, at or before a time, of a bar that the venue has whole; 0 for none."""
        while closes_at_s > START:
            bar = self._now(name, closes_at_s)
            if bar is not None and sequence.possible(bar):
                return closes_at_s
            closes_at_s -= self._world.length_s
        return 0

    def _disturbed(self, rows: list[Bar]) -> list[Bar]:
        if len(rows) > 1 and self._world.faults.hit("rows-twice"):
            rows = [*rows, self._dice.choice(rows)]
        if len(rows) > 1 and self._world.faults.hit("rows-out-of-order"):
            self._dice.shuffle(rows)
        return rows

    def _now(self, name: str, closes_at_s: int) -> Bar | None:
        seen = [
            version.bar for version in self.versions.get((name, closes_at_s), ()) if version.since <= self._world.now
        ]
        return seen[-1] if seen else None

    def _versions(self, bar: Bar) -> Iterator[BarVersion]:
        """Yield a bar as the venue has it in turn; each kind of fault has its own chance."""
        hit, closes = self._world.faults.hit, bar.closes_at_s
        later = closes + self._world.length_s + self._dice.random() * LATE_S_MAX
        mended = [BarVersion(later, bar)] if self._dice.random() < 0.5 else []
        if hit("bar-missing"):
            return
        if hit("bar-late"):
            yield BarVersion(later, bar)
        elif hit("bar-null"):
            yield from [BarVersion(closes, Bar(closes, 0, 0, 0, 0, 0)), *mended]
        elif hit("bar-impossible"):
            yield from [BarVersion(closes, bar._replace(low=bar.high + 1)), *mended]
        elif hit("bar-revised"):
            yield from [BarVersion(closes, bar._replace(close=bar.low)), BarVersion(later, bar)]
        elif hit("bar-jumped"):
            yield from [BarVersion(closes, _tripled(bar)), *mended]
        else:
            yield BarVersion(closes, bar)


def _tripled(bar: Bar) -> Bar:
    return bar._replace(open=3 * bar.open, high=3 * bar.high, low=3 * bar.low, close=3 * bar.close)
