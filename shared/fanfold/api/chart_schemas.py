"""The queries and responses of the HTTP API that charts are drawn of."""

from decimal import Decimal
from typing import Annotated

import msgspec

BARS_MAX = 2_000
# Each day is a listing of the lake and its files: what a request reads is bounded.
DAYS_MAX = 31
# The last second of the year 9999.
MOMENT_MAX = 253_402_300_799


class BarsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bars of an instrument by a time in epoch seconds; without it the newest, without a timeframe the shortest."""

    instrument: str
    venue: str | None = None
    timeframe: str | None = None
    until: Annotated[int, msgspec.Meta(ge=0, le=MOMENT_MAX)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=BARS_MAX)] = 500


class EquityQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The equity of an account on the newest UTC day, or from some days before it on."""

    account: str
    days: Annotated[int, msgspec.Meta(ge=1, le=DAYS_MAX)] = 1


class BarColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Bars oldest first, in quote units; ``at`` are their closes in epoch seconds.

    They are all that close after ``since``: older ones are found with it as ``until``.
    """

    venue: str
    instrument: str
    timeframe: str
    since: int
    at: list[int]
    open: list[Decimal]
    high: list[Decimal]
    low: list[Decimal]
    close: list[Decimal]
    volume: list[Decimal]


class InstanceResult(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a strategy instance at the times of its account: what it added since the first, after fees."""

    instance: str
    result: list[Decimal]


class ValuedPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A position at its last close; ``mark`` is null where no bar of it is known, and its value then 0."""

    instance: str
    instrument: str
    quantity: Decimal
    cost: Decimal
    mark: Decimal | None
    value: Decimal


class AccountEquity(msgspec.Struct, frozen=True, kw_only=True):
    """An account's equity over time, in its currency; ``at`` are closes in epoch seconds.

    ``day_result`` is what it added since the last UTC midnight, ``drawdown`` the share by which it is below its highest
    in the span, and ``deepest`` where that was deepest; both are 0 or less. ``gross`` and ``net`` sum the positions.
    """

    account: str
    currency: str
    start: Decimal
    equity_now: Decimal
    day_result: Decimal
    drawdown: float
    deepest: float
    gross: Decimal
    net: Decimal
    at: list[int]
    equity: list[Decimal]
    instances: list[InstanceResult]
    positions: list[ValuedPosition]
