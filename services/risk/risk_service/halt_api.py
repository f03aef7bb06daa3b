"""Halt and resume over HTTP: a halt takes one person, a resume takes two, or one and a delay."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from fanfold import ids
from fanfold.api.control_schemas import HaltAnswer, HaltRequest, LeftAccount, ResumeAnswer, ResumeRequest
from fanfold.api.idempotency import digest_of, key_of, stored_reply
from fanfold.api.problems import Problem, bad_request, not_found
from fanfold.api.requests import CHAT, ApiRequest, decode_body
from fanfold.api.router import Reply, serve
from fanfold.desk import Desk
from fanfold.errors import Conflict
from fanfold.ledger.controls import Left
from fanfold.ledger.requests import PendingResume, Remembered
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import TradingState, TradingStateChanged
from fanfold.operators.persons import may_be_one
from risk_service.control import bounded, rearming

OWN_DELAY = timedelta(minutes=15)
VALID = timedelta(hours=1)
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Controls(Protocol):
    """The ledger's trading states; each change is one transaction with its messages and the request that is remembered.

    A change raises Conflict where the request was done before, or the pending request to resume does not exist any
    more.
    """

    def permissions(self, account: str) -> OrderPermissions: ...

    def remembered(self, principal: str, key: str) -> Remembered | None: ...

    def halt(
        self, messages: Sequence[TradingStateChanged], remembering: Callable[[Left], Remembered], now: datetime
    ) -> Left: ...

    def pending(self, account: str) -> PendingResume | None: ...

    def ask(self, pending: PendingResume, request: Remembered, now: datetime) -> None: ...

    def resume(
        self, message: TradingStateChanged, pending: PendingResume, request: Remembered, now: datetime
    ) -> None: ...


def answer(event: dict[str, Any], desk: Desk, controls: Controls, now: datetime) -> dict[str, Any]:
    """Respond to an HTTP API event."""
    commands = Control(desk, controls, now)
    return serve(
        event,
        {
            "halt": lambda request, _query: _once(request, controls, commands.halt),
            "resume": lambda request, _query: _once(request, controls, commands.resume),
            "page_halt": lambda request, _query: _once(request, controls, commands.halt),
            "page_resume": lambda request, _query: _once(request, controls, commands.resume),
        },
    )


class Control:
    """The commands, each for a request that was not done yet."""

    def __init__(self, desk: Desk, controls: Controls, now: datetime) -> None:
        self._desk = desk
        self._controls = controls
        self._now = now

    def halt(self, request: ApiRequest) -> Reply:
        wanted = decode_body(request, HaltRequest)
        state = TradingState(wanted.state)
        opened = self._opened(wanted.accounts)
        reason = _reason(wanted.reason)
        messages = [
            self._message(request, before, account, state, reason, before.named_by(wanted.replaces))
            for account, before in opened.items()
        ]

        def answer(left: Left) -> HaltAnswer:
            accounts = [account for account in opened if account not in left]
            kept = [_left(account, state, stricter) for account, stricter in left.items()]
            return HaltAnswer(state=state, accounts=accounts, reason=reason, actor=request.principal, left=kept)

        left = self._controls.halt(messages, lambda left: _remembering(request, 200, answer(left)), self._now)
        if len(left) == len(opened):
            texts = [f"account {account} {stricter.instead_of(state)}" for account, stricter in left.items()]
            raise Problem(409, "stricter-state", "; ".join(texts))
        return Reply(answer(left))

    def resume(self, request: ApiRequest) -> Reply:
        wanted = decode_body(request, ResumeRequest)
        ((account, before),) = self._opened([wanted.account]).items()
        if wanted.confirmation is None and not wanted.rearm:
            _check_halted(account, before)
        act = self._ask if wanted.confirmation is None else self._confirm
        return act(request, wanted, before)

    def _ask(self, request: ApiRequest, wanted: ResumeRequest, before: OrderPermissions) -> Reply:
        confirmation = ids.derive("resume", wanted.account, request.principal, key_of(request), self._now.isoformat())
        pending = PendingResume(
            account=wanted.account,
            confirmation=confirmation,
            principal=request.principal,
            reason=_reason(wanted.reason),
            asked_at=self._now,
            rearm=wanted.rearm,
            replaces=before.change,
        )
        body = _resume_answer(pending, active=False)
        self._controls.ask(pending, _remembering(request, 202, body), self._now)
        return Reply(body, 202)

    def _confirm(self, request: ApiRequest, wanted: ResumeRequest, before: OrderPermissions) -> Reply:
        pending = self._controls.pending(wanted.account)
        if pending is None or pending.confirmation != wanted.confirmation or self._now > pending.asked_at + VALID:
            raise Problem(
                409,
                "no-such-confirmation",
                "nothing waits for this confirmation: it was used, ran out, or the account was halted after it; "
                f"ask to resume again. {wanted.account} {before.in_force}",
            )
        if not pending.rearm:
            _check_halted(wanted.account, before)
        if may_be_one(self._desk.chat, request.principal, pending.principal):
            self._check_alone(request, pending.asked_at + OWN_DELAY - self._now)
        reason = f"{_reason(wanted.reason)} (asked: {pending.reason})"
        reason = rearming(reason) if pending.rearm else reason
        message = self._message(request, before, wanted.account, TradingState.ACTIVE, reason, pending.replaces)
        body = _resume_answer(pending, active=True)
        self._controls.resume(message, pending, _remembering(request, 200, body), self._now)
        return Reply(body)

    def _check_alone(self, request: ApiRequest, wait: timedelta) -> None:
        """Raise Problem for who may confirm their own request: never from a chat, else not before the delay."""
        if request.authority == CHAT:
            raise Problem(
                403,
                "second-person-needed",
                "another person has to confirm, from a chat never the same; whose a role or a sign-in is, `principals` "
                "of the desk file says",
            )
        if wait > timedelta(0):
            seconds = str(int(wait.total_seconds()) + 1)
            raise Problem(
                403,
                "second-person-needed",
                f"another principal may confirm now, you in {seconds} s",
                {"retry-after": seconds},
            )

    def _opened(self, named: list[str]) -> dict[str, OrderPermissions]:
        """Return the named accounts, or all opened ones, as they are. Raises Problem for one that does not exist."""
        wanted = sorted(set(named)) or sorted(self._desk.accounts)
        unknown = [account for account in wanted if account not in self._desk.accounts]
        if unknown:
            raise not_found(f"account {unknown[0]!r} is not in the desk")
        before = {account: self._controls.permissions(account) for account in wanted}
        opened = {account: each for account, each in before.items() if each.trading_state is not None}
        if not opened or (named and len(opened) < len(wanted)):
            raise Problem(409, "not-opened", "an account that was never opened does not trade and cannot be halted")
        return opened

    def _message(
        self,
        request: ApiRequest,
        before: OrderPermissions,
        account: str,
        state: TradingState,
        reason: str,
        replaces: str,
    ) -> TradingStateChanged:
        return TradingStateChanged(
            id=ids.derive("halt", account, state, request.principal, key_of(request)),
            cause=f"operator/{request.principal}",
            at=before.after(self._now),
            account=account,
            state=state,
            reason=reason,
            actor=request.principal,
            replaces=replaces,
        )


def _left(account: str, wanted: TradingState, stricter: OrderPermissions) -> LeftAccount:
    return LeftAccount(
        account=account,
        state=str(stricter.trading_state),
        actor=stricter.actor,
        change=stricter.change,
        detail=stricter.instead_of(wanted),
    )


def _once(request: ApiRequest, controls: Controls, act: Callable[[ApiRequest], Reply]) -> Reply:
    key = key_of(request)
    known = controls.remembered(request.principal, key)
    if known is not None:
        return stored_reply(known, request)
    try:
        return act(request)
    except Conflict as conflict:
        known = controls.remembered(request.principal, key)
        if known is not None:
            return stored_reply(known, request)
        raise Problem(409, "conflict", "another command came first; look at the status and decide anew") from conflict


def _remembering(request: ApiRequest, status: int, body: msgspec.Struct) -> Remembered:
    return Remembered(
        principal=request.principal,
        key=key_of(request),
        digest=digest_of(request),
        status=status,
        body=_encode(body).decode(),
    )


def _check_halted(account: str, before: OrderPermissions) -> None:
    """Raise Problem for an account that trades. One that is re-armed may: a broken loss limit leaves it ACTIVE."""
    if before.trading_state is TradingState.ACTIVE:
        raise Problem(409, "not-halted", f"account {account} trades already")


def _resume_answer(pending: PendingResume, *, active: bool) -> ResumeAnswer:
    return ResumeAnswer(
        account=pending.account,
        state="ACTIVE" if active else "PENDING",
        confirmation=pending.confirmation,
        own_from=pending.asked_at + OWN_DELAY,
        until=pending.asked_at + VALID,
    )


def _reason(text: str) -> str:
    if not text.strip():
        raise bad_request("the reason is blank; it goes into the audit chain")
    return bounded(text.strip())
