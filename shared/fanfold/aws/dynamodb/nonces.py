"""Nonces of webhooks: each is used once, and kept for longer than a signature is valid."""

from datetime import datetime

from fanfold.api.webhooks import WINDOW_S
from fanfold.aws.dynamodb.table import ABSENT, Key, Table
from fanfold.errors import Conflict
from fanfold.messages import Message, Targets, decode, encode

# Twice the window, for the sender's clock may be off to either side; DynamoDB deletes late, never early.
KEPT_S = 2 * WINDOW_S


class Nonces:
    """See signal_service.webhook.Inbox."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, nonce: str, message: Targets, now: datetime) -> bool:
        item = {"message": encode(message), "published": False, "expires_at_s": int(now.timestamp()) + KEPT_S}
        try:
            self._table.write([self._table.putting(_key(nonce), item, ABSENT)])
        except Conflict:
            return False
        return True

    def unpublished(self, nonce: str) -> Message | None:
        item = self._table.get(_key(nonce))
        return decode(item["message"]) if item and not item["published"] else None

    def published(self, nonce: str) -> None:
        self._table.write([self._table.updating(_key(nonce), "SET published = :yes", {":yes": True})])


def _key(nonce: str) -> Key:
    # No venue has such a name, so no fold is in this partition.
    return "webhook#nonces", nonce
