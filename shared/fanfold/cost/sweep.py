"""The price of a sweep before it starts, at list price: nothing that a month has free is taken off."""

from decimal import Decimal
from typing import NamedTuple

from fanfold.cost.prices import PriceLine, price_lines
from fanfold.cost.units import KB

# The memory of the function, and of the task, as services/research/serverless.yml has them.
FUNCTION_MB, TASK_MB = 1_769, 4_096
# A batch's execution starts, chooses and trades; the sweep's own has three steps besides.
TRANSITIONS, TRANSITIONS_BESIDE = 3, 3
# A map keeps what became of its batches in three files.
RESULT_FILES = 3
HOUR_S = 3_600


class SweepWork(NamedTuple):
    """The batches of a sweep, the seconds that functions and containers take for them, and what is read and written.

    ``reads`` are of each batch; ``uploads`` come before the first.
    """

    batches: int
    function_s: Decimal
    container_s: Decimal
    reads: int
    uploads: int


def lines_of(work: SweepWork) -> list[PriceLine]:
    """Return the lines of a sweep's price, those of nothing left out."""
    gb_seconds = work.function_s * FUNCTION_MB / KB
    hours = work.container_s / HOUR_S
    quantities = {
        "lambda-gb-second": gb_seconds,
        "lambda-request": Decimal(work.batches),
        "fargate-vcpu-hour": hours,
        "fargate-gb-hour": hours * TASK_MB / KB,
        "transition": Decimal(work.batches * TRANSITIONS + TRANSITIONS_BESIDE),
        "s3-put": Decimal(work.batches + work.uploads + RESULT_FILES),
        "s3-get": Decimal(work.batches * work.reads),
    }
    return price_lines({item: quantity for item, quantity in quantities.items() if quantity})


def total(lines: list[PriceLine]) -> Decimal:
    """Return the sum of lines, in dollars."""
    return sum((line.usd for line in lines), Decimal(0))
