"""Trading states as operators set them: the change, its message and the remembered request in one commit."""

from collections.abc import Sequence
from datetime import datetime

from fanfold.errors import Backoff
from fanfold.ledger.changes import (
    AwaitResume,
    Change,
    HoldMessage,
    Rearm,
    RememberRequest,
    SetTradingState,
    SpendResume,
    VoidResume,
)
from fanfold.ledger.requests import PendingResume, Remembered, expiry_s
from fanfold.ledger.store import LedgerStore, insist
from fanfold.messages import TradingState, TradingStateChanged

# The end of a reason by which an account's day and peak began anew.
REARMED = "(re-armed: day and peak begin anew)"


class LedgerControls:
    """The ledger as the control API uses it."""

    def __init__(self, store: LedgerStore, backoff: Backoff) -> None:
        self._store = store
        self._backoff = backoff

    def state(self, account: str) -> TradingState | None:
        """Return an account's trading state, None where it was never opened."""
        return self._store.permissions(account).trading_state

    def remembered(self, principal: str, key: str) -> Remembered | None:
        """Return the request that was done under a key."""
        return self._store.remembered(principal, key)

    def halt(self, messages: Sequence[TradingStateChanged], request: Remembered, now: datetime) -> None:
        """Set the trading states, one account at a time, so that one whose books are busy holds up none.

        The request is done with the last.
        """
        for message in messages:
            changes = setting(message)
            if message is messages[-1]:
                changes.append(RememberRequest(request, expiry_s(now)))
            self._insist(changes)
            self._store.publish([message])

    def pending(self, account: str) -> PendingResume | None:
        """Return the request to resume that waits for its confirmation."""
        return self._store.pending_resume(account)

    def ask(self, pending: PendingResume, request: Remembered, now: datetime) -> None:
        """Let a request to resume wait for its confirmation."""
        self._insist([RememberRequest(request, expiry_s(now)), AwaitResume(pending, expiry_s(now))])

    def resume(self, message: TradingStateChanged, pending: PendingResume, request: Remembered, now: datetime) -> None:
        """Resume an account. Of two that come back with one confirmation, one passes; the other raises Conflict."""
        changes: list[Change] = [
            RememberRequest(request, expiry_s(now)),
            SpendResume(pending, expiry_s(now)),
            SetTradingState(message),
            HoldMessage(message),
        ]
        if pending.rearm:
            changes.append(Rearm(message.account))
        self._insist(changes)
        self._store.publish([message])

    def _insist(self, changes: Sequence[Change]) -> None:
        insist(self._store, changes, self._backoff)


def setting(message: TradingStateChanged) -> list[Change]:
    """Return the changes of a halt: after it, a request to resume that was made before cannot be confirmed any more."""
    return [SetTradingState(message), HoldMessage(message), VoidResume(message.account)]
