"""A recorded day of a desk: the calls of each function, in counts, so that a bill never depends on a clock."""

from decimal import Decimal

import msgspec


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """A day of one function.

    ``received`` are the 64 KB parts of what its queue delivered, ``deletes`` the requests to delete it after that,
    ``calls`` the AWS calls by "service Operation", ``units`` their billed units, ``bars`` the number that it read or
    published. ``keys`` counts, for each table or topic that it used, the lifetimes of a data key in which it did, by
    service.
    """

    invocations: int
    received: int
    deletes: int
    bars: int
    calls: dict[str, int]
    units: dict[str, Decimal]
    keys: dict[str, int]


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day of a desk, its functions by "service/function".

    ``stored`` are bytes that the day leaves for good in tables and buckets, ``passing`` byte-days of what expires.
    ``venues`` has the requests of one poll at each venue, ``minutes`` the number that were recorded, ``metric_hours``
    the number of its hours in which a custom metric had a value: CloudWatch bills it by the hour.
    """

    scenario: str
    minutes: int
    orders: int
    venues: list[int]
    metric_hours: dict[str, int]
    stored: dict[str, int]
    passing: dict[str, int]
    functions: dict[str, Activity]


def encode(day: Day) -> bytes:
    """Return a day as text that people can compare."""
    encoded = msgspec.json.encode(day, order="sorted")
    return msgspec.json.format(encoded, indent=1) + b"\n"


def decode(text: bytes) -> Day:
    """Return the day in a file. Raises BadInput with msgspec's own words where it is none."""
    return msgspec.json.decode(text, type=Day)
