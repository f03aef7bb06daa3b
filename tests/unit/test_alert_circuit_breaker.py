"""A channel that hangs is waited for once, whatever there is to tell; one that refuses is asked each time."""

import pytest

from fanfold.alerts.circuit_breaker import REST_S, CircuitBreaker
from fanfold.alerts.entries import AlertChannel
from fanfold.alerts.record import Alert, Notice
from fanfold.alerts.sending import AlertSender, ChannelFailed
from fanfold.errors import AT_ONCE
from support.memory_alerts import MemoryAlerts

CHANNELS = {"dead": AlertChannel(), "phone": AlertChannel()}
NOON = 1_728_000_000 + 12 * 3600
LEGS = 20
# As long as apprise waits for a platform to take a connection, and then to answer.
WAIT_S = 8


class World:
    """A clock that moves as channels are waited for, and what was tried."""

    def __init__(self, wait_s: float) -> None:
        self.now_s, self._wait_s = float(NOON), wait_s
        self.tried: list[str] = []
        breaker = CircuitBreaker(self._deliver, lambda: self.now_s)
        self.sender = AlertSender(
            MemoryAlerts(), CHANNELS, breaker.deliver, lambda: int(self.now_s), AT_ONCE, lambda *_line: None
        )

    def send(self) -> None:
        for leg in range(LEGS):
            self.sender.send(Alert(id=f"e{leg}", key=f"leg {leg}", severity="critical", title="a leg failed", text="",
                                   at_s=self.now_s, lasts=True))  # fmt: skip

    def _deliver(self, notice: Notice) -> None:
        self.tried.append(notice.channel)
        if notice.channel == "dead":
            self.now_s += self._wait_s
            raise ChannelFailed("it does not answer")


def test_a_channel_that_hangs_is_waited_for_once_and_every_alert_is_told_to_the_others() -> None:
    world = World(WAIT_S)
    world.send()
    assert (world.tried.count("dead"), world.tried.count("phone")) == (1, LEGS)
    assert world.now_s - NOON == WAIT_S


def test_it_is_tried_again_after_its_rest_and_is_owed_what_it_was_not_told() -> None:
    world = World(WAIT_S)
    world.send()
    world.now_s += REST_S + 60
    world.sender.follow_up()
    assert world.tried.count("dead") == 2
    records = list(world.sender.store.all())
    owed = [record for record in records if record.key.startswith("leg") and not record.deliveries["dead"].delivered]
    assert len(owed) == LEGS


@pytest.mark.parametrize("wait_s", [0, 1])
def test_a_channel_that_refuses_in_time_is_asked_for_each(wait_s: float) -> None:
    world = World(wait_s)
    world.send()
    assert world.tried.count("dead") == LEGS
