"""Random desks with a live account, through the production handlers: the laws hold for every seed."""

import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from execution_service import statements, trade_booking
from execution_service.send import Sender
from fanfold.ledger import booking, orders, real_changes
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import OrderState, TradingState
from fanfold.simulation.schedules.laws import LIVE_LAWS, broken
from fanfold.simulation.schedules.live_day import LiveDay
from fanfold.simulation.schedules.outcome import Outcome

FIRST = int(os.environ.get("FIRST_SEED", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("LIVE_SEEDS", "60")))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_live_desk_keeps_every_law(seed: int) -> None:
    assert broken(Outcome(LiveDay(seed).run()), LIVE_LAWS) == []


def test_a_seed_is_one_history() -> None:
    first, second = LiveDay(3).run(), LiveDay(3).run()
    assert first.faults.trace() == second.faults.trace()
    assert [placed.stated() for placed in first.venue.orders] == [placed.stated() for placed in second.venue.orders]


MUTANTS: dict[str, list[tuple[Any, str, Callable[[Any], Any]]]] = {
    "no margin": [(orders, "fenced", lambda _was: lambda record, _now, _margin_s: record.deadline is not None)],
    "an unknown outcome ends as too old": [
        (Sender, "_look_up", lambda _was: lambda sender, message, record: sender._end(
            message, record, OrderState.STALE, "no answer"
        )),
    ],
    "fees in the base are forgotten": [
        (statements, "fill_of", lambda was: lambda *arguments: replace(was(*arguments), fee_base=Decimal(0))),
    ],
    "late trades are not fetched": [(trade_booking, "OVERLAP_S", lambda _was: -3_600)],
    "flows are not kept": [(real_changes, "flows_of", lambda _was: lambda *_given: {})],
    "a halt does not bar a claim": [
        (booking, "permitted", lambda _was: lambda _claims: tuple(TradingState)),
        (OrderPermissions, "bars_sending", lambda _was: lambda *_given: ""),
    ],
}  # fmt: skip
# Where few seeds break a law, the first that does is near here.
NEAR = {"no margin": 200}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_live_desk_without_this_guard_breaks_a_law(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, attribute, instead in MUTANTS[name]:
        monkeypatch.setattr(owner, attribute, instead(getattr(owner, attribute)))
    assert any(broken(Outcome(LiveDay(seed).run()), LIVE_LAWS) for seed in range(NEAR.get(name, 0), 400))
