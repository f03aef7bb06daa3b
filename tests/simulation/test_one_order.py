"""Schedules of the length of one order: every law holds, and a seed is one trace."""

import gc
import os
import subprocess
import sys

import pytest
from greenlet import greenlet

from fanfold.simulation.schedules.faults import KINDS
from fanfold.simulation.schedules.one_order import ORDER_KINDS, OneOrder
from fanfold.simulation.schedules.reached import NAMES
from fanfold.simulation.schedules.schedule import run, run_all, run_singly

SEEDS = 120
STATES = 40


@pytest.mark.parametrize("first", range(0, SEEDS, 40))
def test_every_law_holds_of_an_order_whatever_fails(first: int) -> None:
    failed, _ = run_all(range(first, first + 40))
    assert {verdict.seed: verdict.broken for verdict in failed} == {}


def test_at_least_forty_rare_states_are_named() -> None:
    assert len(set(NAMES)) == len(NAMES) >= STATES
    assert {KINDS[kind] for kind in ORDER_KINDS} <= set(NAMES)


def test_a_schedule_is_one_trace_however_hashes_fall() -> None:
    program = (
        "from fanfold.simulation.schedules.schedule import run; print(*(run(s, traced=True).trace for s in range(8)))"
    )
    here = [run(seed, traced=True).trace for seed in range(8)]
    assert len(set(here)) == 8
    for hashes in ("1", "2"):
        environ = os.environ | {"PYTHONHASHSEED": hashes, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
        assert done.stdout.split() == here


def test_a_schedule_of_its_own_faults_is_the_same_again() -> None:
    for seed in range(10):
        drawn = run(seed, traced=True)
        listed = run(seed, listed=drawn.hits, traced=True)
        assert (listed.trace, listed.hits) == (drawn.trace, drawn.hits)


def test_kinds_that_are_not_asked_for_do_not_come() -> None:
    kinds = {hit.kind for seed in range(30) for hit in run(seed, kinds=("after", "venue")).hits}
    assert kinds == {"after", "venue"}


def test_every_single_fault_of_some_kinds_keeps_the_laws() -> None:
    count, failed = run_singly(5, kinds=("after", "lost"))
    assert count > 20
    assert [(result.hits, result.broken) for result in failed] == []


def test_a_schedule_leaves_neither_its_world_nor_a_stack_behind() -> None:
    before = _worlds_and_stacks()
    for seed in range(10):
        run(seed)
    assert _worlds_and_stacks() == before


def test_schedules_that_follow_each_other_share_their_stacks_and_leave_none_behind() -> None:
    run_all(range(8))
    before = _worlds_and_stacks()
    stacks = list[greenlet]()
    alone = [run(seed, traced=True) for seed in range(8)]
    assert [run(seed, traced=True, stacks=stacks) for seed in range(8)] == alone
    known = set(map(id, stacks))
    assert run(0, traced=True, stacks=stacks) == alone[0]
    assert known & set(map(id, stacks))
    stacks.clear()
    run_all(range(8))
    assert _worlds_and_stacks() == before


def _worlds_and_stacks() -> int:
    gc.collect()
    return sum(type(each) in (OneOrder, greenlet) for each in gc.get_objects())
