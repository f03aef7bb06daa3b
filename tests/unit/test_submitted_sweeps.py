"""Sweeps as they are submitted: items mean the batches of a job, sizes follow from times, long trials go elsewhere."""

from decimal import Decimal
from itertools import count

import msgspec
import pytest

from fanfold.errors import BadInput
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
