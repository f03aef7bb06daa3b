"""The page of the simulator names each law with its sentence, and each kind of fault."""

import re
from pathlib import Path

from fanfold.simulation.schedules.faults import KINDS, WHOLE_DESK
from fanfold.simulation.schedules.laws import AT_A_VENUE, EVERYWHERE, OF_A_NEIGHBOUR, OF_FIVE_SERVICES, ON_PAPER
from fanfold.simulation.schedules.one_order import ORDER_KINDS

LAWS = (*EVERYWHERE, *ON_PAPER, *AT_A_VENUE, *OF_FIVE_SERVICES, *OF_A_NEIGHBOUR)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "simulator.md"


def test_each_law_is_a_row_of_the_page() -> None:
    rows = [f"| {law.breaches.__doc__} | {law.kind} | {law.sentence.partition(':')[0]} |" for law in LAWS]
    assert [row for row in PAGE.read_text().splitlines() if row in rows] == rows


def test_each_invariant_names_laws_that_there_are() -> None:
    section = PAGE.read_text().partition("## Invariants\n")[2].partition("\n## ")[0]
    names = {name for line in section.splitlines() if line.startswith("| ") for name in re.findall(r"`(\w+)`", line)}
    assert names
    assert names <= {law.name for law in LAWS}


def test_each_kind_of_fault_is_a_row_of_the_page() -> None:
    rows = [f"| `{kind}` | {KINDS[kind]} |" for kind in (*ORDER_KINDS, *WHOLE_DESK)]
    assert [row for row in PAGE.read_text().splitlines() if row in rows] == rows
