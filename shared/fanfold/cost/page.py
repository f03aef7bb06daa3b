"""The bill of the page: what its polls cost in a month, from the units that each read was measured to take."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from fanfold.cost import units
from fanfold.cost.bill import Quantities

# A reader has the page open so long a day, where nobody says otherwise.
HOURS_A_DAY = 2
# Of a path that changes with each bar of a minute: two seconds after a change, then half as long again each time, up to
# fifteen; shared/web/desk/readings.js has the figures.
FIRST_S, GROWTH, LAST_S = Decimal(2), Decimal("1.5"), Decimal(15)
# Paths that are asked for at a pace of their own, in seconds.
PACES = {"/system": Decimal(30), "/refusals": Decimal(60)}
MEMORY_MB = 256
# As fanfold.cost.durations counts a read of DynamoDB, and a function's own work.
CALL_MS, OWN_MS = Decimal("5.2"), Decimal(1)
MINUTE_S, HOUR_MINUTES = Decimal(60), 60


class ReadUnits(NamedTuple):
    """The calls to AWS and the read units of DynamoDB that a path takes when it is asked for again."""

    calls: int
    read_units: Decimal


def polls_a_minute(path: str) -> Decimal:
    """Return how often a path is asked for in a minute whose bar changes it."""
    if path in PACES:
        return MINUTE_S / PACES[path]
    waited, pause, count = Decimal(0), FIRST_S, 0
    while waited < MINUTE_S:
        waited, pause, count = waited + pause, min(pause * GROWTH, LAST_S), count + 1
    return Decimal(count)


def page_usage(reads: Mapping[str, ReadUnits], hours_a_day: int = HOURS_A_DAY) -> Quantities:
    """Return the billed quantities of a month of a page that asks for these paths while it is open."""
    minutes = Decimal(units.MONTH_DAYS * hours_a_day * HOUR_MINUTES)
    polls = {path: polls_a_minute(path) * minutes for path in reads}
    requests = sum(polls.values(), Decimal(0))
    milliseconds = sum((polls[path] * (read.calls * CALL_MS + OWN_MS) for path, read in reads.items()), Decimal(0))
    return {
        "http-request": requests,
        "lambda-request": requests,
        "lambda-gb-second": units.gb_seconds(MEMORY_MB, milliseconds),
        "dynamodb-read": sum((polls[path] * read.read_units for path, read in reads.items()), Decimal(0)),
    }
