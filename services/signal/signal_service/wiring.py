"""Signal's parts, built on first use."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from fanfold.aws.dynamodb.folds import FoldTable
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as build
from fanfold.aws.function.sqs import Arrived, verb_of
from fanfold.aws.sns import Topics
from fanfold.errors import BadInput
from fanfold.messages import group_of
from signal_service.fold import StrategyRunner
from signal_service.routes import ROUTES
from signal_service.settings import Settings, WebhookSettings

if TYPE_CHECKING:
    from fanfold.aws.function.secrets import Secret
    from signal_service.webhook import Receiver


class StrategyRunners:
    """The strategy runners by venue, each built when the venue's first bars arrive."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self._runtime = runtime
        self._settings = settings
        self._folders: dict[str, StrategyRunner] = {}
        self._topics = Topics(
            runtime.call,
            {"targets": settings.targets_topic, "bars-requested": settings.bars_requested_topic},
            runtime.watch.published,
        )

    def __call__(self, arrived: Arrived) -> None:
        verb = verb_of(ROUTES, arrived.message)
        getattr(self._folder(group_of(arrived.message)), verb)(arrived.message)

    def _folder(self, venue: str) -> StrategyRunner:
        if venue not in self._folders:
            desk = self._runtime.desk
            if venue not in desk.venues:
                raise BadInput(f"venue {venue!r} is not in the desk; it has {sorted(desk.venues)}")
            table = FoldTable(self._runtime.table(self._settings.folds_table), venue, desk.venues[venue].timeframe)
            self._folders[venue] = StrategyRunner(desk, venue, table, self._topics, self._runtime.backoff)
        return self._folders[venue]


@cache
def runtime() -> Runtime:
    return build(os.environ)


@cache
def folder() -> StrategyRunners:
    return StrategyRunners(runtime(), read(Settings, os.environ))


@cache
def receiver() -> "Receiver":
    """The webhook's verb; what it needs is loaded by the one function that is called by it."""
    from fanfold.aws.dynamodb.nonces import Nonces  # noqa: PLC0415
    from fanfold.aws.function.secrets import Secret  # noqa: PLC0415
    from signal_service.webhook import Receiver  # noqa: PLC0415

    own = read(WebhookSettings, os.environ)
    secret = Secret(runtime().call, own.webhook_secret, runtime().clock) if own.webhook_secret else None
    topics = Topics(runtime().call, {"targets": own.targets_topic}, runtime().watch.published)
    inbox = Nonces(runtime().table(own.folds_table))
    return Receiver(runtime().desk, lambda: _signing(secret), inbox, topics)


def _signing(secret: "Secret | None") -> list[bytes]:
    return [value.encode() for value in secret.values().values()] if secret else []


def webhook(event: dict[str, Any]) -> dict[str, Any]:
    return receiver().answer(event, runtime().clock())
