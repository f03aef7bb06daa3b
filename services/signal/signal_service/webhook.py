"""Accept signals from outside: verify the signature, accept each nonce once, and publish targets to risk."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from fanfold import ids
from fanfold.api.problems import Problem, bad_request, not_found
from fanfold.api.requests import ApiRequest, decode_body
from fanfold.api.router import Reply, serve
from fanfold.api.schemas import ExternalSignal, SignalTaken
from fanfold.api.webhooks import verify
from fanfold.desk import Desk
from fanfold.messages import Message, Target, Targets
from fanfold.signals.legs import protection_of
from fanfold.strategy.contract import EXTERNAL, Protected


class Inbox(Protocol):
    """The used nonces, each with its message; see fanfold.aws.dynamodb.nonces."""

    def claim(self, nonce: str, message: Targets, now: datetime) -> bool:
        """Store the nonce with its message. Return False if the nonce was used before."""

    def unpublished(self, nonce: str) -> Message | None:
        """Return the message of a used nonce if a crash may have prevented its publication, else None."""

    def published(self, nonce: str) -> None: ...


class SignalBus(Protocol):
    """The bus on which targets are published."""

    def publish(self, messages: Iterable[Message]) -> None: ...


class Receiver:
    """The verb of the webhook."""

    def __init__(self, desk: Desk, secrets: Callable[[], Sequence[bytes]], inbox: Inbox, bus: SignalBus) -> None:
        self._desk = desk
        self._secrets = secrets
        self._inbox = inbox
        self._bus = bus

    def answer(self, event: dict[str, Any], now: datetime) -> dict[str, Any]:
        """Respond to an HTTP API event."""
        return serve(event, {"external": lambda request, _query: self._take(request, now)})

    def _take(self, request: ApiRequest, now: datetime) -> Reply:
        # The body is not decoded before its signature is verified.
        nonce = verify(request.headers, request.body, self._secrets(), now.timestamp())
        message = self._targets(decode_body(request, ExternalSignal), nonce, now)
        if not self._inbox.claim(nonce, message, now):
            message = self._again(nonce, message)
        self._bus.publish([message])
        self._inbox.published(nonce)
        return Reply(SignalTaken(signal_id=message.targets[0].signal_id, message_id=message.id, at=message.at), 202)

    def _again(self, nonce: str, message: Targets) -> Targets:
        """Return the unpublished message of an earlier try with the same content. Raise Problem if it was published."""
        left = self._inbox.unpublished(nonce)
        if isinstance(left, Targets) and _said(left) == _said(message):
            return left
        raise Problem(409, "replayed", "this nonce was used; a new signal takes a new one")

    def _targets(self, signal: ExternalSignal, nonce: str, now: datetime) -> Targets:
        instance = self._desk.strategies.get(signal.instance)
        if instance is None or instance.strategy != EXTERNAL:
            raise not_found(f"{signal.instance!r} is no instance with strategy {EXTERNAL}")
        if signal.instrument not in instance.instruments:
            raise not_found(f"{signal.instrument!r} is no instrument of {signal.instance}")
        if signal.weight < 0 and self._desk.accounts[instance.account].kind == "spot":
            # Risk would refuse the whole order, also the part of it that closes what is held.
            raise bad_request(
                f"{signal.instance} trades in the account {instance.account}, which is spot and cannot be short: "
                "send a weight of 0 or more"
            )
        own = Protected(signal.weight, signal.stop, signal.take_profit, signal.trail)
        target = Target(
            signal_id=ids.derive("external", signal.instance, signal.instrument, nonce),
            instance=signal.instance,
            instrument=signal.instrument,
            timeframe=instance.timeframe,
            weight=signal.weight,
            **(own.shares() or protection_of(instance).shares()),
        )
        return Targets(
            id=ids.derive("external-targets", nonce, signal.instance, signal.instrument),
            cause=f"webhook/{nonce}",
            at=now,
            account=instance.account,
            poll_id="",
            targets=[target],
        )


def _said(message: Targets) -> tuple[object, ...]:
    return message.account, message.targets
