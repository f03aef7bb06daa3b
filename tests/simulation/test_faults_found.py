"""Faults that attacks on the desk found and that timing can produce: without its guard, the simulator finds each.

A guard that is off is the desk before the fault was mended. The page of the simulator has them in a table.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from protocol_mutants import without
from test_mutation_gate import killed
from test_whole_desk import MUTANTS as OF_WHOLE_DESKS
from test_whole_desk import NEAR

from fanfold.simulation.schedules.whole_schedule import run_day

PAGE = Path(__file__).resolve().parents[2] / "docs" / "simulator.md"
DAYS = 60


class FoundFault(NamedTuple):
    """A fault, the mutant of the gate that brings it back, "" for that of a whole day, and the law that it breaks."""

    fault: str
    mutant: str
    law: str


FAULTS = [
    FoundFault(
        "Daily loss and drawdown are noted by polls with targets alone",
        "of the law a_broken_loss_limit_is_noted_by_the_last_poll_and_nothing_rests_under_it",
        "a_broken_loss_limit_is_noted_by_the_last_poll_and_nothing_rests_under_it",
    ),
    FoundFault(
        "An order of an instrument without bars never ends",
        "of the law no_live_order_is_without_a_future",
        "no_live_order_is_without_a_future",
    ),
    FoundFault(
        "Entries that rest fill under a halt",
        "of the law no_entry_fills_in_a_bar_that_opened_under_a_halt",
        "no_entry_fills_in_a_bar_that_opened_under_a_halt",
    ),
    FoundFault("Positions stay under FLATTENING", "of the law flatten_ends_flat", "flatten_ends_flat"),
    FoundFault(
        "An order is claimed after the halt",
        "a halt does not bar a claim",
        "nothing_is_claimed_that_the_state_forbids",
    ),
    FoundFault(
        "An order that was claimed before a crash is sent past its deadline",
        "a request is stamped when it is sent",
        "requests_carry_the_time_of_their_claim",
    ),
    FoundFault(
        "An order whose message dies stays submitting for ever, with its leg and its cash",
        "an order that waits is never taken up again",
        "no_outcome_stays_unknown",
    ),
    FoundFault(
        "A trade that the venue tells late is lost",
        "late trades are not fetched",
        "what_is_at_the_venue_was_approved_and_is_known_to_be_there",
    ),
    FoundFault(
        "A message that nobody can take is put aside without a reason",
        "a message that nobody can take has no reason",
        "every_dead_letter_has_its_reason",
    ),
    FoundFault("A hole in the bars parks its legs for good", "", "no_leg_is_left_behind"),
]


def first_seed(case: FoundFault) -> int | None:
    """Return the first seed, from where few are, whose schedule or day breaks the law."""
    if case.mutant:
        verdict = killed(case.mutant, case.law)
        return verdict.seed if verdict else None
    with without(OF_WHOLE_DESKS[case.law]):
        for seed in range(NEAR.get(case.law, 0), DAYS):
            if any(breach.startswith(case.law) for breach in run_day(seed).broken):
                return seed
    return None


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.fault)
def test_a_seed_finds_the_fault_and_the_page_names_it(case: FoundFault) -> None:
    assert first_seed(case) is not None
    assert any(line.startswith(f"| {case.fault} | `{case.law}` |") for line in PAGE.read_text().splitlines())


if __name__ == "__main__":
    for each in FAULTS:
        sys.stdout.write(f"| {each.fault} | `{each.law}` | {first_seed(each)} |\n")
