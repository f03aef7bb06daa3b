"""Market-data's verbs: every bar of the venue is published, in time, whatever poll was missed or crashed."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import BadInput
from fanfold.market import bars
from fanfold.market.bars import Bar
from fanfold.market.quality import CheckedRow, check
from fanfold.market.sequence import follows
from fanfold.messages import BarsClosed, BarsRequested
from support.core_desk import START, A, B
from support.crashes import Fuse, until_it_lives
from support.polled_venue import FINE, Feed, closes, coarse


@pytest.fixture
def feed() -> Feed:
    return Feed()


def test_the_first_poll_reaches_back_a_bar_further_than_strategies_look(feed: Feed) -> None:
    feed.poll(60)
    assert closes(feed.published("1m", A)) == list(range(56, 61))
    assert closes(feed.published("5m", A)) == list(range(40, 61, 5))


def test_every_bar_is_published_once_and_equals_the_venues(feed: Feed) -> None:
    for minute in range(60, 81):
        feed.poll(minute)
    for name in (A, B):
        assert feed.published("1m", name) == FINE[name][55:80]
        assert feed.published("5m", name) == coarse(name)[7:16]


def test_a_poll_that_was_missed_at_a_close_loses_no_bar_and_none_is_taken_for_younger_than_it_is(feed: Feed) -> None:
    feed.poll(61)
    late, now = feed.poll(66)
    assert closes([bar for series in bars.unpack(late.frames) for bar in series.bars]) == [65, 65]
    assert late.at == datetime.fromtimestamp(START + 65 * 60, UTC)
    assert late.cause.startswith("late/v/")
    assert closes(feed.published("1m", A))[-5:] == [62, 63, 64, 65, 66]
    assert now.cause == f"poll/v/{START + 66 * 60}"


def test_polls_long_apart_lose_nothing(feed: Feed) -> None:
    feed.poll(60)
    feed.poll(133)
    assert feed.published("1m", A) == FINE[A][55:133]
    assert feed.published("5m", A) == coarse(A)[7:26]


def test_a_process_that_others_polled_in_place_of_publishes_no_bar_again(feed: Feed) -> None:
    first, other = feed.poller, feed.process()
    for minute, poller in ((60, first), (61, other), (62, other), (70, first), (71, first), (72, other)):
        feed.poller = poller
        feed.poll(minute)
    for name in (A, B):
        published = closes(feed.published("1m", name))
        assert published == sorted(set(published))
        assert published[-13:] == list(range(60, 73))


def test_an_instrument_without_bars_at_first_is_asked_for_again(feed: Feed) -> None:
    feed.venue.hidden = {B: START}
    feed.poll(60)
    assert feed.published("1m", B) == []
    feed.venue.hidden = {}
    feed.poll(61)
    assert closes(feed.published("1m", B)) == list(range(57, 62))
    assert closes(feed.published("1m", A)) == list(range(56, 62))


def test_a_bar_that_comes_late_comes_with_the_next_poll_or_in_a_batch_of_its_own(feed: Feed) -> None:
    feed.poll(60)
    feed.venue.hidden = {B: START + 60 * 60}
    (first,) = feed.poll(61)
    feed.venue.hidden = {}
    (second,) = feed.poll(61)
    assert first.cause != second.cause
    assert closes(feed.published("1m", B))[-1] == 61
    assert feed.poll(61) == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 5))
def test_after_a_crash_the_same_bars_go_out_under_the_same_id(feed: Feed, nth: int, after: bool) -> None:
    def attempt(fuse: Fuse) -> None:
        feed.process(fuse).poll()

    until_it_lives(attempt, nth, after=after)
    by_id = {message.id: message for message in feed.bus.messages}
    assert all(by_id[message.id] == message for message in feed.bus.messages)
    expected = Feed()
    expected.poll(60)
    assert by_id == {message.id: message for message in expected.bus.messages}


def test_requested_bars_are_published_and_marked_as_requested(feed: Feed) -> None:
    at = datetime.fromtimestamp(START, UTC)
    wanted = BarsRequested(
        id="w",
        cause="c",
        at=at,
        venue="v",
        timeframe="1m",
        instruments=[A, B],
        since_s=START + 600,
        until_s=START + 900,
    )
    feed.poller.on_bars_requested(wanted)
    (message,) = feed.bus.messages
    assert isinstance(message, BarsClosed)
    assert message.requested
    assert [closes(series.bars) for series in bars.unpack(message.frames)] == [[11, 12, 13, 14, 15]] * 2
    with pytest.raises(BadInput, match="venue 'w' is not in the desk"):
        feed.poller.on_bars_requested(msgspec.structs.replace(wanted, venue="w"))


def test_a_jump_from_one_poll_to_the_next_is_reported(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    feed.poll(60)
    closes_at_s, *_, close, volume = FINE[A][60]
    leapt = [*FINE[A][:60], Bar(closes_at_s, close * 3, close * 3, close * 3, close * 3, volume), *FINE[A][61:]]
    monkeypatch.setitem(FINE, A, leapt)
    (message,) = feed.poll(61)
    assert [(defect.instrument, defect.defect, defect.count) for defect in message.defects] == [(A, "jump", 1)]


@given(
    bars_=st.tuples(
        *[st.builds(Bar, st.sampled_from([60, 120, 121, 180]), *[st.integers(-1, 9)] * 4, st.integers(-1, 2))] * 2
    ),
    now=st.sampled_from([60, 120, 180]),
)
def test_the_fast_path_accepts_exactly_the_bars_that_the_full_check_accepts(bars_: tuple[Bar, Bar], now: int) -> None:
    before, bar = bars_
    before = before._replace(closes_at_s=60, close=max(1, before.close))
    row = CheckedRow(bar.closes_at_s - 60, *bar[1:])
    result = check(A, "1m", [row], Decimal("0.25"), now=now, before=before)
    assert follows(bar, before, 60, Decimal("0.25"), now) == (result.findings == [] and bar.closes_at_s > 60)
