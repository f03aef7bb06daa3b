"""The entries `[alerts.<channel>]` of a desk file: what a channel is told of, and when it is not to be disturbed."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from fanfold.alerts.quiet_hours import QuietHours
from fanfold.codes import Code
from fanfold.errors import BadInput, near

SEVERITIES = ("info", "warning", "critical")
Severity = Literal["info", "warning", "critical"]


class AlertChannel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel that people read. Its address is a secret, and no part of this file: see [alerts](alerts.md)."""

    lowest: Annotated[
        Severity, msgspec.Meta(description="The lowest severity that is sent to the channel: `info` is everything")
    ] = "warning"
    after_s: Annotated[
        int,
        msgspec.Meta(
            description="Tell the channel only of what is neither over nor acknowledged so long after it began; "
            "0 tells it at once"
        ),
    ] = 0
    repeat_s: Annotated[
        int, msgspec.Meta(description="Count what happens again within this time, and tell it once at its end")
    ] = 3600
    quiet: Annotated[
        str,
        msgspec.Meta(description="Hours of UTC in which the channel is sent nothing, such as `22:00-06:00`"),
    ] = ""
    breaks: Annotated[Severity, msgspec.Meta(description="The lowest severity that is sent in the quiet hours too")] = (
        "critical"
    )
    fill_notional_min: Annotated[
        Decimal, msgspec.Meta(description="Tell of fills of at least this notional; 0 is of none")
    ] = Decimal(0)
    refusals: Annotated[list[str], msgspec.Meta(description="Codes of the refusals to tell of; `*` is every code")] = (
        msgspec.field(default_factory=lambda: ["DAILY_LOSS", "DRAWDOWN", "FROZEN"])
    )
    report: Annotated[
        bool, msgspec.Meta(description="Whether the channel gets the daily report with a picture of equity")
    ] = False


def rank(severity: str) -> int:
    """Return the place of a severity among all, the mildest being 0."""
    return SEVERITIES.index(severity)


def mistakes(channel: AlertChannel) -> Iterator[str]:
    """Yield what is wrong with a channel beyond the types of its keys."""
    try:
        QuietHours.of(channel.quiet)
    except BadInput as wrong:
        yield str(wrong)
    for code in channel.refusals:
        if code != "*" and code not in Code.__members__:
            yield f"`refusals` names {code!r}, which is no risk code{near(code, list(Code.__members__))}"
