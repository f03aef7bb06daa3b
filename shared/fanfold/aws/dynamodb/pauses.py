"""The pauses that venues demanded, stored for all processes of a service: one item for each venue."""

from contextlib import suppress
from typing import NamedTuple

from fanfold.aws.dynamodb.attribute_values import integer
from fanfold.aws.dynamodb.table import Key, Table
from fanfold.errors import Conflict

# A pause that is over may be forgotten.
KEPT_S = 86_400


class VenuePause(NamedTuple):
    """The pause of one venue, in epoch seconds; see fanfold.venues.ccxt.pace.SharedPauses."""

    table: Table
    venue: str

    def until(self) -> int:
        item = self.table.get(self._key)
        return integer(item["held_until_s"]) if item else 0

    def store(self, until: int) -> None:
        item = {"held_until_s": until, "expires_at_s": until + KEPT_S}
        shorter = "attribute_not_exists(held_until_s) OR held_until_s < :until"
        # A longer one, of another process, stays.
        with suppress(Conflict):
            self.table.write([self.table.putting(self._key, item, shorter, {":until": until})])

    @property
    def _key(self) -> Key:
        return f"venue#{self.venue}", "pause"
