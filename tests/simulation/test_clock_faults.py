"""Clocks that are off: with a margin for how far the venue lags, and none for clocks, they double an order."""

from datetime import datetime

import pytest

from fanfold.ledger import orders
from fanfold.ledger.orders import OrderRecord
from fanfold.simulation.schedules import diced_venue
from fanfold.simulation.schedules.faults import Hit
from fanfold.simulation.schedules.schedule import run

# The venue of this seed knows an order by its id only after so long.
SEED, LAG_S = 1_164, 10
# A request is four seconds on its way, nobody learns what became of it, and the look-up's process is fast.
HITS = (Hit(4, "zombie"), Hit(15, "timeout"), Hit(1, "venue"))
CLOCK = Hit(2, "skew")
# Here a process steps back by so much that its venue refuses each of its requests as too old.
BACK_BY_SECONDS = 754_532
KINDS = tuple({hit.kind: None for hit in (*HITS, CLOCK)})


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diced_venue, "PLACED", ("late",))
    monkeypatch.setattr(diced_venue, "LATE_S", (4,))


@pytest.fixture
def no_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    fenced = orders.fenced

    def sooner(record: OrderRecord, now: datetime, _margin_s: int) -> bool:
        return fenced(record, now, LAG_S)

    monkeypatch.setattr(orders, "fenced", sooner)


@pytest.mark.usefixtures("late", "no_clocks")
def test_a_margin_without_clocks_doubles_an_order_only_where_a_clock_is_off() -> None:
    assert run(SEED, kinds=KINDS, listed=HITS).broken == []
    breaches = run(SEED, kinds=KINDS, listed=(*HITS, CLOCK)).broken
    assert breaches[0].startswith("one_order_for_each_intent: ")


@pytest.mark.usefixtures("late")
def test_the_margin_of_a_venue_covers_clocks() -> None:
    assert run(SEED, kinds=KINDS, listed=(*HITS, CLOCK)).broken == []


def test_a_clock_that_stepped_back_for_seconds_is_set_right_once_faults_are_over() -> None:
    assert run(BACK_BY_SECONDS).broken == []
