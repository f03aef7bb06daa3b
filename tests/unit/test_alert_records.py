"""A channel's part in an alert: told once in a span, louder when worse, later where quiet, and its end."""

from typing import Any

import pytest

from fanfold.alerts import record as states
from fanfold.alerts.entries import AlertChannel
from fanfold.alerts.quiet_hours import QuietHours
from fanfold.alerts.record import MOMENT_S, SETTLED_S, Alert, AlertRecord
from fanfold.errors import BadInput

PHONE = {"phone": AlertChannel()}
NOON = 20_000 * 86_400 + 12 * 3600
NIGHT = NOON + 11 * 3600


def event(number: int, at_s: float = NOON, **more) -> Alert:
    fields: dict[str, Any] = {
        "key": "state main",
        "severity": "warning",
        "title": "main is HALTED",
        "text": "why",
        "lasts": True,
    }
    return Alert(id=f"e{number}", at_s=at_s, **(fields | more))


class Story:
    """An alert that events come to, and channels that take every notice."""

    def __init__(self, channels=PHONE) -> None:
        self.channels = channels
        self.record: AlertRecord | None = None

    def happen(self, alert: Alert) -> list[tuple[str, str]]:
        self.record = states.with_event(self.record, alert, self.channels) or self.record
        return self.due(int(alert.at_s))

    def due(self, now_s: int) -> list[tuple[str, str]]:
        """The channels that are told at a time, each with the kind of its notice."""
        if self.record is None:
            return []
        self.record, notices = states.with_claims(self.record, self.channels, now_s)
        for notice in notices:
            self.record = states.with_delivery(self.record, notice, now_s)
        return [(notice.channel, notice.kind) for notice in notices]


def test_a_thing_is_told_once_in_its_span_and_then_with_a_count() -> None:
    story = Story()
    assert story.happen(event(1)) == [("phone", "begins")]
    assert [story.happen(event(number, NOON + number)) for number in range(2, 9)] == [[]] * 7
    assert story.due(NOON + 3599) == []
    assert story.due(NOON + 3600) == [("phone", "again")]
    assert story.record.count == 8
    assert story.due(NOON + 7200) == []


def test_an_event_that_is_delivered_again_counts_once() -> None:
    story = Story()
    story.happen(event(1))
    story.happen(event(1, NOON + 9))
    assert story.record.count == 1


def test_an_event_that_comes_late_does_not_say_how_it_is_now() -> None:
    story = Story()
    story.happen(event(2, NOON + 9, title="main is FLATTENING", text="sell all"))
    story.happen(event(1, NOON))
    assert (story.record.title, story.record.text, story.record.count) == ("main is FLATTENING", "sell all", 2)


def test_what_becomes_worse_is_told_at_once() -> None:
    story = Story()
    story.happen(event(1))
    assert story.happen(event(2, NOON + 1, severity="critical")) == [("phone", "again")]
    assert story.happen(event(3, NOON + 2, severity="warning")) == []


def test_an_end_is_told_once_when_it_has_held() -> None:
    story = Story()
    story.happen(event(1))
    assert story.happen(event(2, NOON + 60, ended=True)) == []
    assert story.due(NOON + 60 + SETTLED_S) == [("phone", "all clear")]
    assert story.due(NOON + 9_999) == []


def test_what_comes_back_before_its_end_was_told_is_the_same_alert() -> None:
    story = Story()
    story.happen(event(1))
    for number in range(2, 20, 2):
        assert story.happen(event(number, NOON + number, ended=True)) == []
        assert story.happen(event(number + 1, NOON + number + 1)) == []
    assert story.due(NOON + 3600) == [("phone", "again")]


def test_what_comes_back_after_its_end_was_told_is_another_alert() -> None:
    story = Story()
    story.happen(event(1))
    story.happen(event(2, NOON + 60, ended=True))
    story.due(NOON + 60 + SETTLED_S)
    assert story.happen(event(3, NOON + 900)) == [("phone", "begins")]
    assert story.record.first_s == NOON + 900


def test_what_comes_back_after_its_end_was_told_does_not_wait_for_a_channel_that_was_told_nothing() -> None:
    story = Story({"phone": AlertChannel(), "mail": AlertChannel(quiet="22:00-06:00")})
    assert story.happen(event(1, NIGHT)) == [("phone", "begins")]
    story.happen(event(2, NIGHT + 60, ended=True))
    assert story.due(NIGHT + 60 + SETTLED_S) == [("phone", "all clear")]
    assert story.happen(event(3, NIGHT + 900)) == [("phone", "again")]
    assert story.happen(event(4, NIGHT + 901)) == []
    story.happen(event(5, NIGHT + 960, ended=True))
    assert story.due(NIGHT + 960 + SETTLED_S) == [("phone", "all clear")]
    assert story.due(NIGHT + 7 * 3600) == [("mail", "over")]


def test_what_comes_back_while_its_end_is_told_is_told_at_once() -> None:
    story = Story()
    story.happen(event(1))
    story.happen(event(2, NOON + 60, ended=True))
    assert story.record is not None
    claimed, (notice,) = states.with_claims(story.record, story.channels, NOON + 60 + SETTLED_S)
    story.record = claimed
    assert story.happen(event(3, NOON + 361)) == []
    story.record = states.with_delivery(story.record, notice, NOON + 362)
    assert story.due(NOON + 362) == [("phone", "again")]


def test_the_end_of_what_never_was_is_nothing() -> None:
    assert states.with_event(None, event(1, ended=True), PHONE) is None


def test_quiet_hours_hold_a_notice_until_their_end_but_not_what_breaks_them() -> None:
    story = Story({"phone": AlertChannel(quiet="22:00-06:00")})
    assert story.happen(event(1, NIGHT)) == []
    assert story.due(NIGHT + 6 * 3600) == []
    assert story.due(NIGHT + 7 * 3600) == [("phone", "begins")]
    loud = Story({"phone": AlertChannel(quiet="22:00-06:00")})
    assert loud.happen(event(1, NIGHT, severity="critical")) == [("phone", "begins")]


def test_what_came_and_went_in_quiet_hours_is_told_as_over_after_them() -> None:
    story = Story({"phone": AlertChannel(quiet="22:00-06:00")})
    story.happen(event(1, NIGHT))
    story.happen(event(2, NIGHT + 60, ended=True))
    story.happen(event(3, NIGHT + 3600))
    story.happen(event(4, NIGHT + 3660, ended=True))
    assert story.due(NIGHT + 7 * 3600) == [("phone", "over")]
    assert story.record.count == 2
    assert story.due(NIGHT + 9 * 3600) == []


def test_a_further_channel_is_told_of_what_nobody_took() -> None:
    channels = PHONE | {"duty": AlertChannel(after_s=900)}
    story = Story(channels)
    assert story.happen(event(1)) == [("phone", "begins")]
    assert story.due(NOON + 899) == []
    assert story.due(NOON + 900) == [("duty", "begins")]
    for end in ("taken", "over"):
        other = Story(channels)
        other.happen(event(1))
        assert other.record is not None
        if end == "taken":
            other.record = states.with_acknowledgement(other.record, "anna")
        else:
            other.happen(event(2, NOON + 60, ended=True))
        assert ("duty", "begins") not in other.due(NOON + 900)


def test_what_was_taken_repeats_no_more_and_its_end_is_told() -> None:
    story = Story()
    story.happen(event(1))
    assert story.record is not None
    story.record = states.with_acknowledgement(story.record, "anna")
    assert story.happen(event(2, NOON + 3700)) == []
    story.happen(event(3, NOON + 3800, ended=True))
    assert story.due(NOON + 3800 + SETTLED_S) == [("phone", "all clear")]


def test_a_channel_hears_what_reaches_its_lowest_severity_or_what_names_it() -> None:
    story = Story({"mail": AlertChannel(lowest="critical"), "log": AlertChannel(lowest="info")})
    assert story.happen(event(1)) == [("log", "begins")]
    assert story.happen(event(2, NOON + 1, severity="critical")) == [("mail", "begins"), ("log", "again")]
    named = Story({"mail": AlertChannel(lowest="critical"), "log": AlertChannel(lowest="info")})
    assert named.happen(event(1, severity="info", channels=("mail",))) == [("mail", "begins")]


def test_a_moment_has_no_end_and_is_another_one_a_day_later() -> None:
    story = Story()
    story.happen(event(1, lasts=False))
    assert story.due(NOON + MOMENT_S) == []
    assert story.happen(event(2, NOON + MOMENT_S, lasts=False)) == [("phone", "begins")]
    assert story.record.count == 1


def test_nobody_else_tells_what_is_claimed_until_the_claim_ends() -> None:
    record = states.with_event(None, event(1), PHONE)
    assert record is not None
    record, notices = states.with_claims(record, PHONE, NOON)
    assert len(notices) == 1
    assert states.with_claims(record, PHONE, NOON + states.CLAIM_S - 1)[1] == []
    assert len(states.with_claims(record, PHONE, NOON + states.CLAIM_S)[1]) == 1


def test_a_channel_that_fails_is_tried_again_ever_more_seldom_and_at_least_hourly() -> None:
    record, now_s, pauses = states.with_event(None, event(1), PHONE), NOON, []
    for _ in range(9):
        assert record is not None
        record, (notice,) = states.with_claims(record, PHONE, now_s)
        record = states.with_failure(record, notice, "no", now_s)
        pauses.append(record.deliveries["phone"].retry_at_s - now_s)
        now_s = record.deliveries["phone"].retry_at_s
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


@pytest.mark.parametrize("text", ["22:00", "25:00-06:00", "06:00-06:00", "22-6", "22:00-06:60"])
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="`quiet` is"):
        QuietHours.of(text)


def test_hours_by_day_and_over_midnight() -> None:
    noon = QuietHours.of("11:30-13:00")
    assert [noon.hold(NOON + shift) for shift in (-1801, -1800, 3599, 3600)] == [False, True, True, False]
    night = QuietHours.of("22:00-06:00")
    assert [night.hold(NOON + hours * 3600) for hours in (9, 10, 17, 18)] == [False, True, True, False]


def test_a_beginning_that_comes_after_its_end_is_told_as_over_and_not_left_open() -> None:
    for earlier in (False, True):
        story = Story()
        if earlier:
            story.happen(event(1, NOON - 90_000))
            story.happen(event(2, NOON - 89_000, ended=True))
            story.due(NOON - 80_000)
        assert story.happen(event(4, NOON + 60, ended=True, kept=True)) == []
        late = states.with_event(story.record, event(3, NOON), story.channels)
        story.record = late
        assert story.due(NOON + 400) == [("phone", "over")]
        assert not story.record.open
        assert story.due(NOON + 90_000) == []


def test_an_end_that_comes_after_what_began_since_ends_nothing() -> None:
    story = Story()
    story.happen(event(1))
    story.happen(event(3, NOON + 600))
    assert story.happen(event(2, NOON + 300, ended=True, kept=True)) == []
    assert story.record.open
    assert story.happen(event(4, NOON + 900, ended=True, kept=True)) == []
    assert story.due(NOON + 900 + SETTLED_S) == [("phone", "all clear")]


@pytest.mark.parametrize("first", [0, 1])
def test_of_one_second_the_fractions_tell_what_came_first(first: int) -> None:
    events = [event(1, at_s=NOON + 0.2), event(2, at_s=NOON + 0.7, ended=True, kept=True)]
    story = Story()
    story.happen(events[first])
    story.happen(events[1 - first])
    assert (story.record.open, story.record.ended_s) == (False, NOON + 0.7)
