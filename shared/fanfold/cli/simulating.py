"""Run schedules of the simulator on all cores, and show what they came to."""

import gc
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from fanfold.local.launcher import make_services_importable, repository_root
from fanfold.local.worker_processes import worker_processes
from fanfold.simulation.schedules.faults import KINDS
from fanfold.simulation.schedules.schedule import PartOfPairs, ScheduleResult, firsts, run_all, run_in_pairs

# The seeds that a process runs before it reports.
CHUNK = 250
Result = TypeVar("Result")


class Campaign(NamedTuple):
    """The result of seeds: those that broke a law, rare states by how many seeds reached them, the time it took.

    ``seconds`` is the wall's; ``cpu_s`` the processors'.
    """

    seeds: range
    failed: list[ScheduleResult]
    reached: Counter[str]
    seconds: float
    cpu_s: float


def campaign(first: int, count: int, kinds: Sequence[str] = tuple(KINDS), processes: int = 0) -> Campaign:
    """Run so many seeds from a first one, on so many processes, or as many as there are cores."""
    began = time.perf_counter()
    seeds = range(first, first + count)
    chunks = [seeds[start : start + CHUNK] for start in range(0, count, CHUNK)]
    processes = min(processes or os.cpu_count() or 1, len(chunks))
    if processes == 1:
        results = [_run_chunk(chunk, kinds) for chunk in chunks]
    else:
        results = _side_by_side(_run_chunk, [(chunk, kinds) for chunk in chunks], processes)
    failed = [verdict for verdicts, _, _ in results for verdict in verdicts]
    counts = sum((counted for _, counted, _ in results), Counter[str]())
    return Campaign(seeds, failed, counts, time.perf_counter() - began, sum(spent for *_, spent in results))


def pairs(
    seed: int, part: PartOfPairs, kinds: Sequence[str] = tuple(KINDS), processes: int = 0
) -> tuple[int, list[ScheduleResult]]:
    """Run each pair of faults whose first is of a part, on all cores; return how many, and what broke a law."""
    first = firsts(seed, part, kinds)
    results = _side_by_side(run_in_pairs, [(seed, each, kinds) for each in first], processes or os.cpu_count() or 1)
    return sum(count for count, _ in results), [result for _, failed in results for result in failed]


def _side_by_side(work: Callable[..., Result], arguments: Iterable[tuple[Any, ...]], processes: int) -> list[Result]:
    """Return the results of work by so many processes, in order."""
    with worker_processes(processes, make_services_importable) as pool:
        waiting = [pool.submit(work, *each) for each in arguments]
        return [each.result() for each in waiting]


def _run_chunk(seeds: Sequence[int], kinds: Sequence[str]) -> tuple[list[ScheduleResult], Counter[str], float]:
    began = time.process_time()
    # Looking for cycles among what every schedule shares takes a quarter of the time.
    gc.disable()
    gc.freeze()
    try:
        failed, counts = run_all(seeds, kinds)
        gc.collect()
    finally:
        gc.unfreeze()
        gc.enable()
    return failed, counts, time.process_time() - began


def commit() -> str:
    """Return the commit of the checkout, with a + where files differ from it; "" where git knows of none."""
    try:
        return _git("rev-parse", "--short=12", "HEAD") + ("+" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*words: str) -> str:
    git = ["git", "-C", str(repository_root()), *words]
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - git's own words


def summary(result: Campaign) -> dict[str, Any]:
    """Return a campaign as a document."""
    return {
        "commit": commit(),
        "seeds": {"first": result.seeds.start, "count": len(result.seeds)},
        "broken": {verdict.seed: verdict.broken for verdict in result.failed},
        "reached": dict(result.reached.most_common()),
        "seconds": round(result.seconds, 1),
        "cpu_s": round(result.cpu_s, 1),
        "schedules_a_second_and_core": round(len(result.seeds) / result.cpu_s),
    }
