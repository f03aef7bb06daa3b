"""Sweeps as they are submitted: items mean the batches of a job, sizes follow from times, long trials go elsewhere."""

from decimal import Decimal
from itertools import count
from typing import Any

import msgspec
import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.errors import BadInput
from fanfold.research.on_aws.executions import Release, SweepsOnAws
from fanfold.research.on_aws.measuring import BEGIN_S, SLOWER, measured_times
from fanfold.research.on_aws.submission import (
    BATCH_S,
    FUNCTION_S_MAX,
    TRIALS_MAX,
    BatchItem,
    BatchTimes,
    SubmittedSweep,
    bars_in,
    batch_of,
    batch_size,
    items_of,
    recording_of,
    rows_name,
    stored,
)
from fanfold.research.on_aws.sweep_store import SweepStore
from fanfold.research.sweeping.sweep_job import SizingTerms, SweepJob, TradedWindow, batches
from support.backtests import START, bars, desk_of, instance

MINUTES = 200
JOB = SweepJob(
    desk=desk_of({"a": instance("sma_cross")}),
    configurations=tuple({"fast": fast, "slow": 20} for fast in range(2, 9)),
    markets=(("BTC/USDT",), ("ETH/USDT", "SOL/USDT")),
    windows=(TradedWindow(START + 60, START + 60 * MINUTES), TradedWindow(START + 6_000, START + 9_000)),
    terms=SizingTerms(quantity=Decimal("0.5")),
)
BARS = bars(7, MINUTES)
QUICK = BatchTimes(1.0, 1e-9)


def submitted(trials_max: int) -> SubmittedSweep:
    return SubmittedSweep(
        sweep="sweep-1", day="2026-01-31", job=JOB, bars=tuple(map(stored, BARS)), code="c", version="v",
        trials_max=trials_max,
    )  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_the_items_of_a_sweep_are_the_batches_of_its_job(size: int) -> None:
    items = items_of(submitted(size), bars_in(JOB, BARS), QUICK)
    assert [batch_of(JOB, item) for item in items] == list(batches(JOB, size))
    names = [rows_name(JOB, item) for item in items]
    assert names == sorted(set(names))
    again = msgspec.json.decode(msgspec.json.encode(items), type=list[BatchItem])
    assert again == items


def test_a_submitted_sweep_travels_as_json() -> None:
    document = submitted(3)
    assert msgspec.json.decode(msgspec.json.encode(document), type=SubmittedSweep) == document


def test_bars_are_counted_in_their_window() -> None:
    counted = bars_in(JOB, BARS)
    assert counted == {
        (market, place): sum(
            window.since <= recording.closes_at_s(at) <= window.until
            for recording in BARS if recording.instrument in JOB.markets[market]
            for at in range(recording.count)
        )
        for market in range(2) for place, window in enumerate(JOB.windows)
    }  # fmt: skip
    with pytest.raises(BadInput, match="no bars of ETH/USDT, SOL/USDT"):
        bars_in(JOB, [recording for recording in BARS if recording.instrument == "BTC/USDT"])


@pytest.mark.parametrize("s_a_bar", [1e-9, 1e-6, 1e-3, 0.1, 1.0, 100.0])
def test_the_longest_batch_takes_two_minutes_or_a_trial(s_a_bar: float) -> None:
    counted, times = bars_in(JOB, BARS), BatchTimes(20.0, s_a_bar)
    size = batch_size(counted, times)
    longest = max(counted.values())
    assert 1 <= size <= TRIALS_MAX
    assert size == 1 or times.batch_s(longest, size) <= BATCH_S
    assert size == TRIALS_MAX or times.batch_s(longest, size + 1) > BATCH_S


def test_a_trial_beyond_a_functions_time_needs_a_container() -> None:
    counted = bars_in(JOB, BARS)
    most, least = max(counted.values()), min(counted.values())
    times = BatchTimes(0.0, FUNCTION_S_MAX / (most - 1))
    items = items_of(submitted(1), counted, times, ("subnet-1",))
    for item in items:
        heavy = times.batch_s(counted[item.market, item.window], item.count) > FUNCTION_S_MAX
        assert (item.runner, item.subnets) == (("container", ("subnet-1",)) if heavy else ("function", ()))
    assert {item.runner for item in items} == {"container", "function"}
    assert least < most
    with pytest.raises(BadInput, match=r"takes about 15 minutes.*FANFOLD_RESEARCH_SUBNETS"):
        items_of(submitted(1), counted, times)


def test_what_is_there_needs_no_container_and_a_batch_that_grew_too_long_says_so() -> None:
    counted = bars_in(JOB, BARS)
    times = BatchTimes(0.0, FUNCTION_S_MAX / (max(counted.values()) - 1))
    names = {rows_name(JOB, item) for item in items_of(submitted(1), counted, times, ("subnet-1",))}
    assert {item.runner for item in items_of(submitted(1), counted, times, (), names)} == {"function"}
    with pytest.raises(BadInput, match="7 trials, which were submitted as one batch, take about"):
        items_of(submitted(100), counted, times)


class Stage:
    """A bucket, and a state machine whose executions are listed by nobody yet; ``ended`` has those that have ended."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.started: list[str] = []
        self.ended: set[str] = set()

    def __call__(self, _service: str, operation: str, parameters: Any) -> dict[str, Any]:
        answers = {
            "ListExecutions": self.executions, "StartExecution": self.start,
            "ListObjectsV2": self.names, "PutObject": self.put, "GetObject": self.get,
        }  # fmt: skip
        answer: dict[str, Any] = answers[operation](parameters)
        return answer

    def executions(self, _parameters: Any) -> dict[str, Any]:
        return {"executions": []}

    def start(self, parameters: Any) -> dict[str, Any]:
        """Start an execution: one that runs is started again without an effect, and one that ended is refused."""
        name = parameters["name"]
        if name in self.ended:
            raise AwsFault("ExecutionAlreadyExists", name, 400)
        self.started += [] if name in self.started else [name]
        return {}

    def names(self, parameters: Any) -> dict[str, Any]:
        return {"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(parameters["Prefix"])]}

    def put(self, parameters: Any) -> dict[str, Any]:
        self.objects[parameters["Key"]] = parameters["Body"]
        return {}

    def get(self, parameters: Any) -> dict[str, Any]:
        return {"Body": self.objects[parameters["Key"]]}


def test_a_sweep_that_was_just_started_is_joined_before_it_is_listed() -> None:
    stage = Stage()
    sweeps = SweepsOnAws(stage, SweepStore(stage, "lake"), "arn:aws:states:r:a:stateMachine:sweeps")

    def start() -> str:
        plan = sweeps.plan("sweep-1", JOB, BARS, QUICK, Release("c", "v"), "2026-01-31")
        return sweeps.start(plan, BARS)

    assert start() == start() == start() == "arn:aws:states:r:a:execution:sweeps:sweep-1.0"
    assert stage.started == ["sweep-1.0"]
    # One that ended without any rows is followed by another.
    stage.ended.add("sweep-1.0")
    assert start() == start() == "arn:aws:states:r:a:execution:sweeps:sweep-1.1"
    # So it is where some rows are there, as the rest is other work.
    stage.objects["research/trials/dt=2026-01-31/sweep-1/000000000-7.parquet"] = b""
    assert start().endswith("sweep-1.2")
    assert stage.started == ["sweep-1.0", "sweep-1.1", "sweep-1.2"]


def test_stored_bars_come_back_and_others_are_refused() -> None:
    recording = BARS[0]
    entry = stored(recording)
    assert recording_of(entry, bytes(recording.records)) == recording
    with pytest.raises(BadInput, match=f"records of {recording.instrument} under {entry.digest} are others"):
        recording_of(entry, bytes(recording.records[:-48]))


def test_times_are_those_of_the_second_run_and_of_what_compiled_before_it() -> None:
    ticks = count()
    readings = [0.0, 30.0, 40.0, 42.0]
    times = measured_times(JOB, BARS, lambda: readings[next(ticks)])
    assert times.start_s == BEGIN_S + SLOWER * 28
    assert times.s_a_bar == pytest.approx(SLOWER * 2 / (MINUTES * len(JOB.configurations)), rel=0.01)
