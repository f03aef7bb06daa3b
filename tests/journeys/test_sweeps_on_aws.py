"""A sweep of a thousand batches through the deployed state machine, each traded by the deployed function."""

import time
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pytest

from fanfold import __version__
from fanfold.aws.client.call import Call
from fanfold.aws.client.recording import read_lines
from fanfold.cli.stage_sweeps import StageTerms, rows_of
from fanfold.deployment import STAGE
from fanfold.errors import BadInput, NotReachable
from fanfold.local.launcher import REGION, Cloud
from fanfold.research.on_aws.executions import Release, SweepPlan, SweepsOnAws
from fanfold.research.on_aws.submission import BatchTimes
from fanfold.research.on_aws.sweep_store import TRIALS, SweepStore
from fanfold.research.sweeping.sweep_job import SizingTerms, SweepJob, TradedWindow, batches
from fanfold.research.sweeping.trials import run_batch
from fanfold.strategy import contract
from support.backtests import ALL, START, bars, desk_of, instance
from support.research_stage import LAKE, MACHINE, packaged_research, research_stage
from support.roles import held

CHILDREN = 1_000
MINUTES = 300
DAY = "2026-01-31"
RELEASE = Release(contract.code_of("sma_cross"), __version__)
# So long that no batch takes a second trial.
TIMES = BatchTimes(1.0, 1.0)
JOB = SweepJob(
    desk=desk_of({"a": instance("sma_cross")}),
    configurations=tuple({"fast": fast, "slow": slow} for fast in range(1, 26) for slow in range(21, 41)),
    markets=tuple((name,) for name in ALL[:2]),
    windows=(TradedWindow(START + 6_000, START + 60 * MINUTES),),
    terms=SizingTerms(quantity=Decimal("0.5")),
)
BARS = [recording for recording in bars(7, MINUTES) if recording.instrument in ALL[:2]]


class Swept(NamedTuple):
    """A sweep that has ended: how often the function was invoked, and its rows."""

    sweeps: SweepsOnAws
    cloud: Cloud
    plan: SweepPlan
    status: str
    invocations: int
    rows: pa.Table
    calls: Path


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swept]:
    folder = tmp_path_factory.mktemp("sweeps")
    calls = folder / "calls.jsonl"
    with research_stage(folder / "state", RECORD_CALLS=str(calls)) as cloud:
        call = cloud.call()
        sweeps = SweepsOnAws(call, SweepStore(call, LAKE), MACHINE)
        plan, status = traded(sweeps, "sweep-1", JOB)
        yield Swept(sweeps, cloud, plan, status, invocations(cloud), sweeps.rows(plan), calls)


def planned(sweeps: SweepsOnAws, sweep: str, job: SweepJob, release: Release = RELEASE) -> SweepPlan:
    return sweeps.plan(sweep, job, BARS, TIMES, release, DAY)


def traded(sweeps: SweepsOnAws, sweep: str, job: SweepJob, release: Release = RELEASE) -> tuple[SweepPlan, str]:
    """A plan whose execution has ended, and how."""
    plan = planned(sweeps, sweep, job, release)
    execution = sweeps.start(plan, BARS)
    while (progress := sweeps.progress(plan, execution)).status == "RUNNING":
        time.sleep(0.2)
    return plan, progress.status


def invocations(cloud: Cloud) -> int:
    return int(cloud.control("processes")["fanfold-research-local-batch"]["invocations"])


def here(job: SweepJob) -> pa.Table:
    return pa.concat_tables([run_batch(batch, BARS) for batch in batches(job, 10_000)])


def smaller(count: int) -> SweepJob:
    return msgspec.structs.replace(JOB, configurations=JOB.configurations[:count], markets=JOB.markets[:1])


def test_a_thousand_batches_give_the_rows_that_this_machine_gives(swept: Swept) -> None:
    assert len(swept.plan.items) == CHILDREN
    assert (swept.status, swept.invocations) == ("SUCCEEDED", CHILDREN)
    assert swept.rows.num_rows == CHILDREN == JOB.trials
    assert swept.rows.equals(here(JOB))
    # The corner of the grid that the strategy refuses is there too, with its reason.
    assert 0 < swept.rows["error"].null_count < CHILDREN


def test_every_batch_is_an_execution_of_the_map(swept: Swept) -> None:
    call = swept.cloud.call()
    arn = MACHINE.replace(":stateMachine:", ":execution:") + ":sweep-1.0"
    (run,) = call("stepfunctions", "ListMapRuns", {"executionArn": arn})["mapRuns"]
    counts = call("stepfunctions", "DescribeMapRun", {"mapRunArn": run["mapRunArn"]})["itemCounts"]
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (CHILDREN, CHILDREN, 0)


def test_the_same_sweep_again_trades_what_is_missing_and_nothing_else(swept: Swept) -> None:
    sweeps, call = swept.sweeps, swept.cloud.call()
    first, _ = traded(sweeps, "sweep-2", smaller(4))
    before, whole = invocations(swept.cloud), sweeps.rows(first)
    assert planned(sweeps, "sweep-2", smaller(4)).missing == []
    call("s3", "DeleteObject", {"Bucket": LAKE, "Key": f"{TRIALS}/dt={DAY}/sweep-2/000000002-1.parquet"})
    with pytest.raises(NotReachable, match="1 of 4 batches of sweep-2 were not traded"):
        sweeps.rows(first)
    again, status = traded(sweeps, "sweep-2", smaller(4))
    assert ([item.first for item in again.missing], status) == ([2], "SUCCEEDED")
    assert invocations(swept.cloud) == before + 1
    assert sweeps.rows(again).equals(whole)


def test_an_image_with_another_step_trades_nothing(swept: Swept) -> None:
    plan, status = traded(swept.sweeps, "sweep-3", smaller(3), RELEASE._replace(code="another"))
    assert status == "FAILED"
    with pytest.raises(NotReachable, match="3 of 3 batches"):
        swept.sweeps.rows(plan)


def test_a_second_sweep_waits_for_the_first(swept: Swept) -> None:
    def running(name: str) -> Call:
        """The stage while a sweep runs."""

        def call(_service: str, operation: str, _parameters: object) -> dict[str, Any]:
            assert operation == "ListExecutions"
            return {"executions": [{"executionArn": f"arn:aws:states:r:a:execution:sweeps:{name}.0"}]}

        return call

    store = SweepStore(swept.cloud.call(), LAKE)
    assert SweepsOnAws(running("sweep-1"), store, MACHINE).start(swept.plan, BARS).endswith(":sweep-1.0")
    with pytest.raises(BadInput, match=r"the sweep other\.0 runs in this stage: wait for its end"):
        SweepsOnAws(running("other"), store, MACHINE).start(swept.plan, BARS)


@pytest.mark.parametrize("named", ["local", "dev", "live"])
def test_the_function_is_allowed_what_it_was_seen_to_do_and_nothing_else(swept: Swept, named: str) -> None:
    (batch,) = held(packaged_research(named), read_lines(swept.calls), packaged_research("local"))
    assert {call.operation for call in batch.calls} == {"GetObject", "PutObject"}
    assert (batch.missing, batch.unused) == ([], [])


def test_the_command_agrees_on_a_price_and_gets_the_rows_of_this_machine(
    swept: Swept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}
    for name, value in {"AWS_ENDPOINT_URL": swept.cloud.endpoint, "AWS_REGION": REGION, **keys}.items():
        monkeypatch.setenv(name, value)
    job, heard = smaller(6), list[int]()
    ask = partial(rows_of, "sweep-5", job, BARS, on_trials=heard.append)
    with pytest.raises(BadInput, match="nobody is there to agree to the price: say --yes"):
        ask(StageTerms(STAGE))
    with pytest.raises(BadInput, match=r"costs about 0\.\d+ \$ and --cost-max is 1E-7"):
        ask(StageTerms(STAGE, agreed=True, cost_max=Decimal("1E-7")))
    assert heard == []
    rows = ask(StageTerms(STAGE, agreed=True, cost_max=Decimal("0.05")))
    assert rows.equals(here(job))
    assert sum(heard) == 6
    assert "6 trials in 1 batches, about 0.00" in capsys.readouterr().err
    # What is there is not traded again, and nobody is asked.
    assert ask(StageTerms(STAGE)).equals(rows)
    assert capsys.readouterr().err == ""
