"""A pause that a venue asked one process for is kept by the others, and costs no call in any other minute."""

from collections.abc import Sequence
from typing import Any

import pytest

from fanfold.errors import VenueUnavailable
from fanfold.market.bars import Series
from fanfold.market.source import BarsRequest, Failure, Noted, Paced
from fanfold.messages import BarsRequested
from fanfold.signals.short_windows import Gap
from fanfold.simulation.stores import MemoryCursors
from fanfold.venues.ccxt.pace import Pace
from market_data_service.poll import Poller
from support.core_desk import START, A
from support.polled_venue import DESK, Feed, Venue, closes


class Counted(MemoryCursors):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def read(self, venue: str) -> Noted:
        self.calls.append("read")
        return super().read(venue)

    def write(self, venue: str, noted: Noted) -> None:
        self.calls.append("write")
        super().write(venue, noted)


class Banning:
    """One process's access to a venue that bans the address until a time."""

    def __init__(self, feed: "Banned") -> None:
        self._feed = feed
        self._pace = Pace("v", 0, feed.seconds, lambda _seconds: None)

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        return [self._tried(request) for request in requests]

    def held_until(self) -> float:
        return self._pace.held_until

    def hold(self, until: float) -> None:
        self._pace.hold_until(until)

    def _tried(self, request: BarsRequest) -> Series | Failure:
        try:
            self._pace.take()
        except VenueUnavailable as wrong:
            return Failure(request, str(wrong))
        self._feed.requests += 1
        if self._feed.seconds() < self._feed.banned_until:
            self._pace.hold_until(self._feed.banned_until)
            return Failure(request, "banned")
        (answer,) = self._feed.venue.bars_of([request])
        return answer


class Banned(Feed):
    def __init__(self) -> None:
        super().__init__()
        self.counted = Counted()
        self.cursors = self.counted
        self.venue = Venue()
        self.banned_until = 0.0
        self.requests = 0
        self.poller = self.fresh()

    def fresh(self) -> Poller:
        source = Banning(self)
        assert isinstance(source, Paced)
        return Poller(DESK, lambda _name: source, self.cursors, self.bus, self.now)

    def seconds(self) -> float:
        return self.now().timestamp()

    def asks(self, poller: Poller, what: Any = None) -> int:
        """The number of requests to the venue by a process that wants something of it now."""
        before = self.requests
        with pytest.raises(VenueUnavailable):
            poller.on_bars_requested(what) if what else poller.poll()
        return self.requests - before


@pytest.fixture
def feed() -> Banned:
    banned = Banned()
    for minute in range(60, 63):
        banned.poll(minute)
    return banned


def wanted(feed: Feed) -> BarsRequested:
    gap = Gap(A, "1m", START, START + 600)
    return BarsRequested(
        id="w",
        cause="c",
        at=feed.now(),
        venue="v",
        timeframe="1m",
        instruments=[A],
        since_s=gap.since,
        until_s=gap.until,
    )


def test_another_process_does_not_ask_while_the_ban_lasts_and_goes_on_after_it(feed: Banned) -> None:
    feed.minute, feed.banned_until = 63, START + 60 * 66.5
    assert feed.asks(feed.poller) > 0
    assert feed.cursors.read("v").held_until == feed.banned_until
    for minute in (64, 65, 66):
        feed.minute = minute
        assert feed.asks(feed.fresh()) == feed.asks(feed.poller) == feed.asks(feed.fresh(), wanted(feed)) == 0
    feed.minute = 67
    feed.fresh().poll()
    assert closes(feed.published("1m", A))[-5:] == [63, 64, 65, 66, 67]


def test_a_minute_without_a_ban_reads_nothing_and_writes_once(feed: Banned) -> None:
    feed.counted.calls.clear()
    feed.poll(63)
    assert feed.counted.calls == ["write"]
