"""The figures of schedules of one order: the slices of a long run, and section 12 of the benchmarks."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from fanfold.simulation.schedules.reached import NAMES

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = ROOT / "build" / "simulator"
RECORDED = ROOT / "tests" / "bench" / "recorded" / "simulator.json"
PAGE = ROOT / "docs" / "benchmarks.md"
HEADING = "## 12. Schedules of one order\n"
# As often a rare state must be reached to count as reached, and so many of them.
OFTEN, STATES_MIN = 100, 40
IN_TESTS, CORES = 20_000, 2
# A line of ``make mutants``: a mutant, its seed, the breach.
_MUTANT = re.compile(r"(.+?) +(\d+|-)  ")


class Seeds(msgspec.Struct, frozen=True):
    """So many seeds from a first one."""

    first: int
    count: int


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a range of seeds, as ``fanfold simulate --json`` prints it."""

    commit: str
    seeds: Seeds
    broken: dict[str, list[str]]
    reached: dict[str, int]
    seconds: float
    cpu_s: float


class Mutants(msgspec.Struct, frozen=True, kw_only=True):
    """The first failing seed by mutant, None for a survivor, as ``make mutants`` prints them."""

    first_seeds: dict[str, int | None]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A long run, the mutants, and the shares of a schedule's time in percent."""

    day: str
    slices: list[Slice]
    mutants: Mutants
    shares: dict[str, float]


def slices_of(written: Iterable[Path]) -> list[Slice]:
    """Read slices, in order of their seeds. Raises ValueError where two have a seed in common."""
    slices = [msgspec.json.decode(path.read_bytes(), type=Slice) for path in written]
    slices.sort(key=lambda each: each.seeds.first)
    for before, after in pairwise(slices):
        if before.seeds.first + before.seeds.count > after.seeds.first:
            raise ValueError(f"two slices have seed {after.seeds.first}; remove one of them from {WRITTEN}")
    return slices


def mutants_of(printed: str) -> Mutants:
    """Read what ``make mutants`` prints: a mutant, its first failing seed or -, and the breach."""
    rows = [match.groups() for line in printed.splitlines() if (match := _MUTANT.match(line))]
    return Mutants(first_seeds={name: None if seed == "-" else int(seed) for name, seed in rows})


def record(recorded: Recorded) -> None:
    """Replace the recorded run, and section 12 by what it says."""
    RECORDED.write_bytes(msgspec.json.format(msgspec.json.encode(recorded, order="sorted"), indent=1) + b"\n")
    page = PAGE.read_text()
    before, _, rest = page.partition(HEADING)
    _, following, behind = rest.partition("\n## ")
    PAGE.write_text(before + section(recorded) + following + behind)


def recorded() -> Recorded:
    return msgspec.json.decode(RECORDED.read_bytes(), type=Recorded)


def section(run: Recorded) -> str:
    """Return section 12 of the benchmarks."""
    reached = sum((Counter(each.reached) for each in run.slices), Counter[str]())
    rate = sum(each.seeds.count for each in run.slices) / sum(each.cpu_s for each in run.slices)
    shares = sorted(run.shares.items(), key=lambda each: -each[1])
    often = sum(reached[name] >= OFTEN for name in NAMES)
    rows = {
        "seeds": _ranges(run.slices),
        "commits": ", ".join(dict.fromkeys(each.commit for each in run.slices)),
        "schedules": f"{sum(each.seeds.count for each in run.slices):,}",
        "broke a law": _broken(run.slices),
        "schedules a second and core": f"{rate:,.0f}",
        "at this rate the 20,000 of `make test` take two cores": f"{IN_TESTS / CORES / rate:,.0f} s",
        f"rare states reached at least {OFTEN} times": f"{often} of {len(NAMES)}",
        "mutants": _mutants(run.mutants),
    }
    return _TEXT.format(
        heading=HEADING,
        day=run.day,
        rows="\n".join(f"| {name} | {text} |" for name, text in rows.items()),
        shares="\n".join(f"| {name} | {share:.0f} % |" for name, share in shares),
        reached="\n".join(f"| {name} | {reached[name]:,} |" for name in NAMES),
    )


def _ranges(slices: Sequence[Slice]) -> str:
    """Return the seeds of slices, those that follow each other as one range."""
    ranges: list[list[int]] = []
    for first, count in ((each.seeds.first, each.seeds.count) for each in slices):
        if ranges and ranges[-1][1] == first:
            ranges[-1][1] = first + count
        else:
            ranges.append([first, first + count])
    return ", ".join(f"{first:,} to {end - 1:,}" for first, end in ranges)


def _broken(slices: Iterable[Slice]) -> str:
    seeds = [seed for each in slices for seed in each.broken]
    return f"{len(seeds)}: seeds {', '.join(seeds)}" if seeds else "0"


def _mutants(mutants: Mutants) -> str:
    seeds: Mapping[str, int | None] = mutants.first_seeds
    first = [seed for seed in seeds.values() if seed is not None]
    soon, last = sum(seed < 20 for seed in first), max(first)
    return f"{len(first)} of {len(seeds)} killed; {soon} within 20 seeds, the last by seed {last}"


_TEXT = """{heading}
`make sim-record` runs slices of seeds, `make mutants` and a profile, and writes this section. On {day}, two cores with
others at work on them: the rate is of processor time, for the wall's says how many others were at work.

| | |
|---|---|
{rows}

What a schedule's time goes to, by samples each millisecond of processor time (`tests/bench/simulator.py`). The
desk's own code bounds the rate: what makes it faster is worth as much to a live desk. Without and with
[decision 121](decisions/0121-schedules-of-a-chunk-share-their-stacks.md), in turn, the same seeds took 30.1 and
26.7 million instructions each, and came to 133 and 150 schedules a second and core. Without and with
[decision 129](decisions/0129-schedules-heal-while-something-can-change.md), which makes other schedules of the
seeds, 600 of these had 142 and 119 steps and 17,400 and 15,000 calls of functions each, and came to a sixth more in
a second by the median of pairs in turn. What counts is faults in a second: of mutants that few schedules kill, the
median was killed by a fifth more of them, so that a second finds a third more. 500 schedules a second are not
reached: a minute of signal, risk and execution is five deliveries, a schedule has two or three, and they take most
of its time.

Where there are several commits, a later one ran seeds again of which one had broken a law:
[what only many schedules found](simulator.md#what-only-many-schedules-found).

| part | share |
|---|---|
{shares}

Rare states, each by how many schedules reached it.

| state | schedules |
|---|---|
{reached}
"""
