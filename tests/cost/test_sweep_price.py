"""The price of a sweep, by hand, and by the sizes that its stack has."""

from decimal import Decimal

from fanfold.cost.sweep import FUNCTION_MB, TASK_MB, SweepWork, lines_of, total
from fanfold.deployment import RESEARCH
from support.packaged_stages import template


def test_a_price_equals_one_computed_by_hand() -> None:
    lines = lines_of(SweepWork(batches=1_000, function_s=Decimal(60_000), container_s=Decimal(0), reads=3, uploads=4))
    by_hand = (
        Decimal(60_000) * 1_769 / 1_024 * Decimal("0.0000133334")  # GB-seconds
        + Decimal("0.0002")  # requests
        + Decimal(3_003) * Decimal("0.025") / 1_000  # three steps a batch, and three besides
        + Decimal(1_007) * Decimal("0.005") / 1_000  # a file a batch, what is uploaded, what became of the batches
        + Decimal(3_000) * Decimal("0.0004") / 1_000
    )
    assert total(lines) == by_hand
    assert Decimal("1.46") < total(lines) < Decimal("1.47")


def test_containers_are_priced_by_their_core_and_memory_and_nothing_costs_nothing() -> None:
    lines = lines_of(SweepWork(batches=1, function_s=Decimal(0), container_s=Decimal(7_200), reads=2, uploads=3))
    priced = {line.unit: line.usd for line in lines}
    assert priced["vCPU-hours"] == 2 * Decimal("0.03238")
    assert priced["GB-hours"] == 8 * Decimal("0.00356")
    assert "GB-seconds" not in priced


def test_sizes_are_those_of_the_stack() -> None:
    resources = template(RESEARCH, "dev", {})["Resources"]
    assert resources["BatchLambdaFunction"]["Properties"]["MemorySize"] == FUNCTION_MB
    task = resources["BatchTask"]["Properties"]
    assert (task["Cpu"], task["Memory"]) == ("1024", str(TASK_MB))
