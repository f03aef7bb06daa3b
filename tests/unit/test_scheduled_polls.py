"""A scheduled poll and a back-fill do their part once, however late and however often they come."""

from datetime import UTC, datetime

import pytest

from fanfold.errors import BadInput
from fanfold.market import bars
from fanfold.messages import BarsClosed
from market_data_service import wiring
from market_data_service.gaps import PART_BARS, Span
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


def test_a_span_is_filled_in_steps_with_bars_that_are_not_traded_on() -> None:
    feed = Feed()
    span = Span(venue="v", instrument=A, timeframe="1m", since=START, until=START + 60 * (PART_BARS + 50))
    rest = feed.poller.back_fill(span)
    assert (rest.since, rest.done) == (START + 60 * PART_BARS, False)
    assert feed.poller.back_fill(rest).done
    heard = [message for message in feed.bus.messages if isinstance(message, BarsClosed)]
    assert all(message.requested for message in heard)
    delivered = [bar for message in heard for series in bars.unpack(message.frames) for bar in series.bars]
    assert delivered == FINE[A]
