"""A hole that no venue fills is asked for, told of after a stated time, and stops nobody for good."""

from collections.abc import Sequence

import msgspec
import pytest

from fanfold.market import bars
from fanfold.market.bars import Series
from fanfold.market.source import BarsRequest, Failure
from fanfold.messages import BarsClosed, BarsRequested, DataDefect
from fanfold.signals.fold import Fold
from fanfold.signals.short_windows import Gap
from market_data_service.requested import UNFILLED_S
from support.core_desk import START, A, B
from support.polled_venue import DESK, FINE, Feed, Venue, closes

HOLE = range(70, 90)


class Short(Venue):
    """A venue that keeps only the newest bars of A, those from a minute on, and cannot say what came before."""

    def __init__(self) -> None:
        super().__init__()
        self.begins = HOLE.stop

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        return [self._cut(answer) for answer in super().bars_of(requests)]

    def _cut(self, answer: Series | Failure) -> Series | Failure:
        assert isinstance(answer, Series)
        if answer.instrument != A:
            return answer
        kept = [bar for bar in answer.bars if bar.closes_at_s >= START + 60 * self.begins]
        cut = len(kept) < len(answer.bars) or answer.after < START + 60 * (self.begins - 1)
        length = 300 if answer.timeframe == "5m" else 60
        after = kept[0].closes_at_s - length if kept and cut else answer.after
        return msgspec.structs.replace(answer, bars=kept, after=after)


class Desk(Feed):
    """Market-data and one reader, who asks for what is missing and gets it a moment later."""

    def __init__(self) -> None:
        super().__init__()
        self.short = Short()
        self.venue = self.short
        self.fold = Fold(DESK, "v")
        self.heard = 0
        self.stepped: dict[str, list[int]] = {A: [], B: []}

    def minute_of(self, minute: int) -> None:
        self.poll(minute)
        while self.heard < len(self.bus.messages):
            message = self.bus.messages[self.heard]
            self.heard += 1
            assert isinstance(message, BarsClosed)
            targets, gaps = self.fold.accept(bars.unpack(message.frames), int(message.at.timestamp()))
            for _, target in targets:
                self.stepped[target.instrument].append((int(message.at.timestamp()) - START) // 60)
            for gap in gaps if not message.requested else []:
                self.poller.on_bars_requested(self.wanted(gap))

    def wanted(self, gap: Gap) -> BarsRequested:
        return BarsRequested(
            id=f"{gap}",
            cause="c",
            at=self.now(),
            venue="v",
            timeframe=gap.timeframe,
            instruments=[gap.instrument],
            since_s=gap.since,
            until_s=gap.until,
        )

    def unfillable(self) -> set[tuple[str, str, int, int]]:
        defects = [
            defect for message in self.bus.messages if isinstance(message, BarsClosed) for defect in message.defects
        ]
        return {
            (defect.instrument, defect.timeframe, defect.count, defect.closes_at_s)
            for defect in defects
            if defect.defect == "unfillable"
        }


@pytest.fixture
def desk() -> Desk:
    return Desk()


def outage(desk: Desk) -> None:
    """Polls up to a hole, which nobody polls in, as in an outage that outlasts a venue's memory."""
    desk.short.begins = 0
    for minute in range(60, HOLE.start):
        desk.minute_of(minute)
    desk.short.begins = HOLE.stop


def test_a_hole_that_stays_is_closed_after_the_stated_time_and_the_instrument_trades_on(desk: Desk) -> None:
    outage(desk)
    for minute in range(HOLE.stop, 120):
        desk.minute_of(minute)
    closed = HOLE.stop + UNFILLED_S // 60
    assert (A, "1m", len(HOLE), START + 70 * 60) in desk.unfillable()
    assert [minute for minute in desk.stepped[A] if HOLE.start <= minute < closed] == []
    assert set(range(closed + 1, 120)) <= set(desk.stepped[A])
    assert set(range(HOLE.stop, 120)) <= set(desk.stepped[B])


def test_a_gap_that_the_venue_fills_in_time_is_never_reported(desk: Desk) -> None:
    outage(desk)
    for minute in range(HOLE.stop, 110):
        desk.short.begins = 0 if minute >= 95 else HOLE.stop
        desk.minute_of(minute)
    assert desk.unfillable() == set()
    assert set(range(96, 110)) <= set(desk.stepped[A])


def serve(desk: Desk, now: int, since: int, until: int) -> tuple[list[Series], list[DataDefect]]:
    desk.minute = now
    desk.poller.on_bars_requested(desk.wanted(Gap(A, "1m", START + 60 * since, START + 60 * until)))
    messages = [message for message in desk.bus.messages if isinstance(message, BarsClosed)]
    return [series for message in messages for series in bars.unpack(message.frames)], [
        defect for message in messages for defect in message.defects
    ]


@pytest.mark.parametrize(("now", "closed"), [(99, False), (100, True), (190, True)])
def test_the_answer_links_over_the_hole_once_it_has_stood_for_so_long(desk: Desk, now: int, closed: bool) -> None:
    (answer,), defects = serve(desk, now, 69, 95)
    assert closes(answer.bars) == list(range(90, 96))
    assert answer.after == START + 60 * (69 if closed else 89)
    assert ("unfillable" in [defect.defect for defect in defects]) == closed


def test_a_span_without_any_bar_is_reported_alone(desk: Desk) -> None:
    answers, (defect,) = serve(desk, 100, 69, 88)
    assert answers == []
    assert (defect.defect, defect.count, defect.closes_at_s) == ("unfillable", 19, START + 70 * 60)


def test_the_bar_that_confirms_the_last_one_is_asked_for_and_not_served(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.short.begins = 0
    close = FINE[A][11].close * 10
    bad = FINE[A][11]._replace(open=close, high=close, low=close, close=close)
    monkeypatch.setitem(FINE, A, [*FINE[A][:11], bad, *FINE[A][12:]])
    (answer,), (outlier,) = serve(desk, 60, 9, 12)
    assert (closes(answer.bars), outlier.defect, outlier.closes_at_s) == ([10, 11], "outlier", bad.closes_at_s)
    FINE[A][12] = FINE[A][12]._replace(open=close, high=close, low=close, close=close)
    *_, again = serve(desk, 60, 9, 12)[0]
    assert closes(again.bars) == [10, 11, 12]
