"""Sweep on a stage in an AWS account: priced and agreed to before it starts, followed, fetched, kept in the library."""

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import pyarrow as pa

from fanfold import __version__
from fanfold.cost import sweep as pricing
from fanfold.deployment import RESEARCH
from fanfold.errors import BadInput, NothingThere
from fanfold.market.recording import Recording
from fanfold.research.on_aws.executions import Release, SweepPlan, SweepsOnAws
from fanfold.research.on_aws.measuring import measured_times
from fanfold.research.on_aws.sweep_store import SweepStore
from fanfold.research.sweeping.sweep_job import SweepJob
from fanfold.stages.removal import describe
from fanfold.stages.session import StageSession
from fanfold.strategy import contract

SUBNETS = "FANFOLD_RESEARCH_SUBNETS"
# How many batches run at once, as the stack was deployed with; two where it was with none.
CONCURRENCY, TOGETHER = "FANFOLD_RESEARCH_CONCURRENCY", 2


class StageTerms(NamedTuple):
    """The stage of a sweep, whether its price is agreed to already, and the most that it may be in dollars."""

    stage: str
    agreed: bool = False
    cost_max: Decimal | None = None


def rows_of(
    run: str, job: SweepJob, recordings: list[Recording], terms: StageTerms, on_trials: Callable[[int], None]
) -> pa.Table:
    """Return the rows of a sweep that a stage trades; what it has of them already is not traded again.

    Raises BadInput where the price is above what may be paid, or nobody agrees to it; NotReachable where batches are
    left, with which the same call goes on.
    """
    session = StageSession(terms.stage, os.environ)
    sweeps = SweepsOnAws(session.call, SweepStore(session.call, session.bucket("lake")), _machine(session))
    release = Release(contract.code_of(job.instance.strategy), __version__)
    subnets = [name for name in os.environ.get(SUBNETS, "").split(",") if name]
    times = measured_times(job, recordings, time.perf_counter)
    plan = sweeps.plan(run, job, recordings, times, release, f"{datetime.now(UTC):%Y-%m-%d}", subnets)
    if plan.missing:
        _agree(plan, work_of(plan, together()), terms)
        _follow(sweeps, plan, sweeps.start(plan, recordings), on_trials)
    return sweeps.rows(plan)


def _machine(session: StageSession) -> str:
    stack = describe(session.call, f"fanfold-{RESEARCH}-{session.stage}")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in (stack or {}).get("Outputs", [])}
    if "SweepsArn" not in outputs:
        raise NothingThere(
            f"the stage {session.stage} trades no sweeps: `fanfold stage deploy {session.stage} --service {RESEARCH}`"
        )
    return str(outputs["SweepsArn"])


def together() -> int:
    """Return how many batches run at once. Raises BadInput for a setting that is no number."""
    text = os.environ.get(CONCURRENCY) or str(TOGETHER)
    if not (text.isascii() and text.isdigit() and int(text)):
        raise BadInput(f"{CONCURRENCY} is {text!r}: name how many batches run at once, such as 100")
    return int(text)


def work_of(plan: SweepPlan, at_once: int) -> pricing.SweepWork:
    """Return the work of a plan's missing batches, of which some run at once."""
    bars = len(plan.submitted.bars)
    return pricing.SweepWork(
        batches=len(plan.missing),
        function_s=Decimal(str(round(plan.missing_s("function"), 3))),
        container_s=Decimal(str(round(plan.missing_s("container"), 3))),
        reads=1 + bars,
        uploads=2 + bars,
        files=len(plan.items),
        together=at_once,
    )


def price_texts(plan: SweepPlan, work: pricing.SweepWork) -> list[str]:
    """Return the price of what is missing, for people, and what it assumes."""
    lines, at_worst = pricing.lines_of(work), pricing.total(pricing.lines_of(work.at_worst))
    trials = sum(item.count for item in plan.missing)
    assumed = (
        f"  {pricing.RETRIED_PERCENT} of 100 batches traded twice; {work.together} at once, so for about "
        f"{work.lasts_s / 60:,.0f} minutes, and {pricing.lists_of(work):,.0f} LISTs of S3 while you follow it"
    )
    bound = f"  at most {at_worst:.4f} $, each batch tried {pricing.TRIES} times; without logs and what leaves AWS"
    return [
        f"{trials:,} trials in {len(plan.missing):,} batches, about {pricing.total(lines):.4f} $ at list price:",
        *(f"  {line.usd:>9.4f} $  {line.what}: {line.quantity:,.0f} {line.unit}" for line in lines),
        assumed,
        bound,
    ]


def _agree(plan: SweepPlan, work: pricing.SweepWork, terms: StageTerms) -> None:
    """Tell the price, and ask; beyond the most that may be paid there is nothing to ask."""
    price = pricing.total(pricing.lines_of(work))
    print(*price_texts(plan, work), sep="\n", file=sys.stderr, flush=True)
    if terms.cost_max is not None and price > terms.cost_max:
        raise BadInput(
            f"the sweep costs about {price:.4f} $ and --cost-max is {terms.cost_max}: try fewer values, or name more"
        )
    if terms.agreed:
        return
    if not sys.stdin.isatty():
        raise BadInput("nobody is there to agree to the price: say --yes")
    print("start it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise BadInput("the sweep was not started")


def _follow(sweeps: SweepsOnAws, plan: SweepPlan, execution: str, on_trials: Callable[[int], None]) -> None:
    """Follow an execution to its end; it goes on where this is stopped."""
    done, pause_s = 0, pricing.FOLLOWED_S * pricing.pages_of(len(plan.items))
    while True:
        progress = sweeps.progress(plan, execution)
        on_trials(progress.trials - done)
        done = progress.trials
        if progress.status != "RUNNING":
            return
        time.sleep(pause_s)
