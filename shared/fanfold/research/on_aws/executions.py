"""Start a sweep on AWS, follow it, and go on with what an earlier execution left."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from fanfold.aws.client.call import Call
from fanfold.aws.step_functions import start_once
from fanfold.errors import BadInput, NotReachable
from fanfold.market.recording import Recording
from fanfold.research.on_aws.submission import (
    BatchItem,
    BatchTimes,
    Runner,
    SubmittedSweep,
    bars_in,
    batch_size,
    items_of,
    stored,
)
from fanfold.research.on_aws.sweep_store import ROOT, SweepStore, items_key
from fanfold.research.sweeping.sweep_job import SweepJob

_SERVICE = "stepfunctions"


class Release(NamedTuple):
    """The hash of the strategy's step, and the release that trades it."""

    code: str
    version: str


class SweepPlan(NamedTuple):
    """A sweep with the items of all its batches, and of those whose rows are not there; ``bars`` is as in bars_in."""

    submitted: SubmittedSweep
    items: list[BatchItem]
    missing: list[BatchItem]
    bars: dict[tuple[int, int], int]
    times: BatchTimes

    def missing_s(self, runner: Runner) -> float:
        """Return the seconds that a kind of runner takes for what is missing, all of them together."""
        return sum(
            self.times.batch_s(self.bars[item.market, item.window], item.count)
            for item in self.missing
            if item.runner == runner
        )


class SweepProgress(NamedTuple):
    """The state of an execution, as AWS calls it, and the trials whose rows are there."""

    status: str
    trials: int


class SweepsOnAws:
    """The sweeps of a stage: their files in ``store``, and the state machine that trades their batches."""

    def __init__(self, call: Call, store: SweepStore, machine: str) -> None:
        self._call = call
        self._store = store
        self._machine = machine

    def plan(
        self,
        sweep: str,
        job: SweepJob,
        recordings: Sequence[Recording],
        times: BatchTimes,
        release: Release,
        day: str,
        subnets: Sequence[str] = (),
    ) -> SweepPlan:
        """Return what is to be traded; a sweep that was submitted before keeps its batches, and what it has of them.

        ``day`` is today (2026-01-31). Raises BadInput for trials that need a container where no subnet is named.
        """
        bars = bars_in(job, recordings)
        submitted = self._store.submitted(sweep) or SubmittedSweep(
            sweep=sweep,
            day=day,
            job=job,
            bars=tuple(map(stored, recordings)),
            code=release.code,
            version=release.version,
            trials_max=batch_size(bars, times),
        )
        items = items_of(submitted, bars, times, subnets, self._store.rows_there(submitted))
        missing = self._store.missing(submitted, items)
        return SweepPlan(submitted, items, missing, bars, times)

    def start(self, plan: SweepPlan, recordings: Sequence[Recording]) -> str:
        """Start an execution for what is missing, or join the one that runs already, and return its ARN.

        Raises BadInput while another sweep runs, as sweeps together would take more of the account than one may.
        """
        sweep = plan.submitted.sweep
        for arn in self._running():
            if arn.rpartition(":")[2].rpartition(".")[0] == sweep:
                return arn
            raise BadInput(f"the sweep {arn.rpartition(':')[2]} runs in this stage: wait for its end, or stop it")
        self._store.keep_bars(recordings)
        self._store.keep(plan.submitted)
        number = self._store.executions(sweep)
        # An execution is listed a while after it was started; started again under its name it is still the same one.
        if number and self._store.has_items(sweep, number - 1, plan.missing) and self._start(sweep, number - 1):
            return self._arn(sweep, number - 1)
        self._store.keep_items(sweep, number, plan.missing)
        self._start(sweep, number)
        return self._arn(sweep, number)

    def _start(self, sweep: str, number: int) -> bool:
        name = f"{sweep}.{number}"
        request = {"items": items_key(sweep, number), "results": f"{ROOT}/maps/{name}"}
        return start_once(self._call, self._machine, name, json.dumps(request))

    def _arn(self, sweep: str, number: int) -> str:
        return f"{self._machine.replace(':stateMachine:', ':execution:')}:{sweep}.{number}"

    def progress(self, plan: SweepPlan, execution: str) -> SweepProgress:
        """Return how far a sweep is; its trials are counted by the rows that are there."""
        status = self._call(_SERVICE, "DescribeExecution", {"executionArn": execution})["status"]
        lacking = {(item.market, item.window, item.first) for item in self._store.missing(plan.submitted, plan.items)}
        there = [item for item in plan.items if (item.market, item.window, item.first) not in lacking]
        return SweepProgress(status, sum(item.count for item in there))

    def rows(self, plan: SweepPlan) -> pa.Table:
        """Return the rows of all trials. Raises NotReachable, which says what is left, where batches are missing."""
        missing = self._store.missing(plan.submitted, plan.items)
        if missing:
            raise NotReachable(
                f"{len(missing)} of {len(plan.items)} batches of {plan.submitted.sweep} were not traded; the execution "
                "in Step Functions says why, and the same command goes on with them"
            )
        return self._store.rows(plan.submitted, plan.items)

    def _running(self) -> list[str]:
        request = {"stateMachineArn": self._machine, "statusFilter": "RUNNING"}
        executions = self._call(_SERVICE, "ListExecutions", request)["executions"]
        return [execution["executionArn"] for execution in executions]
