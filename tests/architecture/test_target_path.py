"""A target passes through risk in few files, and the reader seldom goes back up."""

import sys

import pytest
from target_path import Stay, Tracer, folded, stays_of_a_target

from fanfold.risk.standing import StandingTarget, begin
from support.risk_desk import AT, book, target

STAYS_MAX = 21
CLIMBS_MAX = 8


def test_a_target_passes_through_risk_in_few_stays_and_climbs() -> None:
    stays = stays_of_a_target()
    assert (stays[0].file.rpartition("/")[2], stays[-1].file.rpartition("/")[2]) == ("assess.py", "approvals.py")
    assert len(stays) <= STAYS_MAX
    assert sum(stay.climbs for stay in stays) <= CLIMBS_MAX


def test_repeated_trips_to_one_file_are_a_single_one() -> None:
    down, up = Stay("rules", climbs=False), Stay("judge", climbs=True)
    assert folded([up, down, up, down, up, down]) == [up, down]
    other = Stay("context", climbs=False)
    assert folded([up, down, up, other, other]) == [up, down, up, other]


@pytest.mark.parametrize(("signal_id", "files"), [("signal", ["standing.py"]), ("another", [])])
def test_only_calls_with_the_target_are_stays(signal_id: str, files: list[str]) -> None:
    tracer = Tracer(signal_id)
    fresh = [StandingTarget(target=target(0.5), at=AT)]
    sys.setprofile(tracer)
    try:
        begin({}, fresh, book(), AT)
    finally:
        sys.setprofile(None)
    assert [stay.file.rpartition("/")[2] for stay in folded(tracer.visits)] == files
