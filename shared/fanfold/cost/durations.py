"""Durations on Lambda from stated constants: a measured time would make the bill depend on a busy machine."""

from collections.abc import Sequence
from decimal import Decimal

from fanfold.cost.days import Activity
from fanfold.cost.templates import BilledFunction

# An answer of AWS within a region, ms. What is not listed takes OTHER_CALL_MS.
CALL_MS = {
    "dynamodb GetItem": 4,
    "dynamodb BatchGetItem": 6,
    "dynamodb BatchWriteItem": 10,
    "dynamodb Query": 5,
    "dynamodb PutItem": 6,
    "dynamodb UpdateItem": 6,
    "dynamodb DeleteItem": 6,
    "dynamodb TransactWriteItems": 18,
    "sns Publish": 20,
    "sns PublishBatch": 25,
    "s3 PutObject": 35,
    "s3 GetObject": 20,
    "s3 ListObjectsV2": 30,
}
OTHER_CALL_MS = 25
# One answer of an exchange, and how many a poll waits for side by side at each.
VENUE_MS = 250
VENUE_WORKERS = 8
POLL = "market-data/poll"
# The runtime's own part of an invocation.
RUNTIME_MS = 2
# CPU at a whole core: an invocation, a call, a bar; from docs/benchmarks.md, rounded up.
INVOCATION_CPU_MS = Decimal("0.15")
CALL_CPU_MS = Decimal("0.2")
BAR_CPU_MS = Decimal("0.02")
# Lambda gives a core to so much memory, and less in proportion.
CORE_MB = 1_769
# A function whose day was not recorded: what an invocation takes, in all.
UNRECORDED_MS = Decimal(200)
# New environments of a function in a day, and what starting one takes; a container's is billed.
COLD_STARTS_A_DAY = 8
COLD_START_MS = Decimal(1_500)


def invocation_ms(activity: Activity, function: BilledFunction, name: str, venues: Sequence[int]) -> Decimal:
    """Return the mean duration of a function's invocations."""
    waiting = sum(CALL_MS.get(call, OTHER_CALL_MS) * count for call, count in activity.calls.items())
    cpu = activity.bars * BAR_CPU_MS + sum(activity.calls.values()) * CALL_CPU_MS
    mean = (waiting + cpu * slower(function.memory_mb)) / activity.invocations
    polling = venue_ms(venues) if name == POLL else 0
    return mean + polling + RUNTIME_MS + INVOCATION_CPU_MS * slower(function.memory_mb)


def venue_ms(venues: Sequence[int]) -> int:
    """Return how long a poll waits for its venues, one after the other, for some instruments of each at a time."""
    return sum(-(-requests // VENUE_WORKERS) * VENUE_MS for requests in venues)


def slower(memory_mb: int) -> Decimal:
    """Return how many times as long as at a whole core work takes with so much memory."""
    return max(Decimal(1), Decimal(CORE_MB) / memory_mb)
