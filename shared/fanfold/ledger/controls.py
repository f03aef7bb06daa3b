"""Trading states as operators set them: the change, its message and the remembered request in one commit."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from fanfold.errors import Backoff, Conflict, Refused, for_each_account, retry_on_conflict
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
from fanfold.ledger.store import INSIST_TRIES, LedgerStore, insist
from fanfold.ledger.trading_state import OrderPermissions, no_stricter
from fanfold.messages import TradingStateChanged

# The accounts that a halt left in a stricter state, and that state.
Left = Mapping[str, OrderPermissions]
# The end of a reason by which an account's day and peak began anew.
REARMED = "(re-armed: day and peak begin anew)"
# Where `setting` has the state.
STATE_AT = 0


class LedgerControls:
    """The ledger as the control API uses it."""

    def __init__(self, store: LedgerStore, backoff: Backoff) -> None:
        self._store = store
        self._backoff = backoff

    def permissions(self, account: str) -> OrderPermissions:
        """Return an account's trading state, and who set it."""
        return self._store.permissions(account)

    def remembered(self, principal: str, key: str) -> Remembered | None:
        """Return the request that was done under a key."""
        return self._store.remembered(principal, key)

    def halt(
        self, messages: Sequence[TradingStateChanged], remembering: Callable[[Left], Remembered], now: datetime
    ) -> Left:
        """Set the trading states, one account at a time, so that one whose books are busy holds up none.

        The request is done with the last. Return the accounts that were left in a stricter state; where all were,
        nothing is done, and nothing remembered. What fails at one account, or as changes are published, is raised once
        every other account had its turn: see ``for_each_account``.
        """
        own = {message.account: message for message in messages}
        left: dict[str, OrderPermissions] = {}
        done: list[TradingStateChanged] = []

        def set_one(account: str) -> None:
            message, last = own[account], len(done) + len(left) == len(own) - 1
            more = [RememberRequest(remembering(left), expiry_s(now))] if last else []
            stricter = set_state(self._store, [*setting(message), *more], message, self._backoff)
            if stricter is None:
                done.append(message)
                return
            left[account] = stricter
            if last and done:
                self._insist([RememberRequest(remembering(left), expiry_s(now))])

        try:
            for_each_account(list(own), set_one)
        finally:
            if done:
                self._store.publish(done)
        return left

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
            SetTradingState(message, pending.replaces),
            HoldMessage(message),
        ]
        if pending.rearm:
            changes.append(Rearm(message.account))
        self._insist(changes)
        self._store.publish([message])

    def _insist(self, changes: Sequence[Change]) -> None:
        insist(self._store, changes, self._backoff)


def setting(message: TradingStateChanged, replaces: str = "") -> list[Change]:
    """Return the changes of a halt: after it, a request to resume that was made before cannot be confirmed any more.

    ``replaces`` stands for what a message of a log does not say that is older than the field.
    """
    return [
        SetTradingState(message, replaces or message.replaces),
        HoldMessage(message),
        VoidResume(message.account),
    ]


class _LoosenedMeanwhile(Conflict):
    """The state that refused a command was replaced by one that does not, before it could be read."""


def set_state(
    store: LedgerStore, changes: Sequence[Change], message: TradingStateChanged, backoff: Backoff
) -> OrderPermissions | None:
    """Commit changes that begin with those of ``setting``; return the stricter state that was left in force, if any.

    It has no state where the account was never opened. Raises Refused where another expectation failed.
    """

    def attempt() -> OrderPermissions | None:
        try:
            insist(store, changes, backoff)
        except Refused as refused:
            left = store.permissions(message.account)
            if refused.failed != (STATE_AT,) and left.trading_state is not None:
                raise
            if left.trading_state in no_stricter(message.state):
                # Else the account would trade on, and its operator be told of a state that it is not in.
                raise _LoosenedMeanwhile("the trading state") from refused
            return left
        return None

    subject = f"the trading state of {message.account}"
    return retry_on_conflict(attempt, INSIST_TRIES, subject, backoff, lambda each: isinstance(each, _LoosenedMeanwhile))
