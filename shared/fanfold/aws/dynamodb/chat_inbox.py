"""Commands of chats, each under its platform's id, and the flattenings that wait to be confirmed."""

from datetime import datetime

from fanfold.aws.dynamodb.attribute_values import unmarshal
from fanfold.aws.dynamodb.table import Key, Table
from fanfold.errors import Conflict

# A command is not carried out that is older than minutes; of a stranger the first of an hour is recorded.
KEPT_S = 7_200
CONFIRMED_WITHIN_S = 120


class ChatInbox:
    """See fanfold.chat.conversation.CommandInbox and fanfold.chat.actions.Flattenings."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, nonce: str, now: datetime) -> bool:
        item = {"answered": False, "expires_at_s": _seconds(now) + KEPT_S}
        new = "attribute_not_exists(answered) OR answered = :no"
        try:
            self._table.write([self._table.putting(_command(nonce), item, new, {":no": False})])
        except Conflict:
            return False
        return True

    def answered(self, nonce: str) -> None:
        self._table.write([self._table.updating(_command(nonce), "SET answered = :yes", {":yes": True})])

    def ask(self, person: str, code: str, words: str, account: str, now: datetime) -> None:
        item = {"code": code, "words": words, "account": account, "asked_at_s": _seconds(now)}
        self._table.write([self._table.putting(_flattening(person), item | {"expires_at_s": _seconds(now) + KEPT_S})])

    def spend(self, person: str, code: str, nonce: str, now: datetime) -> tuple[str, str] | None:
        mine = "(attribute_not_exists(spent_by) AND asked_at_s >= :oldest) OR spent_by = :nonce"
        values = {":code": code, ":nonce": nonce, ":oldest": _seconds(now) - CONFIRMED_WITHIN_S}
        try:
            stored = self._table.update_as_stored(
                _flattening(person), "SET spent_by = :nonce", values, f"code = :code AND ({mine})"
            )
        except Conflict:
            return None
        item = unmarshal(stored)
        return str(item["account"]), str(item["words"])


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _command(nonce: str) -> Key:
    return f"chat#{nonce}", "command"


def _flattening(person: str) -> Key:
    return f"chat#{person}", "flattening"
