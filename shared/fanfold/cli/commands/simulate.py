"""Run the desk's handlers under faults, a schedule a seed, and check the laws.

A schedule is the length of one order: bars, signal, risk, execution, venue, books, in memory, while processes die,
messages come twice or late and the venue fails; then faults end. The same seed is the same schedule.

Example: fanfold simulate
Example: fanfold simulate --seeds 20000
Example: fanfold simulate --seeds 20000 --first-seed 20000
Example: fanfold simulate --seed 7 --explain
Example: fanfold simulate --seed 7 --singly
Example: fanfold simulate --seed 7 --pairs --part 1/20
Example: fanfold simulate --seeds 500 --faults before,after,venue
"""

from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.cli import simulating
from fanfold.cli.argument_types import read_by, read_count, read_whole
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer, grid
from fanfold.errors import BadInput
from fanfold.local.launcher import make_services_importable
from fanfold.simulation.schedules.faults import KINDS
from fanfold.simulation.schedules.reached import NAMES
from fanfold.simulation.schedules.schedule import PartOfPairs, ScheduleResult, run, run_singly
from fanfold.simulation.schedules.shrinking import shrunk

EXITS = (Exit.FAILED,)
SEEDS = 500
SHOWN_MAX = 10
WHOLE = PartOfPairs(1, 1)


def read_kinds(written: str) -> tuple[str, ...]:
    """Return kinds of faults that are written with commas."""
    kinds = tuple(written.split(","))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no kind of fault; they are {', '.join(KINDS)}")
    return kinds


def read_part(written: str) -> PartOfPairs:
    """Return a part that is written as 3/20."""
    number, _, of = written.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise ValueError(f"{written!r} is no part; the third of twenty is 3/20")
    return PartOfPairs(int(number), int(of))


Seed = Annotated[
    int | None, Parameter(metavar="N", converter=read_by(read_whole), help="one schedule, that of this seed")
]
Seeds = Annotated[int | None, Parameter(metavar="N", converter=read_by(read_count), help=f"how many seeds ({SEEDS})")]
FirstSeed = Annotated[int, Parameter(metavar="N", converter=read_by(read_whole), help="the first of them (0)")]
Processes = Annotated[
    int, Parameter(metavar="N", converter=read_by(read_whole), help="on so many processes (0: one a core)")
]
Explain = Annotated[
    bool, Parameter(help="tell what happened, with the fewest faults that still break a law where one is broken")
]
Singly = Annotated[bool, Parameter(help="run the schedule of --seed once for each fault that could come in it, alone")]
Pairs = Annotated[bool, Parameter(help="run the schedule of --seed once for each two faults that could come in it")]
InPart = Annotated[
    Any, Parameter(metavar="K/N", converter=read_by(read_part), help="of the pairs, the K-th of N parts (1/1)")
]
Kinds = Annotated[
    Any, Parameter(metavar="KINDS", converter=read_by(read_kinds), help="kinds of faults, with commas (all)")
]


def command(
    *,
    seed: Seed = None,
    seeds: Seeds = None,
    first_seed: FirstSeed = 0,
    explain: Explain = False,
    singly: Singly = False,
    pairs: Pairs = False,
    part: InPart = None,
    processes: Processes = 0,
    faults: Kinds = tuple(KINDS),
) -> Answer:
    """Return the laws that were broken, by seed, and the rare states that were reached."""
    make_services_importable()
    if part and not pairs:
        raise BadInput("--part is a part of the pairs: say --pairs, too")
    if seed is None:
        if explain or singly or pairs:
            raise BadInput("--explain, --singly and --pairs are of one schedule: name it with --seed")
        return _of_many(first_seed, seeds or SEEDS, faults, processes)
    if explain + singly + pairs > 1 or seeds or first_seed or processes:
        raise BadInput(
            "--seed is one schedule: name one of --explain, --singly and --pairs with it, and no --seeds, "
            "--first-seed or --processes"
        )
    if singly:
        count, failed = run_singly(seed, faults)
        return _of_faults(seed, f"{count} faults, each alone", count, failed)
    if pairs:
        part = part or WHOLE
        count, failed = simulating.pairs(seed, part, faults)
        return _of_faults(seed, f"{count} pairs of faults, part {part.number} of {part.of}", count, failed)
    return _of_one(seed, faults, explain=explain)


def _of_many(first_seed: int, seeds: int, faults: tuple[str, ...], processes: int) -> Answer:
    result = simulating.campaign(first_seed, seeds, faults, processes)
    document = simulating.summary(result)
    rate, last = document["schedules_a_second_and_core"], first_seed + seeds - 1
    broken = {verdict.seed: verdict.broken for verdict in result.failed}
    lines = [
        f"{seeds} schedules in {result.seconds:.0f} s, {rate} a second and core; {len(broken)} broke a law",
        f"seeds {first_seed} to {last} of commit {document['commit'] or 'unknown'}",
        *(f"seed {number}: {breaches[0]}" for number, breaches in list(broken.items())[:SHOWN_MAX]),
    ]
    states = [{"state": name, "schedules": result.reached[name]} for name in NAMES]
    table = grid("reached", states, {"state": "state", "schedules": "schedules"})
    return Answer(document, ["\n".join(lines), table], Exit.FAILED if broken else Exit.OK)


def _of_one(seed: int, kinds: tuple[str, ...], *, explain: bool) -> Answer:
    verdict = run(seed, kinds=kinds, traced=True, narrated=explain)
    fewest = shrunk(verdict) if verdict.broken and explain else verdict.hits
    if len(fewest) < len(verdict.hits):
        verdict = run(seed, kinds=kinds, listed=fewest, traced=True, narrated=True)
    document = {
        "seed": seed,
        "broken": verdict.broken,
        "faults": [hit._asdict() for hit in verdict.hits],
        "trace": verdict.trace,
        "story": list(verdict.story),
    }
    blocks = ["\n".join(verdict.story)] if explain else []
    return Answer(document, [*blocks, _verdict_text(verdict)], Exit.FAILED if verdict.broken else Exit.OK)


def _of_faults(seed: int, which: str, count: int, failed: list[ScheduleResult]) -> Answer:
    """Return the verdict on schedules of a seed that differ in their faults alone."""
    broken = [{"faults": [hit._asdict() for hit in result.hits], "broken": result.broken} for result in failed]
    lines = [f"seed {seed}: {which}; {len(broken)} broke a law"]
    for result in failed:
        hits = ", ".join(f"{hit.kind} at chance {hit.chance}" for hit in result.hits)
        lines.append(f"{hits}: {result.broken[0]}")
    document = {"seed": seed, "schedules": count, "broken": broken}
    return Answer(document, ["\n".join(lines)], Exit.FAILED if broken else Exit.OK)


def _verdict_text(verdict: ScheduleResult) -> str:
    faults = ", ".join(hit.kind for hit in verdict.hits) or "none"
    ends = [f"BROKEN {breach}" for breach in verdict.broken] or ["every law holds"]
    return "\n".join([f"seed {verdict.seed}, faults: {faults}", *ends, f"trace {verdict.trace}"])
