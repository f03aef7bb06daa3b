"""A month's bill: the resources of a stage, and the calls of a recorded day, thirty times."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from fanfold.cost import durations, units
from fanfold.cost.days import Activity, Day
from fanfold.cost.prices import NOTHING, PRICES
from fanfold.cost.templates import BilledFunction, Stacks

GB = Decimal(2**30)
TB = Decimal(2**40)
DAY_MINUTES = 1_440
# What answers the HTTP API's readers.
API = "audit/api"
BUCKETS = frozenset({"audit", "lake"})
# Log lines: START, END and REPORT of Lambda; the line of metrics; what CloudWatch adds to each.
PLATFORM_LINES = 3
PLATFORM_BYTES = 360
METRICS_BYTES = 450
LINE_BYTES = 26
# Five images as ECR keeps them, compressed, and the two before each, one of them to go back to, as the
# repositories' lifecycle has it; each counted whole, though most of their layers are the same.
IMAGES_GB = Decimal("0.46")
IMAGE_VERSIONS = 3
# What people ask for in a month: pages of a dashboard by the API, questions to the lake.
HTTP_REQUESTS = 15_000
QUERIES = 60
QUERY_BYTES = 10 * 2**20
# A question looks for each projected day of its tables in S3, from the stage's first on.
QUERY_TABLES = 2
# SNS asks for a data key and has it opened again, each time that one has run out.
SNS_KEY_CALLS = 2
# A key that turns each year costs as much again for each of its first two turns.
YEAR_MONTHS = 12
KEY_TURNS_MAX = 2

KEY_CALLS = {"sns": SNS_KEY_CALLS}
# As fanfold.aws.telemetry.metrics has them, which a bill does not load.
SILENT = frozenset({"AccountsNotActive", "Attention", "LossRefusals", "OrdersOverdue", "OutboxStuck"})

Quantities = dict[str, Decimal]


class BillLine(NamedTuple):
    """A price item's share of the month, in US dollars: at list price, and less what is always free."""

    item: str
    quantity: Decimal
    listed: Decimal
    after_free: Decimal


class Bill(NamedTuple):
    """The lines of a month, the most expensive first."""

    lines: list[BillLine]

    @property
    def listed(self) -> Decimal:
        return sum((line.listed for line in self.lines), NOTHING)

    @property
    def after_free(self) -> Decimal:
        return sum((line.after_free for line in self.lines), NOTHING)


def bill(stacks: Stacks, day: Day, months: int = 1) -> Bill:
    """Return the bill of a month at whose end the records of so many months are stored."""
    return priced(usage(stacks, day, months))


def priced(quantities: Quantities) -> Bill:
    """Return the lines of quantities by price item; a quantity of zero has no line."""
    lines = [
        BillLine(item, count, PRICES[item].listed(count), PRICES[item].after_free(count))
        for item, count in quantities.items()
        if count
    ]
    return Bill(sorted(lines, key=lambda line: (-line.listed, line.item)))


def usage(stacks: Stacks, day: Day, months: int = 1) -> Quantities:
    """Return the billed quantities of a month, by price item."""
    quantities: dict[str, Decimal] = {}
    for part in (*_functions(stacks, day), _fixed(stacks, day), _stored(day, months), _aged(stacks, months)):
        for item, count in part.items():
            quantities[item] = quantities.get(item, NOTHING) + count
    return quantities


def times(activity: Activity, function: BilledFunction, minutes: int) -> Decimal:
    """Return how often a month repeats a recorded function; if its schedule was changed since, by the new schedule."""
    if function.runs_a_month:
        return Decimal(function.runs_a_month) / activity.invocations
    return month_of(minutes)


def month_of(minutes: int) -> Decimal:
    """Return how often a month repeats so many minutes."""
    return Decimal(units.MONTH_DAYS * DAY_MINUTES) / minutes


def _functions(stacks: Stacks, day: Day) -> Iterator[Quantities]:
    for name, function in stacks.functions.items():
        activity = day.functions.get(name)
        if activity is not None and activity.invocations:
            yield _recorded(name, activity, function, day)
            keys = sum(activity.keys.get(service, 0) * KEY_CALLS.get(service, 1) for service in stacks.keyed)
            yield {"key-call": keys * times(activity, function, day.minutes)}
        else:
            runs = HTTP_REQUESTS if name == API else function.runs_a_month
            yield _invoked(Decimal(runs), durations.UNRECORDED_MS, function, METRICS_BYTES)
        yield _idle(function)
    # Nearly every state of a state machine is a task, and that is a function.
    steps = Decimal(stacks.transitions)
    yield {"lambda-request": steps, "lambda-gb-second": steps * units.gb_seconds(256, durations.UNRECORDED_MS)}


def _recorded(name: str, activity: Activity, function: BilledFunction, day: Day) -> Quantities:
    factor = times(activity, function, day.minutes)
    milliseconds = durations.invocation_ms(activity, function, name, day.venues)
    log_bytes = METRICS_BYTES + LINE_BYTES if activity.received or activity.bars else 0
    quantities = _invoked(activity.invocations * factor, milliseconds, function, log_bytes)
    for item, count in activity.units.items():
        quantities[item] = quantities.get(item, NOTHING) + count * factor
    item = "sqs-request" if function.ordered else "sqs-standard-request"
    quantities[item] = quantities.get(item, NOTHING) + (activity.received + activity.deletes) * factor
    return quantities


def _invoked(invocations: Decimal, milliseconds: Decimal, function: BilledFunction, log_bytes: int) -> Quantities:
    lines = (PLATFORM_BYTES + PLATFORM_LINES * LINE_BYTES) if function.platform_lines else 0
    return {
        "lambda-request": invocations,
        "lambda-gb-second": invocations * units.gb_seconds(function.memory_mb, milliseconds),
        "log-gb": invocations * (lines + log_bytes) / GB,
        # Lambda itself asks X-Ray, which traces one a second and 5 % of the rest: here, every one.
        "trace": invocations if function.traced else NOTHING,
    }


def _idle(function: BilledFunction) -> Quantities:
    """Return the cost of a function that does nothing: polls of its queue, and environments that start and end."""
    starts = Decimal(durations.COLD_STARTS_A_DAY * units.MONTH_DAYS)
    wakes = bool(function.pollers or function.runs_a_month)
    polls = Decimal(units.long_polls(function.pollers, units.MONTH_DAYS))
    return {
        "sqs-idle" if function.ordered else "sqs-standard-idle": polls,
        "lambda-gb-second": starts * units.gb_seconds(function.memory_mb, durations.COLD_START_MS) * wakes,
    }


def _fixed(stacks: Stacks, day: Day) -> Quantities:
    pieces = {item: Decimal(count) for item, count in stacks.pieces.items()}
    # Kept for a minute, and asked for where an order is placed; under a key of our own it is opened each time.
    readings = min(day.orders, day.minutes) * month_of(day.minutes)
    secrets = pieces.get("secret", NOTHING) * readings
    return pieces | {
        "metric": own_metrics(stacks, day),
        "key-call": stacks.key_calls + secrets * ("secretsmanager" in stacks.keyed) + stacks.opened * readings,
        "secret-call": secrets,
        "schedule": Decimal(stacks.schedules),
        "transition": Decimal(stacks.transitions),
        "http-request": Decimal(HTTP_REQUESTS),
        "athena-tb": Decimal(QUERIES * QUERY_BYTES) / TB,
        "image-gb": IMAGES_GB * IMAGE_VERSIONS,
    }


def own_metrics(stacks: Stacks, day: Day) -> Decimal:
    """Return the custom metrics of a month: those that functions are told to write, or all, each for its hours.

    One that the day did not have is billed whole, except the metrics of faults, which a good day lacks.
    """
    lists = [function.metrics for function in stacks.functions.values() if function.metrics is not None]
    names = {name for listed in lists for name in listed} if lists else set(day.metric_hours)
    return sum((_share(name, day) for name in names), NOTHING)


def _share(name: str, day: Day) -> Decimal:
    if name not in day.metric_hours:
        return NOTHING if name in SILENT else Decimal(1)
    return min(Decimal(1), Decimal(day.metric_hours[name] * 60) / day.minutes)


def _aged(stacks: Stacks, months: int) -> Quantities:
    """Return the costs that grow with a stage's age, besides its records: days that a query reads, rotated keys."""
    turns = min(KEY_TURNS_MAX, months // YEAR_MONTHS) * stacks.pieces.get("key", 0)
    return {"s3-put": Decimal(QUERIES * QUERY_TABLES * months * units.MONTH_DAYS), "key": Decimal(turns)}


def _stored(day: Day, months: int) -> Quantities:
    a_day = Decimal(DAY_MINUTES) / day.minutes
    days = months * units.MONTH_DAYS
    lasting = {place: size * a_day * days for place, size in day.stored.items()}
    tables = sum((size for place, size in lasting.items() if place not in BUCKETS), NOTHING)
    tables += sum((size * a_day for size in day.passing.values()), NOTHING)
    buckets = sum((size for place, size in lasting.items() if place in BUCKETS), NOTHING)
    return {"dynamodb-gb": tables / GB, "dynamodb-recovery-gb": tables / GB, "s3-gb": buckets / GB}
