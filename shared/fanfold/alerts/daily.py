"""The daily report: what each account earned and did, as an alert of the day, told to the channels that want it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from fanfold.alerts.anomalies import DAY_S, Hour
from fanfold.alerts.record import Alert
from fanfold.money import money, places_of

REPORT = "report "


def report_of(
    day: str, begins_s: int, hours: Mapping[str, Sequence[Hour]], close: str, channels: tuple[str, ...]
) -> Alert:
    """Return the report of a day for channels, from the hours of its accounts.

    ``close`` says what became of the daily close.
    """
    lines = [_of_account(name, own, begins_s) for name, own in sorted(hours.items())]
    return Alert(
        id=f"{REPORT}{day}", key=f"{REPORT}{day}", severity="info", title=f"The desk on {day}",
        text="\n".join([*lines, close]), at_s=begins_s + DAY_S, channels=channels,
    )  # fmt: skip


def _of_account(name: str, hours: Sequence[Hour], begins_s: int) -> str:
    of_day = [hour for hour in hours if begins_s <= hour.at_s < begins_s + DAY_S]
    before = [Decimal(hour.equity) for hour in hours if hour.equity and hour.at_s < begins_s]
    worth = [Decimal(hour.equity) for hour in of_day if hour.equity]
    counts = f"{sum(hour.fills for hour in of_day)} fills, {sum(hour.failed for hour in of_day)} orders failed"
    if not worth:
        return f"{name}: equity is unknown; {counts}"
    start = before[-1] if before else worth[0]
    change = f" ({(worth[-1] / start - 1) * 100:+.2f} %)" if start else ""
    now, lowest = (money(equity, places_of(start)) for equity in (worth[-1], min(worth)))
    return f"{name}: equity {now}{change}, lowest {lowest}; {counts}"
