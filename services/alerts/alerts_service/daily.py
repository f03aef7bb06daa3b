"""The daily report of a desk, and the picture of equity that goes with it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from fanfold.alerts.anomalies import DAY_S, Hour
from fanfold.alerts.daily import report_of
from fanfold.alerts.equity_picture import equity_picture
from fanfold.alerts.record import Alert, Channels
from fanfold.audit.daily_report import DayReport

PICTURE_S = 40 * DAY_S


class StoredHours(Protocol):
    """The hours of accounts, oldest first."""

    def since(self, account: str, since_s: int) -> Sequence[Hour]: ...


class ClosedDays(Protocol):
    """The reports of daily closes."""

    def last(self, since: str) -> tuple[DayReport, bool] | None:
        """Return the newest report of a day or later ones, None where there is none."""


class DailyReports(NamedTuple):
    """The parts that reports are made of."""

    hours: StoredHours
    closes: ClosedDays
    accounts: Sequence[str]
    channels: Channels

    def of_yesterday(self, now_s: int) -> Alert | None:
        """Return the report of the day before, None where no channel wants one."""
        wanting = tuple(name for name, channel in self.channels.items() if channel.report)
        if not wanting:
            return None
        begins_s = now_s // DAY_S * DAY_S - DAY_S
        day = datetime.fromtimestamp(begins_s, UTC).date().isoformat()
        hours = {name: self.hours.since(name, begins_s - DAY_S) for name in self.accounts}
        return report_of(day, begins_s, hours, self._close_of(day), wanting)

    def _close_of(self, day: str) -> str:
        newest = self.closes.last(day)
        if newest is None or newest[0].day != day:
            return "The day is not closed yet."
        return "The day is closed." if newest[0].state == "closed" else "The day could not be closed."


def picture(hours: StoredHours, accounts: Sequence[str], now_s: int) -> bytes:
    """Return the picture of the accounts' equity, a value an hour."""
    lines = [hours.since(name, now_s - PICTURE_S) for name in sorted(accounts)]
    return equity_picture([[Decimal(hour.equity) for hour in line if hour.equity] for line in lines])
