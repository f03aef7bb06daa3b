"""Days of all five services: every law holds whatever fails, a seed is one trace, and each law sees its mutant."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest
from protocol_mutants import Guard, without

from audit_service import reconcile
from audit_service import wiring as audit_wiring
from fanfold.audit.lake_schema import TRADES
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log
from fanfold.aws.s3.lake import S3Lake
from fanfold.market.bars import Bar, Series
from fanfold.signals.fold import Fold
from fanfold.simulation.schedules.laws import OF_FIVE_SERVICES
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.schedule import ScheduleResult
from fanfold.simulation.schedules.whole_desk import KINDS, WholeLiveDesk
from fanfold.simulation.schedules.whole_schedule import run_day, world_of
from fanfold.strategy.solo_window import SoloWindow
from market_data_service import answers, news, requested

SEEDS = range(int(os.environ.get("FIRST_SEED", "0")), int(os.environ.get("DAYS", "24")))
CHUNK = 8


@cache
def result_of(seed: int) -> ScheduleResult:
    return run_day(seed, traced=True)


@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_every_law_holds_of_five_services_whatever_fails(first: int) -> None:
    results = [result_of(seed) for seed in range(first, first + CHUNK) if seed in SEEDS]
    assert {result.seed: result.broken for result in results if result.broken} == {}


@pytest.mark.parametrize("seed", [43, 97, 383])
def test_days_that_broke_a_law_once_break_none(seed: int) -> None:
    """In 43 a repeat was the first to look at the account after a loss.

    In 97 the venue had the first bar after the second, and in 383 the account was halted before it was opened.
    """
    assert run_day(seed).broken == []


def test_days_are_on_paper_and_at_a_venue() -> None:
    live = [isinstance(world_of(seed), WholeLiveDesk) for seed in range(12)]
    assert 0 < sum(live) < len(live)


def test_every_kind_of_fault_comes() -> None:
    assert {hit.kind for seed in range(24) for hit in result_of(seed).hits} == set(KINDS)


def test_a_day_is_one_trace_however_hashes_fall() -> None:
    program = (
        "from fanfold.simulation.schedules.whole_schedule import run_day;"
        "print(*(run_day(seed, traced=True).trace for seed in (1, 6)))"
    )
    here = [result_of(seed).trace for seed in (1, 6)]
    assert len(set(here)) == 2
    environ = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == here


def test_a_day_of_its_own_faults_is_the_same_again() -> None:
    drawn = result_of(3)
    listed = run_day(3, listed=drawn.hits, traced=True)
    assert (listed.trace, listed.hits) == (drawn.trace, drawn.hits)


def test_the_lake_has_each_trade_once() -> None:
    counts = []
    for seed in (8, 9, 17):
        world = world_of(seed).run()
        lake = S3Lake(world.cloud.call, "lake")
        files = [(dt, name) for dt, names in lake.names(TRADES).items() for name in names]
        rows = [row for dt, name in files for row in lake._read(f"trades/dt={dt}/{name}.parquet").to_pylist()]
        assert {row["trade_id"] for row in rows} == {fill.trade_id for fill in Outcome(world).fills}
        assert len(rows) == len({(row["instrument"], row["trade_id"]) for row in rows})
        counts.append(len(rows))
    assert max(counts) > 5


def _nothing(_was: Any) -> Any:
    return lambda *_given: None


def _over_what_is_there(_create: Any) -> Callable[[S3Log, str, bytes], bool]:
    def create(log: S3Log, key: str, body: bytes) -> bool:
        log._call("s3", "PutObject", {"Bucket": log._bucket, "Key": key, "Body": body})
        return True

    return create


def _bars_twice(offer: Any) -> Any:
    def wrong(fold: Fold, series: Series, key: Any, _taken: int) -> Any:
        return offer(fold, series, key, series.after)

    return wrong


def _older_ones_too(_offer: Any) -> Any:
    def wrong(window: SoloWindow, _member: int, series: Series, bars: Sequence[Bar]) -> None:
        window.waiting.extend((bar, series.price_scale, series.volume_scale) for bar in bars)

    return wrong


def _of_the_newest_bar_alone(needs_of: Any) -> Any:
    """Forget which bars are published already, and how far strategies look back."""

    def wrong(symbol: str, own: str, at: int, lookbacks: Any, _noted: Any, *more: Any) -> Any:
        return needs_of(symbol, own, at, dict.fromkeys(lookbacks, 0), {}, *more)

    return wrong


def _not_linked(part: Any) -> Any:
    """Say that the bar before is the last slot, whether the venue had one or not."""

    def wrong(*arguments: Any) -> Any:
        series = part(*arguments)
        series.after = series.bars[0].closes_at_s - 60 if series.bars else series.after
        return series

    return wrong


def _a_tick_up(part: Any) -> Any:
    def wrong(*arguments: Any) -> Any:
        series = part(*arguments)
        series.bars = [bar._replace(high=bar.high + 1) for bar in series.bars]
        return series

    return wrong


# Law -> the guard without which some day breaks it.
MUTANTS: dict[str, list[Guard]] = {
    "every_bar_is_published_or_reported": [
        Guard(news, "_gap", lambda _was: lambda *_given: []),
        Guard(news, "_defects", lambda _was: lambda *_given, **_more: []),
    ],
    "bars_that_the_venue_had_in_time_are_published": [
        Guard(answers, "needs_of", _of_the_newest_bar_alone),
    ],
    "no_bar_is_invented": [Guard(news, "_part", _a_tick_up)],
    "strategies_decide_by_published_bars_up_to_their_time": [
        Guard(Fold, "_offer", _bars_twice),
        Guard(SoloWindow, "offer", _older_ones_too),
    ],
    # A hole is never closed.
    "no_leg_is_left_behind": [
        Guard(requested, "_linked", lambda _was: lambda series, *_given: series),
        Guard(Fold, "_is_hole", lambda _was: lambda *_given: False),
        Guard(news, "_part", _not_linked),
    ],
    "nothing_is_changed_by_repeats": [Guard(Fold, "_offer", _bars_twice)],
    "the_log_has_no_gap_and_no_fork": [Guard(S3Log, "create", _over_what_is_there)],
    "each_message_is_in_the_log_once": [Guard(DynamoViews, "seen", lambda _was: lambda *_given: {})],
    "the_log_agrees_with_its_evidence": [Guard(DynamoViews, "put", _nothing)],
    "nothing_in_the_log_is_replaced": [Guard(S3Log, "create", _over_what_is_there)],
    "all_that_is_recorded_is_in_the_lake": [
        Guard(audit_wiring.AuditProcess, "flush", lambda _was: lambda _process: 0),
    ],
    "the_day_is_closed": [Guard(reconcile, "_fills", lambda _was: lambda *_given: [])],
}  # fmt: skip


# Where few days break a law, the first that does is near here.
NEAR = {
    "bars_that_the_venue_had_in_time_are_published": 106,
    "strategies_decide_by_published_bars_up_to_their_time": 25,
    "nothing_is_changed_by_repeats": 10,
}


def test_every_law_of_five_services_has_a_mutant() -> None:
    assert set(MUTANTS) == {law.name for law in OF_FIVE_SERVICES}


@pytest.mark.parametrize("law", MUTANTS)
def test_a_law_sees_the_guard_that_is_off(law: str) -> None:
    with without(MUTANTS[law]):
        first = NEAR.get(law, 0)
        assert any(breach.startswith(law) for seed in range(first, first + 60) for breach in run_day(seed).broken)
