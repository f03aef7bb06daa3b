"""A scheduled poll and a back-fill do their part once, however late and however often they come."""

from datetime import UTC, datetime, timedelta

import pytest

from fanfold.errors import BadInput, VenueUnavailable
from fanfold.market import bars
from fanfold.messages import BarsClosed, BarsRequested
from market_data_service import wiring
from market_data_service.gaps import PART_BARS, STEP_PARTS, Span, fill
from support.core_desk import START, A
from support.polled_venue import FINE, Feed, closes


def due(minute: int) -> datetime:
    return datetime.fromtimestamp(START + 60 * minute, UTC)


def test_the_same_scheduled_time_again_publishes_nothing() -> None:
    feed = Feed()
    assert feed.poller.poll(due(60)) > 0
    before = len(feed.bus.messages)
    assert feed.poller.poll(due(60)) == 0
    assert feed.process().poll(due(60)) == 0
    assert len(feed.bus.messages) == before


def test_a_poll_that_comes_after_the_next_one_publishes_nothing() -> None:
    feed = Feed()
    feed.poller.poll(due(60))
    feed.poller.poll(due(61))
    assert feed.poller.poll(due(60)) == 0
    assert closes(feed.published("1m", A)) == list(range(56, 62))


def test_a_late_poll_publishes_what_had_closed_when_it_was_due() -> None:
    feed = Feed()
    feed.minute = 63
    feed.poller.poll(due(60))
    assert closes(feed.published("1m", A))[-1] == 60


def test_a_schedules_time_is_read_and_a_wrong_one_refused() -> None:
    assert wiring.scheduled({"time": "2026-03-01T00:20:00Z"}) == datetime(2026, 3, 1, 0, 20, tzinfo=UTC)
    assert wiring.scheduled({}) is None
    with pytest.raises(BadInput, match="time"):
        wiring.scheduled({"time": "<aws.scheduler.scheduled-time>"})


def test_a_span_is_filled_with_bars_that_are_not_traded_on() -> None:
    feed = Feed()
    assert feed.poller.back_fill(span(PART_BARS + 50)).done
    heard = [message for message in feed.bus.messages if isinstance(message, BarsClosed)]
    assert all(message.requested for message in heard)
    delivered = [bar for message in heard for series in bars.unpack(message.frames) for bar in series.bars]
    assert delivered == FINE[A]


def span(count: int) -> Span:
    return Span(venue="v", instrument=A, timeframe="1m", since=START, until=START + 60 * count)


class Part:
    """A publisher of the parts of a span, each in so many seconds; it fails at the parts of these numbers."""

    def __init__(self, seconds: float, *fails: int) -> None:
        self.number, self.now = 0, due(0)
        self._seconds, self._fails = seconds, fails

    def publish(self, _message: BarsRequested) -> None:
        self.number += 1
        self.now += timedelta(seconds=self._seconds)
        if self.number in self._fails:
            raise VenueUnavailable("no time")


@pytest.mark.parametrize(("seconds", "parts"), [(0.1, STEP_PARTS), (1.0, 10), (4.0, 3), (30.0, 1)])
def test_a_step_of_the_back_fill_publishes_the_parts_that_it_has_time_for(seconds: float, parts: int) -> None:
    part = Part(seconds)
    rest = fill(span(100 * PART_BARS), part.publish, lambda: part.now)
    assert (part.number, rest.since) == (parts, START + 60 * PART_BARS * parts)


def test_a_step_of_the_back_fill_keeps_what_it_published_before_a_part_failed() -> None:
    part = Part(0.1, 1, 4)
    with pytest.raises(VenueUnavailable):
        fill(span(100 * PART_BARS), part.publish, lambda: part.now)
    assert fill(span(100 * PART_BARS), part.publish, lambda: part.now).since == START + 60 * PART_BARS * 2
