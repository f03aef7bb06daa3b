"""Laws of alerts under any story: events, ends, people, quiet hours, channels that fail, and processes that die."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold.alerts.entries import AlertChannel, rank
from fanfold.alerts.record import CLAIM_S, SETTLED_S, Alert, Notice
from fanfold.alerts.sending import AlertSender, ChannelFailed, acknowledge
from fanfold.errors import AT_ONCE
from support.crashes import Crash, Fuse
from support.memory_alerts import MemoryAlerts

KEY = "state main"
BEGIN_S = 1_728_000_000
CHANNELS = {
    "phone": AlertChannel(repeat_s=1800),
    "night": AlertChannel(quiet="22:00-06:00", breaks="critical"),
    "duty": AlertChannel(after_s=900, lowest="critical"),
}
STEPS = st.one_of(
    st.tuples(st.just("event"), st.sampled_from(["info", "warning", "critical"])),
    st.tuples(st.just("end"), st.none()),
    st.tuples(st.just("take"), st.none()),
    st.tuples(st.just("wait"), st.integers(1, 20_000)),
    st.tuples(st.just("follow up"), st.none()),
    st.tuples(st.just("fail"), st.sampled_from(sorted(CHANNELS))),
    st.tuples(st.just("heal"), st.sampled_from(sorted(CHANNELS))),
    st.tuples(st.just("die"), st.integers(1, 9)),
)


class Story:
    """One alert, its store and channels; every process is a new one, and some die."""

    def __init__(self) -> None:
        self.store, self.now_s, self.number = MemoryAlerts(), BEGIN_S, 0
        self.failing: set[str] = set()
        self.taken: list[tuple[int, Notice]] = []
        self.dies_at = 0

    def act(self, what: str, value) -> None:
        self.number += 1
        if what == "event":
            self._process(lambda sender: sender.send(self._alert(severity=value)))
        elif what == "end":
            self._process(lambda sender: sender.send(self._alert(ended=True)))
        elif what == "follow up":
            self._process(AlertSender.follow_up)
        elif what == "take" and self.store.get(KEY):
            acknowledge(self.store, KEY, "anna", AT_ONCE)
        elif what == "wait":
            self.now_s += value
        elif what == "fail":
            self.failing.add(value)
        elif what == "heal":
            self.failing.discard(value)
        elif what == "die":
            self.dies_at = value

    def _alert(self, **fields) -> Alert:
        usual: dict[str, Any] = {"severity": "warning", "title": "halted", "text": "", "lasts": True}
        return Alert(id=f"e{self.number}", key=KEY, at_s=self.now_s, **(usual | fields))

    def _process(self, act) -> None:
        """Run a process, which dies where the story says so; the queue then delivers the event again, later."""
        fuse, self.dies_at = Fuse(self.dies_at or 1_000_000, after=False), 0
        try:
            act(self._sender(fuse))
        except Crash:
            self.now_s += CLAIM_S
            act(self._sender(Fuse(1_000_000, after=False)))

    def _sender(self, fuse: Fuse) -> AlertSender:
        def tell(notice: Notice) -> None:
            fuse.effect(lambda: self._take(notice))

        return AlertSender(self.store, CHANNELS, tell, lambda: self.now_s, AT_ONCE, lambda *_line: None)

    def _take(self, notice: Notice) -> None:
        if notice.channel in self.failing:
            raise ChannelFailed("it is down")
        if notice.record.key == KEY:
            self.taken.append((self.now_s, notice))

    def come_to_rest(self) -> None:
        """Let all channels work, and follow up for two days, as the schedule does."""
        self.failing = set()
        for _ in range(2 * 24):
            self.now_s += 3600
            self._process(AlertSender.follow_up)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_in_the_end_each_channel_knows_what_is_and_no_channel_was_told_what_it_did_not_ask_for(steps) -> None:
    story = Story()
    for what, value in steps:
        story.act(what, value)
    story.come_to_rest()
    record = story.store.get(KEY)
    by_channel = {name: [notice for _, notice in story.taken if notice.channel == name] for name in CHANNELS}
    for name, notices in by_channel.items():
        assert all(rank(notice.record.severity) >= rank(CHANNELS[name].lowest) for notice in notices)
    if record is None:
        assert story.taken == []
        return
    for name in ("phone", "night"):
        if record.deliveries.get(name):
            # It knows of every event, but of those that came after somebody took the alert.
            assert by_channel[name]
            assert (
                record.acknowledged_by
                or record.ended_s
                or record.deliveries[name].delivered == record.deliveries[name].heard
            )
            knows_its_end = by_channel[name][-1].kind in ("over", "all clear")
            # Who took what goes on after its end knows of it, and no channel is told.
            assert knows_its_end == bool(record.ended_s) or (knows_its_end and record.acknowledged_by)
    duty = record.deliveries.get("duty")
    if record.ended_s and duty and duty.delivered:
        assert by_channel["duty"][-1].kind == "all clear"


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_quiet_hours_hold_and_a_span_holds_one_notice_of_a_severity(steps) -> None:
    story = Story()
    for what, value in steps:
        if what != "die":  # A process that dies may tell twice.
            story.act(what, value)
    for now_s, notice in story.taken:
        if notice.channel == "night" and not 6 <= now_s // 3600 % 24 < 22:
            assert notice.record.severity == "critical"
    phone = [(now_s, notice) for now_s, notice in story.taken if notice.channel == "phone"]
    for (earlier_s, earlier), (later_s, later) in pairwise(phone):
        worse = rank(later.record.severity) > rank(earlier.record.severity)
        ends = "all clear" in (earlier.kind, later.kind) or earlier.kind == "over"
        assert worse or ends or later_s - earlier_s >= CHANNELS["phone"].repeat_s
        if later.kind == "all clear":
            assert later_s >= later.record.ended_s + SETTLED_S
