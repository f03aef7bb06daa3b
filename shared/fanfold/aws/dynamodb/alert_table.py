"""Stored alerts in DynamoDB: an item an alert, replaced only at the version that was read."""

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from fanfold.alerts.record import AlertRecord
from fanfold.aws.dynamodb.table import ABSENT, Table

# Nobody asks for an alert that is over, and of which nothing was heard for so long.
KEPT = timedelta(days=60)
_PARTITION = "alert"
# An item takes 400 KB; a text is a message's own, and may be long.
TEXT_MAX = 4_000


class DynamoAlerts:
    """The alerts of a stage."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, key: str) -> AlertRecord | None:
        item = self._table.get((_PARTITION, key))
        return _record(item["body"]) if item else None

    def put(self, record: AlertRecord) -> None:
        stored = msgspec.structs.replace(record, version=record.version + 1, text=record.text[:TEXT_MAX])
        item = {
            "version": stored.version,
            "body": msgspec.json.encode(stored).decode(),
        }
        if not record.lasts or record.ended_s:
            # What lasts stays until it has ended, whoever took it: an item without this attribute is not deleted.
            item["expires_at_s"] = int(record.last_s + KEPT.total_seconds())
        condition, values = ("version = :version", {":version": record.version}) if record.version else (ABSENT, None)
        self._table.write([self._table.putting((_PARTITION, record.key), item, condition, values)])

    def all(self, *, consistent: bool = True) -> Iterable[AlertRecord]:
        return (_record(item["body"]) for item in self._table.query(_PARTITION, consistent=consistent))


def _record(body: str) -> AlertRecord:
    return msgspec.json.decode(body, type=AlertRecord)
