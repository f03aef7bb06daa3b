"""Section 11 of the benchmarks is what the recorded runs say."""

from fanfold.exchange.faults import FAULTS
from support import storm_figures
from support.storm_figures import StormFigures


def test_section_11_is_written_from_the_recorded_figures() -> None:
    text = storm_figures.PAGE.read_text()
    assert storm_figures.section(storm_figures.recorded()) in text


def test_a_new_section_leaves_those_around_it() -> None:
    page = f"before\n\n{storm_figures.HEADING}\nold\n\n## 12. Behind\n\nkept\n"
    assert storm_figures.with_section(page, "new\n") == "before\n\nnew\n\n## 12. Behind\n\nkept\n"
    assert storm_figures.with_section(f"before\n\n{storm_figures.HEADING}\nold\n", "new\n") == "before\n\nnew\n"


def test_there_is_a_recorded_run_of_each_fault_and_none_has_a_violation() -> None:
    recorded = {(each.run, each.plan): each for each in storm_figures.recorded()}
    wanted = {(run, plan) for run in (storm_figures.HANDLERS, storm_figures.DEPLOYED) for plan in ("storm", *FAULTS)}
    assert wanted | {(storm_figures.KILLS, "none")} <= recorded.keys()
    assert {key for key, each in recorded.items() if each.violations} == set()


def test_orders_that_are_not_at_the_exchange_are_told_by_their_state() -> None:
    figures = StormFigures(
        run=storm_figures.DEPLOYED,
        plan="storm",
        seed=1,
        approved=1_005,
        at_exchange=1_000,
        absent={"STALE": 4, "REJECTED": 1},
        faults={"html_403": 6, "late_arrival": 7},
        awaited=0,
        violations=2,
        seconds=61.2,
    )
    text = storm_figures.section([figures])
    assert "| storm |  |  |  |  | 1,005 | 1,000 | 13 | 2 |" in text
    assert "| not there, by their state in the ledger | 1 REJECTED, 4 STALE |" in text
    assert "| faults injected, and of how many kinds | 13, 2 |" in text
