"""The pauses that venues demanded, stored for all processes of a service: one item for each venue."""

from contextlib import suppress
from typing import NamedTuple

from fanfold.aws.dynamodb.attribute_values import integer
from fanfold.aws.dynamodb.table import Key, Table
from fanfold.errors import Conflict

# A pause that is over may be forgotten.
KEPT_S = 86_400


class PauseTable:
    """See execution_service.quotes.Pauses."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def until(self, venue: str) -> int:
        item = self._table.get(_key(venue))
        return integer(item["held_until_s"]) if item else 0

    def store(self, venue: str, until: int) -> None:
        item = {"held_until_s": until, "expires_at_s": until + KEPT_S}
        shorter = "attribute_not_exists(held_until_s) OR held_until_s < :until"
        # A longer one, of another process, stays.
        with suppress(Conflict):
            self._table.write([self._table.putting(_key(venue), item, shorter, {":until": until})])


class VenuePause(NamedTuple):
    """The pause of one venue; see fanfold.venues.ccxt.pace.SharedPauses."""

    table: PauseTable
    venue: str

    def until(self) -> int:
        return self.table.until(self.venue)

    def store(self, until: int) -> None:
        self.table.store(self.venue, until)


def _key(venue: str) -> Key:
    return f"venue#{venue}", "pause"
