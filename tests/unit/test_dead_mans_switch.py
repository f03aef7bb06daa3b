"""The venue's own cancel of everything is armed while a kill has orders left there, and no longer."""

from datetime import datetime, timedelta

import msgspec
import pytest

from fanfold.messages import OrderState, TradingState
from fanfold.trading.answers import VenueOrderState
from support.core_desk import B
from support.execution_world import halted
from support.real_world import RealWorld, order


class Switched(RealWorld):
    """A venue that cancels all that is open once the time is over for which it was armed."""

    def __init__(self) -> None:
        super().__init__()
        self.fires_at: datetime | None = None
        self.venue.arm_cancel_all = self._arm
        self.sweep()

    def _arm(self, within_s: int) -> bool:
        self.venue.armed.append(within_s)
        self.fires_at = self.now + timedelta(seconds=within_s) if within_s else None
        return True

    def rests(self, name: str) -> None:
        self.venue.faults = ["rests"]
        own = order(name, B, decided_at=self.now, expires_at=self.now + timedelta(hours=9))
        self.account().place(self.approve(own))

    def becomes(self, state: TradingState) -> None:
        message = msgspec.structs.replace(halted(state, self.now), id=f"{state} {self.now}")
        self.ledger.halt(message)
        self.account().cancel_barred(message)

    def minutes(self, count: int) -> None:
        for _ in range(count):
            self.wait(60)
            if self.fires_at and self.now >= self.fires_at:
                for placed in self.venue.orders:
                    if placed.state is VenueOrderState.OPEN:
                        placed.state = VenueOrderState.CANCELED
            self.sweep()


def test_it_is_disarmed_once_nothing_is_left() -> None:
    world = Switched()
    world.rests("entry")
    world.wait(10)
    world.becomes(TradingState.HALTED)
    assert world.venue.armed == [180, 0]
    world.minutes(5)
    assert world.fires_at is None


@pytest.mark.parametrize("stays", [False, True])
def test_it_cancels_nothing_of_an_account_that_trades_again(stays: bool) -> None:
    """Also where a process died before it disarmed, or the cancel was lost and the order stayed."""
    world = Switched()
    world.rests("entry")
    world.venue.faults = ["lost before"] if stays else []
    world.becomes(TradingState.HALTED)
    world._arm(180)
    world.wait(60)
    world.becomes(TradingState.ACTIVE)
    world.rests("next")
    world.minutes(6)
    assert world.states()["next"] is OrderState.OPEN
    assert world.fires_at is None


def test_an_account_that_trades_asks_for_it_no_more() -> None:
    world = Switched()
    world.becomes(TradingState.ACTIVE)
    world.rests("entry")
    world.minutes(5)
    world.venue.armed.clear()
    world.minutes(2)
    assert world.venue.armed == []
