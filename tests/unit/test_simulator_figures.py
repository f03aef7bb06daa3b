"""Section 12 of the benchmarks is what the recorded run says."""

from pathlib import Path

import msgspec
import pytest

from fanfold.simulation.schedules.reached import NAMES
from support import simulator_figures as figures
from support.simulator_figures import Mutants, Recorded, Seeds, Slice


def slice_of(first: int, count: int, **changes: object) -> Slice:
    reached = dict.fromkeys(NAMES, count)
    usual = {"commit": "c0ffee", "broken": {}, "reached": reached, "seconds": 1.0, "cpu_s": 2.0}
    return msgspec.convert(usual | changes | {"seeds": Seeds(first, count)}, Slice)


def run_of(*slices: Slice) -> Recorded:
    mutants = Mutants(first_seeds={"no margin": 360, "no sweep": 3, "survivor": None})
    return Recorded(day="2026-11-29", slices=list(slices), mutants=mutants, shares={"the desk": 61.4})


def test_section_12_is_written_from_the_recorded_run() -> None:
    assert figures.section(figures.recorded()) in figures.PAGE.read_text()


def test_the_recorded_run_broke_no_law_and_reached_forty_rare_states_often() -> None:
    recorded = figures.recorded()
    assert {seed: laws for each in recorded.slices for seed, laws in each.broken.items()} == {}
    counts = [sum(each.reached.get(name, 0) for each in recorded.slices) for name in NAMES]
    assert sum(count >= figures.OFTEN for count in counts) >= figures.STATES_MIN


def test_slices_are_added_up() -> None:
    text = figures.section(run_of(slice_of(0, 60), slice_of(60, 60), slice_of(500, 10, commit="beef")))
    assert "| seeds | 0 to 119, 500 to 509 |" in text
    assert "| commits | c0ffee, beef |" in text
    assert "| schedules | 130 |" in text
    assert "| schedules a second and core | 22 |" in text
    assert f"| {NAMES[0]} | 130 |" in text
    assert "| mutants | 2 of 3 killed; 1 within 20 seeds, the last by seed 360 |" in text
    assert "| the desk | 61 % |" in text


def test_seeds_that_broke_a_law_are_named() -> None:
    assert "| 1: seeds 7 |" in figures.section(run_of(slice_of(0, 60, broken={"7": ["a law"]})))


def test_slices_with_a_seed_in_common_are_refused(tmp_path: Path) -> None:
    for first in (0, 50):
        (tmp_path / f"slice-{first}.json").write_bytes(msgspec.json.encode(slice_of(first, 60)))
    with pytest.raises(ValueError, match="two slices have seed 50"):
        figures.slices_of(tmp_path.glob("*.json"))


def test_mutants_are_read_as_they_are_printed() -> None:
    printed = "no margin, at all        360  one_order: a  b\nthe sweep is off            -  SURVIVES\n"
    assert figures.mutants_of(printed) == Mutants(first_seeds={"no margin, at all": 360, "the sweep is off": None})
