"""The price of a sweep before it starts, at list price: nothing that a month has free is taken off."""

from decimal import Decimal
from typing import NamedTuple

from fanfold.cost.prices import PriceLine, price_lines
from fanfold.cost.units import KB

# The memory of the function, and of the task, as services/research/serverless.yml has them.
FUNCTION_MB, TASK_MB = 1_769, 4_096
# A batch's execution starts, chooses and trades; the sweep's own has three steps besides.
TRANSITIONS, TRANSITIONS_BESIDE = 3, 3
# Of batches, so many percent are taken to be traded twice: where more fail for good, the map begins no other.
RETRIED_PERCENT = 5
# How often a function's batch is tried at most; a container's three times.
TRIES = 5
# A map keeps what became of its batches in three files.
RESULT_FILES = 3
# A page of the names of rows that are there; who follows a sweep reads one a second, and some before and after.
PAGE_NAMES = 1_000
FOLLOWED_S = 1
PASSES, LISTS_BESIDE = 3, 3
HOUR_S = 3_600


class SweepWork(NamedTuple):
    """The batches of a sweep, the seconds that functions and containers take for them, and what is read and written.

    ``reads`` are of each batch; ``uploads`` come before the first. ``files`` of rows are fetched in the end, those of
    earlier executions too. ``together`` batches run at once.
    """

    batches: int
    function_s: Decimal
    container_s: Decimal
    reads: int
    uploads: int
    files: int
    together: int
    retried_percent: int = RETRIED_PERCENT

    @property
    def tried(self) -> Decimal:
        """Return how often batches are traded, for one that is traded once."""
        return Decimal(100 + self.retried_percent) / 100

    @property
    def lasts_s(self) -> Decimal:
        """Return how long it takes to trade all."""
        return self.tried * (self.function_s + self.container_s) / min(self.together, max(self.batches, 1))

    @property
    def at_worst(self) -> "SweepWork":
        """Return the same work where each batch succeeds at its last try."""
        return self._replace(retried_percent=100 * (TRIES - 1))


def lines_of(work: SweepWork) -> list[PriceLine]:
    """Return the lines of a sweep's price, those of nothing left out."""
    tries = work.tried * work.batches
    hours = work.tried * work.container_s / HOUR_S
    quantities = {
        "lambda-gb-second": work.tried * work.function_s * FUNCTION_MB / KB,
        "lambda-request": tries if work.function_s else Decimal(0),
        "fargate-vcpu-hour": hours,
        "fargate-gb-hour": hours * TASK_MB / KB,
        "address-hour": hours,
        # A step that is tried again is one more.
        "transition": work.batches * (TRANSITIONS - 1) + tries + TRANSITIONS_BESIDE,
        "s3-put": Decimal(work.batches + work.uploads + RESULT_FILES) + lists_of(work),
        "s3-get": tries * work.reads + work.files,
    }
    return price_lines({item: quantity for item, quantity in quantities.items() if quantity})


def lists_of(work: SweepWork) -> Decimal:
    """Return the pages of names that are read while a sweep is followed to its end, and before and after."""
    return work.lasts_s / FOLLOWED_S + PASSES * pages_of(work.files) + LISTS_BESIDE


def pages_of(files: int) -> int:
    """Return the pages that the names of files take."""
    return max(1, -(-files // PAGE_NAMES))


def total(lines: list[PriceLine]) -> Decimal:
    """Return the sum of lines, in dollars."""
    return sum((line.usd for line in lines), Decimal(0))
