"""The rules by which AWS turns sizes, times and schedules into billed units."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fanfold.errors import BadInput

KB = 1_024
CHUNK = 64 * KB
WRITE = KB
READ = 4 * KB
HALF = Decimal("0.5")
MONTH_DAYS = 30
DAY_S = 86_400
LONG_POLL_S = 20
# What DynamoDB adds to each element of a list or a map, and to the list or map itself.
ELEMENT = 1
NESTED = 3
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) \S+\)")
_UNIT_S = {"minute": 60, "hour": 3_600, "day": DAY_S}


def chunks(size: int) -> int:
    """Return the requests that SNS or SQS bills for a payload of so many bytes."""
    return _parts(size, CHUNK)


def write_units(size: int, *, transactional: bool = False) -> int:
    """Return the write request units of an item of so many bytes."""
    return _parts(size, WRITE) * (2 if transactional else 1)


def read_units(size: int, *, consistent: bool = True, transactional: bool = False) -> Decimal:
    """Return the read request units of an item, or of a whole query; reading nothing costs one unit too."""
    return _parts(size, READ) * (Decimal(2) if transactional else Decimal(1) if consistent else HALF)


def gb_seconds(memory_mb: int, ms: Decimal) -> Decimal:
    """Return GB-seconds; Lambda bills whole milliseconds."""
    return Decimal(memory_mb) / KB * ms.to_integral_value(rounding="ROUND_CEILING") / 1_000


def long_polls(pollers: int, days: int) -> int:
    """Return the empty receives of a queue's mapping while nothing arrives."""
    return pollers * days * DAY_S // LONG_POLL_S


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return an item's size as DynamoDB counts it, from attribute values such as ``{"at": {"N": "12"}}``."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def runs_a_month(expression: str) -> int:
    """Return how often a schedule fires in thirty days. Raises BadInput for an expression of an unknown form."""
    if rate := _RATE.fullmatch(expression):
        return MONTH_DAYS * DAY_S // (int(rate[1]) * _UNIT_S[rate[2]])
    if cron := _CRON.fullmatch(expression):
        minutes, hours, _, _, weekdays = cron.groups()
        days = MONTH_DAYS if weekdays in {"?", "*"} else MONTH_DAYS // 7
        return _fields(minutes, 60) * _fields(hours, 24) * days
    raise BadInput(f"the schedule {expression!r} is neither rate(...) nor cron(...)")


def _fields(text: str, full: int) -> int:
    """Return the number of values in a field of a cron expression: ``*``, ``3``, ``1,2``, ``*/15``, ``1-5``."""
    if text == "*":
        return full
    span, _, step = text.partition("/")
    if step:
        first = 0 if span == "*" else int(span)
        return -(-(full - first) // int(step))
    first_text, _, last = span.partition("-")
    return int(last) - int(first_text) + 1 if last else len(span.split(","))


def _parts(size: int, part: int) -> int:
    if size < 0:
        raise BadInput(f"a size is never below zero, and this is {size}")
    return max(1, -(-size // part))


def _value_bytes(value: Mapping[str, Any]) -> int:  # noqa: PLR0911 - a kind each
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _number_bytes(content)
        case "B":
            return len(content)
        case "BOOL" | "NULL":
            return 1
        case "M":
            return NESTED + item_bytes(content) + ELEMENT * len(content)
        case "L":
            return NESTED + sum(_value_bytes(item) + ELEMENT for item in content)
    member = kind.removesuffix("S")
    return sum(_value_bytes({member: item}) for item in content)


def _number_bytes(text: str) -> int:
    """Return a byte for two significant digits, one more, and one for a sign."""
    digits = text.partition("e")[0].lstrip("-").replace(".", "").strip("0")
    return -(-len(digits) // 2) + 1 + text.startswith("-")
