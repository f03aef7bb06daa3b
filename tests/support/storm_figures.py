"""The figures of orders under faults: what the runs of ``make storm`` write, and section 11 of the benchmarks."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from fanfold.cli.box_checks import BoxComparison
from fanfold.exchange.faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = ROOT / "build" / "storm"
RECORDED = ROOT / "tests" / "bench" / "recorded" / "storm.json"
PAGE = ROOT / "docs" / "benchmarks.md"
HEADING = "## 11. Real orders while the exchange fails\n"
HANDLERS, DEPLOYED, KILLS = "handlers", "deployed", "kills"


class StormFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A run under one plan of faults: ``absent`` counts orders that are not at the exchange by the ledger's state."""

    run: str
    plan: str
    seed: int
    approved: int
    at_exchange: int
    absent: dict[str, int]
    faults: dict[str, int]
    awaited: int
    violations: int
    seconds: float
    kills: int = 0


def write(run: str, plan: str, seed: int, compared: BoxComparison, seconds: float, *, kills: int = 0) -> None:
    """Write the figures of a run, if ``make storm`` wants them."""
    if "STORM_FIGURES" not in os.environ:
        return
    figures = StormFigures(
        run=run,
        plan=plan,
        seed=seed,
        approved=compared.approved,
        at_exchange=compared.at_exchange,
        absent=compared.absent,
        faults=compared.faults,
        awaited=len(compared.awaited),
        violations=len(compared.violations),
        seconds=round(seconds, 1),
        kills=kills,
    )
    WRITTEN.mkdir(parents=True, exist_ok=True)
    (WRITTEN / f"{run}-{plan}.json").write_bytes(msgspec.json.encode(figures))


def record(written: Iterable[Path]) -> None:
    """Replace recorded figures by those that runs wrote, and section 11 by what they say."""
    figures = {(each.run, each.plan): each for each in recorded()}
    for path in written:
        each = msgspec.json.decode(path.read_bytes(), type=StormFigures)
        figures[each.run, each.plan] = each
    text = msgspec.json.format(msgspec.json.encode([figures[key] for key in sorted(figures)], order="sorted"), indent=1)
    RECORDED.write_bytes(text + b"\n")
    PAGE.write_text(with_section(PAGE.read_text(), section(recorded())))


def with_section(page: str, text: str) -> str:
    """Return the page with section 11 replaced; what is before and behind it stays."""
    before, _, rest = page.partition(HEADING)
    _, following, behind = rest.partition("\n## ")
    return before + text + following + behind


def recorded() -> list[StormFigures]:
    return msgspec.json.decode(RECORDED.read_bytes(), type=list[StormFigures]) if RECORDED.exists() else []


def section(figures: Iterable[StormFigures]) -> str:
    """Return section 11 of the benchmarks."""
    by_run = {(each.run, each.plan): each for each in figures}
    rows = [
        f"| {plan} | {' | '.join(_cells(by_run.get((HANDLERS, plan))) + _cells(by_run.get((DEPLOYED, plan))))} |"
        for plan in ("storm", *FAULTS)
    ]
    long = {"storm": by_run.get((DEPLOYED, "storm")), "kills": by_run.get((KILLS, "none"))}
    columns = {name: each for name, each in long.items() if each is not None}
    return HEADING + "\n" + _TEXT.format(plans="\n".join(rows), long="\n".join(_long(columns)))


def _cells(figures: StormFigures | None) -> list[str]:
    if figures is None:
        return [""] * 4
    counts = (figures.approved, figures.at_exchange, sum(figures.faults.values()), figures.violations)
    return [f"{count:,}" for count in counts]


def _long(columns: Mapping[str, StormFigures]) -> list[str]:
    rows: dict[str, Callable[[StormFigures], str]] = {
        "seed": lambda each: f"{each.seed}",
        "intents that risk approved": lambda each: f"{each.approved:,}",
        "orders at the exchange": lambda each: f"{each.at_exchange:,}",
        "not there, by their state in the ledger": lambda each: _by_state(each.absent),
        "at rest, or of unknown outcome, at the end": lambda each: f"{each.awaited:,}",
        "faults injected, and of how many kinds": lambda each: f"{sum(each.faults.values()):,}, {len(each.faults)}",
        "processes killed": lambda each: f"{each.kills:,}",
        "time": lambda each: f"{each.seconds:,.0f} s",
        "violations": lambda each: f"{each.violations:,}",
    }
    head = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    return [*head, *(f"| {name} | {' | '.join(map(text, columns.values()))} |" for name, text in rows.items())]


def _by_state(absent: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in sorted(absent.items())) or "0"


_TEXT = """`make storm` runs all of this and writes this section. Not a race: what counts is that violations are zero. A
violation is an order that is at the exchange twice, that the desk does not know, or that it says to be what it
is not, and a difference of a position or of cash.

To the left, the production handlers of execution in one process, with real ccxt and a real socket to the
the simulated exchange, the clocks set by hand. To the right, the deployed desk: five services in processes of
their own on the embedded AWS, as `fanfold run --exchange box` starts them, with 40 strategies that enter and
leave bar by bar, a fifth of them by orders that rest (`tests/support/storm_desk.py`).

| plan | intents | at the exchange | faults | violations | deployed: intents | at the exchange | faults | violations |
|---|---|---|---|---|---|---|---|---|
{plans}

The long runs of the deployed desk: under the plan `storm`; and without faults of the exchange, but the process
that executes is killed by SIGKILL while it works. STALE orders were too old to be sent again, REJECTED ones the
exchange refused for good. The outcome of SUBMITTING ones is unknown: of an instrument that it delisted the
exchange answers nothing any more, and execution keeps it frozen; what they moved at the exchange counts as
moved.

{long}
"""
