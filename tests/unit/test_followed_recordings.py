"""A recording that is followed bar by bar publishes what it would publish if its minutes were read anew."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold.market.bars import Bar, Series
from fanfold.market.recording import Recording
from fanfold.market.recordings import Recordings
from fanfold.messages import Message
from fanfold.simulation.stores import MemoryBus, MemoryCursors
from market_data_service.following import BarMerger
from market_data_service.poll import Poller
from support.core_desk import START, A, B, instance, small_desk, walk

DESK = small_desk(trend=instance(), slow=instance(timeframe="5m"), slower=instance(timeframe="15m"))
MINUTES = 60
BLEMISHES = {
    "missing": lambda _bar: None,
    "without volume": lambda bar: bar._replace(volume=0),
    "impossible": lambda bar: bar._replace(low=bar.high + 1),
    "jump": lambda bar: Bar(*[bar.closes_at_s, *(3 * price for price in bar[1:5]), bar.volume]),
    "too large": lambda bar: bar._replace(volume=2**62),
}


def recordings(blemishes: Iterable[tuple[str, int, str]]) -> Recordings:
    """Walks of both instruments, some of whose bars have a blemish: the instrument, the minute and the kind."""
    bars = {name: dict(enumerate(walk(1, name, MINUTES))) for name in (A, B)}
    for name, minute, kind in blemishes:
        if minute in bars[name]:
            changed = BLEMISHES[kind](bars[name].pop(minute))
            bars[name] |= {minute: changed} if changed else {}
    return Recordings(
        Recording.of(
            Series(
                instrument=name,
                timeframe="1m",
                price_scale=2,
                volume_scale=3,
                after=START,
                bars=[by_minute[minute] for minute in sorted(by_minute)],
            )
        )
        for name, by_minute in bars.items()
    )


def published(source: Recordings, minutes: Iterable[int], restarts: frozenset[int]) -> list[Message]:
    """Return what polls at these minutes publish; another process does those from a restart on."""
    bus, cursors, now = MemoryBus(), MemoryCursors(), START

    def process() -> Poller:
        return Poller(DESK, lambda _venue: source, cursors, bus, lambda: datetime.fromtimestamp(now, UTC))

    poller = process()
    for minute in minutes:
        now = START + 60 * minute
        poller = process() if minute in restarts else poller
        poller.poll()
    return bus.messages


BLEMISH = st.tuples(st.sampled_from((A, B)), st.integers(0, MINUTES - 1), st.sampled_from(sorted(BLEMISHES)))
MINUTE = st.integers(1, MINUTES)


@settings(deadline=None, max_examples=60)
@given(st.lists(BLEMISH, max_size=4), st.sets(MINUTE, max_size=3), st.frozensets(MINUTE, max_size=2))
def test_it_publishes_what_it_would_if_every_minute_were_read_anew(
    blemishes: list[tuple[str, int, str]], skipped: set[int], restarts: frozenset[int]
) -> None:
    minutes = [minute for minute in range(16, MINUTES + 1) if minute not in skipped]
    followed = published(recordings(blemishes), minutes, restarts)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BarMerger, "news", lambda *_: {})
        assert followed == published(recordings(blemishes), minutes, restarts)


def test_whole_longer_bars_read_no_minute_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    read = Recording.series

    def counted(recording: Recording, since: int, until: int) -> Series:
        series = read(recording, since, until)
        counts.append(len(series.bars))
        return series

    monkeypatch.setattr(Recording, "series", counted)
    published(recordings([]), range(16, MINUTES + 1), frozenset())
    # The first 15 minutes were not followed, so that the first bars of both lengths are read.
    assert max(counts[-2 * 29 :]) == 1
