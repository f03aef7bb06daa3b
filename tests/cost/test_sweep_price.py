"""The price of a sweep, by hand, and by the sizes that its stack has."""

from decimal import Decimal
from typing import Any

from fanfold.cli.stage_sweeps import TOGETHER
from fanfold.cost.sweep import (
    FUNCTION_MB,
    RETRIED_PERCENT,
    TASK_MB,
    TRIES,
    SweepWork,
    lines_of,
    lists_of,
    pages_of,
    total,
)
from fanfold.deployment import RESEARCH
from support.packaged_stages import template


def work(**changes: Any) -> SweepWork:
    """A thousand batches of a minute, of which hundred run at once."""
    plain = SweepWork(1_000, Decimal(60_000), Decimal(0), reads=3, uploads=4, files=1_500, together=100)
    return plain._replace(**changes)


def test_a_price_equals_one_computed_by_hand() -> None:
    lines = lines_of(work())
    by_hand = (
        Decimal(60_000) * Decimal("1.05") * 1_769 / 1_024 * Decimal("0.0000133334")  # GB-seconds, 5 % of them twice
        + Decimal(1_050) * Decimal("0.20") / 1_000_000  # requests
        + Decimal(3_053) * Decimal("0.025") / 1_000  # three steps a batch, fifty retries, and three besides
        # A file a batch, what is uploaded, what became of the batches; a LIST in each of 630 seconds, and nine besides.
        + Decimal(1_000 + 4 + 3 + 630 + 9) * Decimal("0.005") / 1_000
        + Decimal(3 * 1_050 + 1_500) * Decimal("0.0004") / 1_000
    )
    assert total(lines) == by_hand
    assert Decimal("1.53") < total(lines) < Decimal("1.54")


def test_containers_are_priced_by_their_core_memory_and_address_and_nothing_costs_nothing() -> None:
    lines = lines_of(work(batches=1, function_s=Decimal(0), container_s=Decimal(7_200), retried_percent=0))
    priced = {line.unit: line.usd for line in lines}
    assert priced["vCPU-hours"] == 2 * Decimal("0.03238")
    assert priced["GB-hours"] == 8 * Decimal("0.00356")
    assert priced["hours"] == 2 * Decimal("0.005")
    assert "GB-seconds" not in priced


def test_retries_and_following_are_in_the_price() -> None:
    plain, retried = total(lines_of(work(retried_percent=0))), total(lines_of(work()))
    assert 1 < retried / plain < Decimal("1.05")
    assert 4 < total(lines_of(work().at_worst)) / plain < 5
    # Of two at once a sweep takes fifty times as long as of hundred, and is followed for as long.
    assert lists_of(work(together=2)) - lists_of(work()) == Decimal("1.05") * 60_000 * (
        Decimal(1) / 2 - Decimal(1) / 100
    )
    # Of a hundred thousand names each look reads hundred pages, and comes every hundred seconds.
    assert (pages_of(100_000), pages_of(1_000), pages_of(0)) == (100, 1, 1)


def test_sizes_are_those_of_the_stack() -> None:
    resources = template(RESEARCH, "dev", {})["Resources"]
    assert resources["BatchLambdaFunction"]["Properties"]["MemorySize"] == FUNCTION_MB
    task = resources["BatchTask"]["Properties"]
    batches = resources["Sweeps"]["Properties"]["Definition"]["States"]["Batches"]
    (retry,) = batches["ItemProcessor"]["States"]["Function"]["Retry"]
    assert (batches["ToleratedFailurePercentage"], retry["MaxAttempts"] + 1) == (RETRIED_PERCENT, TRIES)
    assert (batches["MaxConcurrency"], task["NetworkMode"]) == (TOGETHER, "awsvpc")
    assert (task["Cpu"], task["Memory"]) == ("1024", str(TASK_MB))
