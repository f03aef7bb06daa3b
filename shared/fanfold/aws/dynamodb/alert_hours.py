"""The hours of accounts, from which anomalies are told and equity is drawn: an item an hour, added to as reports come.

A report that is delivered twice is counted twice: the figures are for rules that look at hundreds.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import takewhile
from typing import Any

from fanfold.alerts.anomalies import HOUR_S, Hour
from fanfold.aws.dynamodb.attribute_values import integer
from fanfold.aws.dynamodb.table import Table, sort_key

KEPT = timedelta(days=40)
_COUNTS = ("filled", "failed", "fills", "reports", "latency_ms")


class DynamoHours:
    """The hours of a stage's accounts, in the table of alerts."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, account: str, hour: Hour) -> None:
        """Add the counts of an hour to those that are stored, and replace its equity where it has one."""
        counts = {name: getattr(hour, name) for name in _COUNTS}
        values: dict[str, Any] = {f":{name}": count for name, count in counts.items()}
        begins_s = hour.at_s // HOUR_S * HOUR_S
        equity = ", equity = :equity" if hour.equity else ""
        added = ", ".join(f"{name} :{name}" for name in counts)
        values[":expires"] = begins_s + int(KEPT.total_seconds())
        if hour.equity:
            values[":equity"] = hour.equity
        key = (_partition(account), f"{begins_s:012d}")
        self._table.write([self._table.updating(key, f"SET expires_at_s = :expires{equity} ADD {added}", values)])

    def since(self, account: str, since_s: int) -> Sequence[Hour]:
        """Return the hours that began no earlier, oldest first; the newest may be as it was a moment ago."""
        newest = map(_hour, self._table.newest(_partition(account), "", page=200, consistent=False))
        return list(takewhile(lambda hour: hour.at_s >= since_s, newest))[::-1]


def _partition(account: str) -> str:
    return f"hours#{account}"


def _hour(item: dict[str, Any]) -> Hour:
    counts = {name: integer(item.get(name, 0)) for name in _COUNTS}
    return Hour(at_s=int(sort_key(item)), equity=item.get("equity", ""), **counts)
