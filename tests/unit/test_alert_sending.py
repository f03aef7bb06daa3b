"""An alert is never lost and seldom doubled, wherever a process dies, and whatever a channel answers."""

from collections import Counter

import pytest

from fanfold.alerts.entries import AlertChannel
from fanfold.alerts.record import CLAIM_S, FAILURES, Alert, AlertRecord, Notice
from fanfold.alerts.sending import AlertSender, ChannelFailed, acknowledge
from fanfold.errors import AT_ONCE, BadInput, Conflict
from support.crashes import Crash, Fuse, Mortal
from support.memory_alerts import MemoryAlerts

CHANNELS = {"phone": AlertChannel(), "mail": AlertChannel()}
NOON = 1_728_000_000 + 12 * 3600
ALERT = Alert(id="e1", key="state main", severity="critical", title="halted", text="why", at_s=NOON, lasts=True)
# A get, a put, two times a channel and its get and put.
EFFECTS = 8


class World:
    """Channels that take everything but what ``refusing`` says, a clock, and processes over one store."""

    def __init__(self, channels=CHANNELS) -> None:
        self.store = MemoryAlerts()
        self.channels = channels
        self.now_s = NOON
        self.taken: list[tuple[str, str]] = []
        self.refusing: set[str] = set()
        self.reports: list[tuple[str, str]] = []

    def process(self, fuse: Fuse | None = None) -> AlertSender:
        fuse = fuse or Fuse(1_000_000, after=False)
        return AlertSender(
            Mortal(self.store, fuse), self.channels, lambda notice: fuse.effect(lambda: self.take(notice)),
            lambda: self.now_s, AT_ONCE, lambda *line: self.reports.append(line),
        )  # fmt: skip

    def take(self, notice: Notice) -> None:
        if notice.channel in self.refusing:
            raise ChannelFailed("it is down")
        self.taken.append((notice.channel, notice.kind))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, EFFECTS + 1))
def test_a_process_that_dies_anywhere_leaves_nothing_untold(nth: int, after: bool) -> None:
    world = World()
    with pytest.raises(Crash):
        world.process(Fuse(nth, after=after)).send(ALERT)
    world.process().send(ALERT)  # The queue delivers it again.
    world.now_s += CLAIM_S
    world.process().follow_up()
    world.now_s += 7 * CLAIM_S
    world.process().follow_up()
    counts = Counter(channel for channel, _ in world.taken)
    assert set(counts) == set(CHANNELS)
    # Between the channel's answer and the write: after the answer, at the read, and before the write.
    doubtful = (nth, after) in {
        (3, True),
        (4, False),
        (4, True),
        (5, False),
        (6, True),
        (7, False),
        (7, True),
        (8, False),
    }
    assert sorted(counts.values()) == ([1, 2] if doubtful else [1, 1])
    assert world.store.get(ALERT.key).count == 1


def test_there_are_as_many_effects_as_the_crashes_are_tried_at() -> None:
    fuse = Fuse(1_000, after=False)
    World().process(fuse).send(ALERT)
    assert 1_000 - fuse.left == EFFECTS


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 10))
def test_a_follow_up_that_dies_is_made_good_by_the_next(nth: int, after: bool) -> None:
    world = World()
    world.process().send(ALERT)
    world.process().send(Alert(id="e2", key=ALERT.key, severity="critical", title="", text="", at_s=NOON, ended=True))
    world.now_s += 600
    with pytest.raises(Crash):
        world.process(Fuse(nth, after=after)).follow_up()
    world.now_s += CLAIM_S
    world.process().follow_up()
    clear = Counter(channel for channel, kind in world.taken if kind == "all clear")
    assert set(clear) == set(CHANNELS)
    assert clear.total() <= 3


class Interleaved(MemoryAlerts):
    """A store before each of whose writes another process acts, as often as it is told to."""

    def __init__(self, act, times: int) -> None:
        super().__init__()
        self.act, self.left = act, times

    def put(self, record) -> None:
        if self.left:
            self.left -= 1
            self.act()
        super().put(record)


def test_two_processes_at_one_alert_tell_it_once() -> None:
    world = World()
    second = Alert(id="e2", key=ALERT.key, severity="critical", title="halted", text="", at_s=NOON, lasts=True)
    world.store = Interleaved(lambda: world.process().send(second), 1)
    world.process().send(ALERT)
    assert Counter(world.taken) == {("phone", "begins"): 1, ("mail", "begins"): 1}
    assert world.store.get(ALERT.key).count == 2


def test_a_store_that_always_changes_lets_the_queue_deliver_again() -> None:
    world = World()

    def put(record: AlertRecord) -> None:
        raise Conflict("always")

    world.store.put = put
    with pytest.raises(Conflict, match="the alert state main changed in 8 tries"):
        world.process().send(ALERT)
    assert world.taken == []


def test_a_channel_that_fails_keeps_no_other_waiting_and_is_told_when_it_is_back() -> None:
    world = World()
    world.refusing = {"phone"}
    world.process().send(ALERT)
    assert world.taken == [("mail", "begins")]
    assert world.reports == [("phone", "it is down")]
    world.refusing = set()
    world.now_s += 60
    world.process().follow_up()
    assert world.taken[1:] == [("phone", "begins")]


def test_other_channels_hear_of_a_channel_that_keeps_failing_and_of_its_return() -> None:
    world = World()
    world.refusing = {"phone"}
    world.process().send(ALERT)
    for _ in range(FAILURES):
        world.now_s += 3600
        world.process().follow_up()
    assert world.store.get("channel phone").open
    assert world.taken == [("mail", "begins"), ("mail", "begins")]
    world.refusing = set()
    world.now_s += 3600
    world.process().follow_up()
    world.now_s += 3600
    world.process().follow_up()
    assert world.taken[2:] == [("phone", "begins"), ("mail", "all clear")]


def test_when_all_channels_fail_the_alert_waits_and_no_alert_is_of_its_own_making() -> None:
    world = World({"phone": AlertChannel()})
    world.refusing = {"phone"}
    world.process().send(ALERT)
    for _ in range(50):
        world.now_s += 3600
        world.process().follow_up()
    assert [record.key for record in world.store.all()] == [ALERT.key]
    world.refusing = set()
    world.now_s += 3600
    world.process().follow_up()
    assert world.taken == [("phone", "begins")]


def test_an_alert_that_is_taken_is_no_longer_open() -> None:
    world = World()
    world.process().send(ALERT)
    assert world.process().follow_up() == 1
    assert acknowledge(world.store, ALERT.key, "anna", AT_ONCE).acknowledged_by == "anna"
    assert world.process().follow_up() == 0
    with pytest.raises(BadInput, match="there is no alert 'other'"):
        acknowledge(world.store, "other", "anna", AT_ONCE)
