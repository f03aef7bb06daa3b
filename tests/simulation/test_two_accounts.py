"""Days of two accounts: what an operator or a limit does to the one never touches the other, whatever fails."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace
from protocol_mutants import Guard, without

from fanfold.ledger.approvals import Approvals
from fanfold.messages import TradingState, TradingStateChanged
from fanfold.risk.policy import AccountPolicy, DeskPolicy
from fanfold.simulation.schedules.laws import OF_A_NEIGHBOUR
from fanfold.simulation.schedules.two_accounts import OTHER, TwoAccounts
from fanfold.simulation.schedules.whole_schedule import judged
from risk_service import assess

SEEDS, MUTANT_SEEDS = range(8), range(40)


@cache
def day(seed: int) -> tuple[TwoAccounts, list[str]]:
    world = TwoAccounts(seed, traced=False).run()
    return world, judged(world)


def test_every_law_holds_of_both_accounts() -> None:
    assert {seed: day(seed)[1] for seed in SEEDS if day(seed)[1]} == {}


def test_the_one_is_halted_and_the_other_trades() -> None:
    worlds = [day(seed)[0] for seed in SEEDS]
    assert {state for world in worlds for _, state in world.witness.states} == set(TradingState)
    assert min(len(world.neighbour.approvals) for world in worlds) > 3
    assert sum(bool(world.neighbour.booked) for world in worlds) == len(worlds)


def _of_every_account(halt: Callable[..., None]) -> Callable[..., None]:
    def wrong(approvals: Approvals, message: TradingStateChanged, **more: Any) -> None:
        halt(approvals, message, **more)
        halt(approvals, replace(message, id=f"{message.id}/{OTHER}", account=OTHER), **more)

    return wrong


def _of_the_first(terms: Callable[[DeskPolicy, str], AccountPolicy]) -> Callable[[DeskPolicy, str], AccountPolicy]:
    return lambda policy, account: replace(terms(policy, account), limits=terms(policy, "main").limits)


# Law -> guards without which some day breaks it, each by itself.
MUTANTS = [
    ("what_befalls_an_account_does_not_befall_its_neighbour", Guard(Approvals, "halt", _of_every_account)),
    ("what_befalls_an_account_does_not_befall_its_neighbour", Guard(DeskPolicy, "terms", _of_the_first)),
    (
        "a_neighbour_is_decided_on_at_the_last_bar",
        Guard(assess, "for_each_account", lambda was: lambda accounts, work: was(accounts[:1], work)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("law", "guard"), MUTANTS, ids=["a halt", "limits", "the first account alone"])
def test_a_law_sees_the_guard_that_is_off(law: str, guard: Guard) -> None:
    with without([guard]):
        worlds = (TwoAccounts(seed, traced=False).run() for seed in MUTANT_SEEDS)
        assert any(breach.startswith(law) for world in worlds for breach in judged(world))


def test_every_law_of_a_neighbour_has_a_mutant() -> None:
    assert {law for law, _ in MUTANTS} == {law.name for law in OF_A_NEIGHBOUR}
