"""However many bars or defects, however many digits: what market-data publishes a topic takes, and nothing is lost."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fanfold.aws.sns import MESSAGE_BYTES_MAX, Topics
from fanfold.market import bars
from fanfold.market.bars import FIGURE_MAX, Bar, Series
from fanfold.market.source import BarsRequest, Failure
from fanfold.messages import BarsClosed, DataDefect, encode
from fanfold.signals.fold import Fold
from fanfold.simulation.cloud import MemoryCloud
from market_data_service.batches import BARS_MAX, messages
from support.core_desk import START, A
from support.extreme_bars import HUGE, wild
from support.polled_venue import DESK, FINE, Feed


def defect(number: int, detail: int) -> DataDefect:
    return DataDefect(
        instrument=f"I{number}/USDT",
        timeframe="1m",
        defect="revised",
        action="reported",
        count=1,
        closes_at_s=START,
        detail="x" * detail,
    )


@given(
    counts=st.lists(st.integers(1, 5_000), min_size=1, max_size=4),
    figure=st.sampled_from([9, 10**8, 10**16, HUGE]),
    defect_count=st.integers(0, 400), detail=st.sampled_from([0, 300]),
)  # fmt: skip
@example(counts=[4_000], figure=10**13, defect_count=0, detail=0)
@example(counts=[1] * 3_000, figure=HUGE, defect_count=3_000, detail=300)
@settings(max_examples=25, deadline=None)
def test_no_message_of_bars_is_longer_than_a_topic_takes_and_none_loses_any(
    counts: list[int], figure: int, defect_count: int, detail: int
) -> None:
    series = [wild(f"I{n}/USDT", count, figure) for n, count in enumerate(counts)]
    defects = [defect(n, detail) for n in range(defect_count)]
    published = messages("v", "poll/v/1", START, [(whole, []) for whole in series], defects)
    assert max(len(encode(message)) for message in published) < MESSAGE_BYTES_MAX - 1_000
    kept: dict[str, list[Bar]] = {}
    for own_series in (own_series for message in published for own_series in bars.unpack(message.frames)):
        before = kept.setdefault(own_series.instrument, [])
        assert own_series.after == (before[-1].closes_at_s if before else START)
        before += own_series.bars
    assert kept == {whole.instrument: whole.bars for whole in series}
    assert [noted for message in published for noted in message.defects] == defects
    polled = [message for message in published if not message.requested]
    assert [message.part for message in polled] == list(range(1, len(polled) + 1))
    assert {message.parts for message in polled} == {len(polled)}
    assert len({message.id for message in published}) == len(published)


def test_a_usual_poll_is_one_message_and_a_look_back_that_fits_stays_whole() -> None:
    one_each = [(wild(f"SYMBOL{n}/USDT", 1, 10**9), []) for n in range(1_000)]
    assert len(messages("v", "p", START, one_each, [])) == 1
    assert len(messages("v", "p", START, [(wild(A, 4_000, 10**6), [])], [])) == 1
    assert len(messages("v", "p", START, [(wild(A, BARS_MAX), [])], [])) == 1


def test_messages_of_defects_alone_follow_the_bars() -> None:
    published = messages("v", "p", START, [(wild(A, 1), [])], [defect(n, 300) for n in range(1_000)])
    first, *more = [(message.parts, message.requested, bool(message.frames)) for message in published]
    assert first == (1, False, True)
    assert set(more) == {(1, True, False)}


def test_a_topic_takes_the_longest_messages_of_bars() -> None:
    cloud = MemoryCloud()
    name = {"Name": "bars.fifo", "Attributes": {"FifoTopic": "true"}}
    arn = cloud.call("sns", "CreateTopic", name)["TopicArn"]
    published = messages("v", "p", START, [(wild(A, 9_000), [])], [defect(n, 300) for n in range(1_000)])
    Topics(cloud.call, {"bars": arn}).publish(published)


class Fine(Feed):
    """A venue that tells one instrument in figures of its own."""

    def __init__(self, volume: int, places: int) -> None:
        super().__init__()
        self.volume, self.places = volume, places
        tell = self.venue.bars_of

        def bars_of(requests: Sequence[BarsRequest]) -> list[Series | Failure]:
            return [self._told(answer) if isinstance(answer, Series) else answer for answer in tell(requests)]

        self.venue.bars_of = bars_of

    def _told(self, series: Series) -> Series:
        if series.instrument == A:
            series.bars = [bar._replace(volume=self.volume) for bar in series.bars]
            series.volume_scale = self.places
        return series


@pytest.mark.parametrize(("volume", "places"), [(5 * 10**19, 8), (10**30, 24)])
def test_figures_that_overflow_are_published_in_a_coarser_scale(volume: int, places: int) -> None:
    feed = Fine(volume, places)
    (first, *_) = feed.poll(60)
    (series, *_) = (own_series for own_series in bars.unpack(first.frames) if own_series.instrument == A)
    assert series.volume(series.bars[-1].volume) == Decimal(volume).scaleb(-places)
    assert all(max(bar) <= FIGURE_MAX for bar in series.bars)
    assert encode(first)


def test_figures_that_fit_no_scale_leave_out_only_their_instrument() -> None:
    feed = Fine(10**30 + 1, 8)
    for minute in range(60, 63):
        feed.poll(minute)
    assert feed.published("1m", A) == []
    assert feed.published("1m", "ETH/USDT") == FINE["ETH/USDT"][55:62]
    defects = [noted for message in feed.bus.messages if isinstance(message, BarsClosed) for noted in message.defects]
    assert {(noted.instrument, noted.defect) for noted in defects} == {(A, "unavailable")}
    assert "fit into 64 bits" in defects[0].detail
    feed.volume, feed.places = 7, 3
    feed.poll(63)
    assert len(feed.published("1m", A)) > 3
    assert all(fold_of(feed))


def fold_of(feed: Feed) -> list[bool]:
    """Say for each message whether a reader accepts it."""
    fold = Fold(DESK, "v")
    heard = [message for message in feed.bus.messages if isinstance(message, BarsClosed)]
    return [
        bool(fold.accept(bars.unpack(message.frames), int(message.at.timestamp())) is not None) for message in heard
    ]


def test_a_repeated_poll_publishes_the_same_ids() -> None:
    twice = [messages("v", "p", START, [(wild(A, 5_000), [])], [defect(1, 3)]) for _ in range(2)]
    assert twice[0] == twice[1]
    assert all(message.at == datetime.fromtimestamp(START, UTC) for message in twice[0])
