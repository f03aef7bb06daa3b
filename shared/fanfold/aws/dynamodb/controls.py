"""Trading states as the HTTP API sets them: the change, its message and the remembered request in one transaction."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfold.api.idempotency import KEPT_S, Remembered
from fanfold.api.resuming import PendingResume
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.polls import rearming
from fanfold.aws.dynamodb.table import ABSENT, Key, Table, Write
from fanfold.messages import TradingState, TradingStateChanged

_pending = msgspec.json.Decoder(PendingResume).decode
_remembered = msgspec.json.Decoder(Remembered).decode


class LedgerControls:
    """The ledger as the control API uses it."""

    def __init__(self, table: Table, outbox: Outbox) -> None:
        self._table = table
        self._outbox = outbox

    def state(self, account: str) -> TradingState | None:
        """An account's trading state, None where it was never opened."""
        item = self._table.get(ledger.account_key(account))
        return TradingState(item["trading_state"]) if item else None

    def remembered(self, principal: str, key: str) -> Remembered | None:
        item = self._table.get(_request_key(principal, key))
        return _remembered(item["request"]) if item else None

    def halt(self, told: Sequence[TradingStateChanged], request: Remembered, now: datetime) -> None:
        # An account at a time, so that one whose books are busy holds up none; the request is done with the last.
        for number, one in enumerate(told, 1):
            writes = [
                ledger.halting(self._table, one.account, one),
                self._outbox.holding(one),
                ledger.forgetting_resume(self._table, one.account),
            ]
            if number == len(told):
                writes.append(self._remembering(request, now))
            self._table.insist(writes)
            self._outbox.publish([one])

    def pending(self, account: str) -> PendingResume | None:
        item = self._table.get(ledger.resume_key(account))
        return _pending(item["pending"]) if item.get("confirmation") else None

    def ask(self, pending: PendingResume, request: Remembered, now: datetime) -> None:
        item = {
            "pending": msgspec.json.encode(pending),
            "confirmation": pending.confirmation,
            "expires_at_s": int(now.timestamp()) + KEPT_S,
        }
        self._table.insist(
            [self._remembering(request, now), self._table.putting(ledger.resume_key(pending.account), item)]
        )

    def resume(self, told: TradingStateChanged, pending: PendingResume, request: Remembered, now: datetime) -> None:
        # Used up rather than deleted: of two that come back with it, the condition lets one through.
        spent = self._table.putting(
            ledger.resume_key(told.account),
            {"confirmation": "", "expires_at_s": int(now.timestamp()) + KEPT_S},
            "confirmation = :confirmation",
            {":confirmation": pending.confirmation},
        )
        writes = [
            self._remembering(request, now),
            spent,
            ledger.halting(self._table, told.account, told),
            self._outbox.holding(told),
        ]
        if pending.rearm:
            writes.append(rearming(self._table, told.account))
        self._table.insist(writes)
        self._outbox.publish([told])

    def _remembering(self, request: Remembered, now: datetime) -> Write:
        item = {"request": msgspec.json.encode(request), "expires_at_s": int(now.timestamp()) + KEPT_S}
        return self._table.putting(_request_key(request.principal, request.key), item, ABSENT)


def _request_key(principal: str, key: str) -> Key:
    return f"request#{principal}", key
