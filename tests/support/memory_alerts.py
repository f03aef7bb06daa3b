"""Stored alerts in memory, for a desk in one process."""

from collections.abc import Iterable

import msgspec

from fanfold.alerts.record import AlertRecord
from fanfold.errors import Conflict


class MemoryAlerts:
    """The records by key."""

    def __init__(self) -> None:
        self._records: dict[str, AlertRecord] = {}

    def get(self, key: str) -> AlertRecord | None:
        return self._records.get(key)

    def put(self, record: AlertRecord) -> None:
        before = self._records.get(record.key)
        if (before.version if before else 0) != record.version:
            raise Conflict(f"the alert {record.key} has changed")
        self._records[record.key] = msgspec.structs.replace(record, version=record.version + 1)

    def all(self, *, consistent: bool = True) -> Iterable[AlertRecord]:
        return list(self._records.values())
