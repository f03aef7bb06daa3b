"""The mutation gate: with a guard of the desk switched off, a schedule of one order, or of a day, breaks a law.

``make mutants`` prints the first failing seed of each mutant, and the law.
"""

import sys
from typing import NamedTuple

import pytest
from protocol_mutants import DAYS, LIVE_DAYS, MUTANTS, NEAR, SEEN_BY, without
from test_mutants import MUTANTS as OF_LAWS

from fanfold.simulation.schedules.desk_day import DeskDay
from fanfold.simulation.schedules.laws import LIVE_LAWS, PAPER_LAWS, broken
from fanfold.simulation.schedules.live_day import LiveDay
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.schedule import run

SEEDS, MUTANTS_MIN = range(20_000), 40


class Killed(NamedTuple):
    """The first seed that broke a law without a guard, and the breach."""

    seed: int
    breach: str


def killed(name: str, law: str = "") -> Killed | None:
    """Return the first seed whose schedule breaks a law, or the named one, under a mutant."""
    breaches_of = _of_a_live_day if law in LIVE_DAYS else _of_a_day if name in DAYS else _of_an_order
    with without(MUTANTS[name]):
        for seed in SEEDS[NEAR.get(law, NEAR.get(name, 0)) :]:
            breaches = [breach for breach in breaches_of(seed) if breach.startswith(law)]
            if breaches:
                return Killed(seed, breaches[0])
    return None


def _of_an_order(seed: int) -> list[str]:
    return run(seed).broken


def _of_a_day(seed: int) -> list[str]:
    return broken(Outcome(DeskDay(seed).run()), PAPER_LAWS)


def _of_a_live_day(seed: int) -> list[str]:
    return broken(Outcome(LiveDay(seed).run()), LIVE_LAWS)


def test_there_are_forty_mutants() -> None:
    assert len(MUTANTS) >= MUTANTS_MIN


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_killed(name: str) -> None:
    assert killed(name) is not None


@pytest.mark.parametrize("law", SEEN_BY)
def test_a_law_sees_the_mutant_that_it_is_there_for(law: str) -> None:
    assert killed(SEEN_BY[law], law) is not None


def test_every_law_has_a_mutant_that_it_sees() -> None:
    assert {*SEEN_BY, *OF_LAWS} == {law.name for law in (*PAPER_LAWS, *LIVE_LAWS)}


if __name__ == "__main__":
    for mutant in sys.argv[1:] or MUTANTS:
        verdict = killed(mutant)
        seed, breach = verdict or ("-", "SURVIVES")
        sys.stdout.write(f"{mutant:<84} {seed:>6}  {breach[:90]}\n")
        sys.stdout.flush()
