"""The bill of the page: the requests that its views were counted to make, and the units that each was measured to take.

Every request pays CloudFront, the HTTP API and a function; what differs is what the function reads.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from fanfold.cost import durations, units
from fanfold.cost.bill import GB, LINE_BYTES, METRICS_BYTES, Quantities
from fanfold.cost.prices import NOTHING

# A reader has the page open so long a day, where nobody says otherwise, in so many visits.
HOURS_A_DAY, VISITS_A_DAY = 2, 4
HOUR_MINUTES = 60
# The share of that time that a view is looked at, in percent.
VIEWS = {"desk": 60, "instrument": 15, "orders": 10, "risk": 10, "research": 2, "system": 3}
# A visit loads the page's files, of so many bytes, by so many requests that CloudFront hands on to the bucket.
FILES, FILES_BYTES = 5, 300_000
# The functions that answer, with their memory, as the services' files have them: the rest is audit's api.
API_MB, OTHER_MB = 512, 256
OTHERS = ("/limits", "/system", "/research")
# A visit wakes the api twice, side by side, and each of the others once.
STARTS_MB = 2 * API_MB + 2 * OTHER_MB
# What HTTP adds to a body, on its way to the reader.
HEADER_BYTES = 800


class ReadUse(msgspec.Struct, frozen=True):
    """A read: its calls to AWS by name, their units by price item, and the bytes of its body."""

    calls: dict[str, Decimal]
    units: dict[str, Decimal]
    body_bytes: int


class PathUse(msgspec.Struct, frozen=True):
    """The reads of a path in a process that has read nothing yet, once more was recorded, and while nothing was."""

    first: ReadUse
    anew: ReadUse
    unchanged: ReadUse


class Polls(msgspec.Struct, frozen=True):
    """Requests of a view for a path: those for what had changed, and those for what had not."""

    changed: int
    unchanged: int


Views = dict[str, dict[str, Polls]]


class PageUse(msgspec.Struct, frozen=True):
    """The requests of each view in so many ``minutes``, by profile, view and path, and what the paths take."""

    minutes: int
    profiles: dict[str, Views]
    paths: dict[str, PathUse]


def page_usage(use: PageUse, profile: str, hours_a_day: int = HOURS_A_DAY) -> Quantities:
    """Return the billed quantities of a month of a page that is open so long a day, at a stage of a profile."""
    views = use.profiles[profile]
    days = Decimal(units.MONTH_DAYS)
    quantities = _visits(days * VISITS_A_DAY)
    for view, percent in VIEWS.items():
        spans = days * hours_a_day * HOUR_MINUTES * percent / 100 / use.minutes
        for path, polls in views[view].items():
            reads = use.paths[path]
            _add(quantities, _requests(path, reads.anew), polls.changed * spans)
            _add(quantities, _requests(path, reads.unchanged), polls.unchanged * spans)
    # A visit opens each view once.
    for path in {path for paths in views.values() for path in paths}:
        _add(quantities, _requests(path, use.paths[path].first), days * VISITS_A_DAY)
    return quantities


def _visits(count: Decimal) -> Quantities:
    return {
        "cdn-request": count * FILES,
        "cdn-gb": count * FILES_BYTES / GB,
        "s3-get": count * FILES,
        "lambda-gb-second": count * units.gb_seconds(STARTS_MB, durations.COLD_START_MS),
    }


def _requests(path: str, read: ReadUse) -> Quantities:
    """Return the quantities of one request."""
    memory_mb = OTHER_MB if path in OTHERS else API_MB
    return {
        "cdn-request": Decimal(1),
        "cdn-gb": (read.body_bytes + HEADER_BYTES) / GB,
        "http-request": Decimal(1),
        "lambda-request": Decimal(1),
        "lambda-gb-second": units.gb_seconds(memory_mb, duration_ms(read, memory_mb)),
        "log-gb": (METRICS_BYTES + LINE_BYTES) / GB,
        **read.units,
    }


def duration_ms(read: ReadUse, memory_mb: int) -> Decimal:
    """Return how long a read takes by its calls; one that decodes files, at least what is not recorded takes."""
    waiting = sum(durations.CALL_MS.get(call, durations.OTHER_CALL_MS) * count for call, count in read.calls.items())
    cpu = durations.INVOCATION_CPU_MS + durations.CALL_CPU_MS * sum(read.calls.values())
    least = durations.UNRECORDED_MS if "s3 GetObject" in read.calls else NOTHING
    return max(least, waiting + durations.RUNTIME_MS + cpu * durations.slower(memory_mb))


def _add(quantities: Quantities, more: Mapping[str, Decimal], times: Decimal) -> None:
    for item, count in more.items():
        quantities[item] = quantities.get(item, NOTHING) + count * times
