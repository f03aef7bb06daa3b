"""Bars that are published are closed, whole and sound; what was not is told of, and stops nothing after it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.market import bars
from fanfold.market.bars import Bar, Series
from fanfold.market.sequence import near
from fanfold.market.source import BarsRequest, Failure
from fanfold.messages import BarsClosed, DataDefect
from fanfold.signals.fold import Fold
from market_data_service.jumps import judge
from support.core_desk import START, A, B
from support.polled_venue import DESK, FINE, Feed, Venue, closes, coarse

MAX = Decimal("0.25")


class Retold(Venue):
    """A venue that tells some bars otherwise than they are: by (instrument, minute); None is no bar at all."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: dict[tuple[str, int], Bar | None] = {}

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        answers = super().bars_of(requests)
        for answer in answers:
            if isinstance(answer, Series) and answer.timeframe == "1m":
                answer.bars = [
                    bar
                    for bar_of_venue in answer.bars
                    if (bar := self._as_stated(answer.instrument, bar_of_venue)) is not None
                ]
        return answers

    def _as_stated(self, instrument: str, bar: Bar) -> Bar | None:
        return self.changed.get((instrument, (bar.closes_at_s - START) // 60), bar)


class Watched(Feed):
    """A feed whose reader folds all that is published, and asks for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.retold = Retold()
        self.venue = self.retold
        self.fold = Fold(DESK, "v")
        self.gaps = 0

    def poll(self, minute: int) -> list[BarsClosed]:
        published = super().poll(minute)
        for message in published:
            self.gaps += len(self.fold.accept(bars.unpack(message.frames), int(message.at.timestamp()))[1])
        return published

    def defects(self, *kinds: str) -> list[DataDefect]:
        return [
            defect
            for message in self.bus.messages
            if isinstance(message, BarsClosed)
            for defect in message.defects
            if defect.defect in kinds
        ]


@pytest.fixture
def feed() -> Watched:
    return Watched()


def changed(name: str, minute: int, **fields: int) -> Bar:
    return FINE[name][minute - 1]._replace(**fields)


EMPTY = [
    dict.fromkeys(("open", "high", "low", "close", "volume"), 0),
    {"volume": -1},
    {"high": 1},
    {"low": 10**9},
    {"close": 0},
    {"open": -5},
]


@pytest.mark.parametrize("fields", EMPTY)
@pytest.mark.parametrize("minute", [61, 64, 65, 66])
def test_an_invalid_candle_is_dropped_and_reported_and_stops_no_strategy(
    feed: Watched, minute: int, fields: dict[str, int]
) -> None:
    feed.retold.changed = {(A, minute): changed(A, minute, **fields)}
    for now in range(60, 81):
        feed.poll(now)
    assert feed.published("1m", A) == [bar for bar in FINE[A][55:80] if bar.closes_at_s != START + 60 * minute]
    assert closes(feed.published("5m", A))[-4:] == [65, 70, 75, 80]
    assert {(defect.instrument, defect.closes_at_s) for defect in feed.defects("impossible")} == {
        (A, START + 60 * minute)
    }
    assert feed.gaps == 0


def test_permanently_invalid_candles_stop_no_other_instrument(feed: Watched) -> None:
    feed.retold.changed = {(A, minute): changed(A, minute, close=0) for minute in range(62, 90)}
    for now in range(60, 80):
        feed.poll(now)
    assert closes(feed.published("1m", A))[-1] == 61
    assert closes(feed.published("1m", B))[-1] == 79
    feed.poll(95)
    assert closes(feed.published("1m", A))[-6:] == [90, 91, 92, 93, 94, 95]
    assert feed.gaps == 0


def test_an_empty_answer_is_reported(feed: Watched) -> None:
    feed.poll(60)
    feed.retold.changed = {(A, minute): None for minute in range(200)}
    feed.poll(61)
    assert [
        (defect.instrument, defect.defect, defect.count, defect.closes_at_s) for defect in feed.defects("empty")
    ] == [(A, "empty", 1, START + 61 * 60)]


def test_without_any_bar_the_defects_are_published_alone(feed: Watched) -> None:
    feed.poll(60)
    feed.retold.changed = {(name, minute): None for minute in range(200) for name in (A, B)}
    (message,) = feed.poll(61)
    assert (message.frames, message.requested) == ([], True), "risk and execution wait for bars, and get none"
    assert {(defect.instrument, defect.defect) for defect in message.defects} == {(A, "empty"), (B, "empty")}


def test_a_minute_without_trades_is_not_reported_as_an_empty_answer(feed: Watched) -> None:
    feed.poll(60)
    feed.retold.changed = {(A, 61): None, (B, 61): None}
    assert feed.poll(61) == []


@pytest.mark.parametrize("late", range(1, 5))
def test_a_longer_bar_waits_for_its_last_minute(feed: Watched, late: int) -> None:
    for now in range(60, 72):
        feed.venue.hidden = {A: START + 60 * 64} if 65 <= now < 65 + late else {}
        feed.poll(now)
    assert feed.published("5m", A) == coarse(A)[7:14]
    assert feed.published("5m", B) == coarse(B)[7:14]
    assert feed.gaps == 0


def test_a_longer_bar_whose_last_minute_is_left_out_comes_with_the_next_minute(feed: Watched) -> None:
    feed.retold.changed = {(A, 65): None}
    for now in range(60, 66):
        feed.poll(now)
    assert closes(feed.published("5m", A))[-1] == 60
    late, *_ = feed.poll(66)
    assert late.at == datetime.fromtimestamp(START + 65 * 60, UTC)
    assert closes(feed.published("5m", A))[-1] == 65
    assert feed.published("5m", A)[-1].close == FINE[A][63].close


@pytest.mark.parametrize("process", [lambda _feed: None, lambda feed: setattr(feed, "poller", feed.process())])
def test_a_revision_of_a_published_bar_is_reported_once(feed: Watched, process: Callable[[Watched], None]) -> None:
    for now in range(60, 66):
        feed.poll(now)
    process(feed)
    feed.retold.changed = {(A, 65): changed(A, 65, volume=1)}
    for now in range(66, 70):
        feed.poll(now)
    minute, longer = sorted(feed.defects("revised"), key=lambda defect: defect.timeframe)
    was = Decimal(FINE[A][64].volume).scaleb(-3)
    assert (minute.instrument, minute.timeframe, minute.closes_at_s) == (A, "1m", START + 65 * 60)
    assert minute.detail == f"volume 0.001, was {was}"
    assert (longer.timeframe, longer.closes_at_s) == ("5m", START + 65 * 60)
    assert feed.published("1m", A) == FINE[A][55:69], "what was published stays so"


def test_a_bar_added_or_removed_before_a_published_one_is_reported(feed: Watched) -> None:
    feed.poll(60)
    feed.retold.changed = {(A, 61): None}
    feed.poll(61)
    feed.poll(62)
    feed.retold.changed = {(B, 61): None}
    feed.poll(63)
    revised = {(defect.instrument, defect.closes_at_s, defect.detail) for defect in feed.defects("revised")}
    assert revised == {(A, START + 61 * 60, "it was not there"), (B, START + 61 * 60, "it is not there any more")}


def test_a_venue_that_revises_nothing_causes_no_defect(feed: Watched) -> None:
    for now in range(60, 120):
        feed.poll(now)
    assert [message for message in feed.bus.messages if isinstance(message, BarsClosed) and message.defects] == []


def print_of(name: str, minute: int, factor: int) -> Bar:
    close = FINE[name][minute - 1].close * factor
    return changed(name, minute, open=close, high=close, low=close, close=close)


@pytest.mark.parametrize("minute", [61, 64, 65, 66])
def test_one_bad_print_is_held_back_and_dropped_when_the_next_bar_does_not_confirm_it(
    feed: Watched, minute: int
) -> None:
    feed.retold.changed = {(A, minute): print_of(A, minute, 10)}
    for now in range(60, 72):
        feed.poll(now)
    assert feed.published("1m", A) == [bar for bar in FINE[A][55:71] if bar.closes_at_s != START + 60 * minute]
    assert max(bar.high for bar in feed.published("5m", A)) <= max(bar.high for bar in FINE[A][35:71])
    jump, outlier = feed.defects("jump", "outlier")
    assert (jump.action, jump.closes_at_s) == ("held", START + 60 * minute)
    assert (outlier.action, outlier.closes_at_s) == ("dropped", START + 60 * minute)
    assert feed.defects("revised") == []
    assert feed.gaps == 0


def test_a_jump_that_the_next_bar_confirms_is_published_with_it(feed: Watched) -> None:
    feed.retold.changed = {(A, minute): print_of(A, minute, 3) for minute in range(63, 100)}
    for now in range(60, 63):
        feed.poll(now)
    feed.poll(63)
    assert closes(feed.published("1m", A))[-1] == 62
    feed.poll(64)
    assert closes(feed.published("1m", A))[-2:] == [63, 64]
    assert [defect.action for defect in feed.defects("jump")] == ["held", "reported"]
    assert feed.gaps == 0


prices = st.lists(st.integers(1, 500), max_size=12)


@given(prices)
def test_every_bar_that_counts_is_near_the_one_before_or_confirmed_by_the_one_after(several: list[int]) -> None:
    rows = [Bar(60 * at, price, price, price, price, 1) for at, price in enumerate(several, 1)]
    judged = judge(None, rows, MAX)
    kept = judged.kept
    for place, bar in enumerate(kept[1:], 1):
        assert near(kept[place - 1], bar, MAX) or (bar in judged.jumps and near(bar, kept[place + 1], MAX))
    rest = [*kept, *judged.outliers, *([judged.held] if judged.held else [])]
    assert sorted(rest) == rows
    assert judged.held in (None, rows[-1] if rows else None)


@given(prices, st.integers(0, 12))
def test_jumps_are_judged_alike_at_once_and_poll_by_poll(several: list[int], cut: int) -> None:
    rows = [Bar(60 * at, price, price, price, price, 1) for at, price in enumerate(several, 1)]
    first = judge(None, rows[:cut], MAX)
    waiting = [first.held] if first.held else []
    second = judge(first.kept[-1] if first.kept else None, [*waiting, *rows[cut:]], MAX)
    assert [*first.kept, *second.kept] == judge(None, rows, MAX).kept
