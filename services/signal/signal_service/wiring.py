"""Signal's parts, built on first use."""

import os
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from fanfold.aws.dynamodb.folds import FoldTable
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as described
from fanfold.aws.function.sqs import Arrived, verb_of
from fanfold.aws.sns import Topics
from fanfold.errors import BadInput
from fanfold.messages import group_of
from signal_service.fold import StrategyRunner
from signal_service.routes import ROUTES
from signal_service.settings import Settings

if TYPE_CHECKING:
    from fanfold.aws.function.secrets import Secret
    from signal_service.webhook import Receiver


@cache
def runtime() -> Runtime:
    return described(os.environ)


class SignalProcess:
    """The parts of one process: a strategy runner for each venue, and the webhook's receiver."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.runtime = runtime
        self._settings = settings
        self._runners: dict[str, StrategyRunner] = {}

    @cached_property
    def _topics(self) -> Topics:
        arns = {"targets": self._settings.targets_topic, "bars-requested": self._settings.bars_requested_topic}
        return Topics(self.runtime.call, arns, self.runtime.watch.published)

    def runner(self, venue: str) -> StrategyRunner:
        """Return the runner of a venue's strategies. Raises BadInput for a venue that is not in the desk."""
        if venue not in self._runners:
            desk = self.runtime.desk
            if venue not in desk.venues:
                raise BadInput(f"venue {venue!r} is not in the desk; it has {sorted(desk.venues)}")
            table = FoldTable(self.runtime.table(self._settings.folds_table), venue, desk.venues[venue].timeframe)
            own = self.runtime
            self._runners[venue] = StrategyRunner(desk, venue, table, self._topics, own.backoff, own.clock)
        return self._runners[venue]

    def fold(self, arrived: Arrived) -> None:
        verb = verb_of(ROUTES, arrived.message)
        getattr(self.runner(group_of(arrived.message)), verb)(arrived.message)

    @cached_property
    def receiver(self) -> "Receiver":
        """Return the webhook's receiver; its parts are loaded by the one function that needs them."""
        from fanfold.aws.dynamodb.nonces import Nonces  # noqa: PLC0415
        from fanfold.aws.function.secrets import Secret  # noqa: PLC0415
        from signal_service.webhook import Receiver  # noqa: PLC0415

        name, runtime = self._settings.webhook_secret, self.runtime
        secret = Secret(runtime.call, name, runtime.clock) if name else None
        inbox = Nonces(runtime.table(self._settings.folds_table))
        return Receiver(runtime.desk, lambda: _signing(secret), inbox, self._topics)

    def webhook(self, event: dict[str, Any]) -> dict[str, Any]:
        return self.receiver.answer(event, self.runtime.clock())


def _signing(secret: "Secret | None") -> list[bytes]:
    return [value.encode() for value in secret.values().values()] if secret else []


def build(runtime: Runtime, settings: Settings) -> SignalProcess:
    """Build a process: two of them share nothing but the AWS resources that they call."""
    return SignalProcess(runtime, settings)


@cache
def process() -> SignalProcess:
    """Return the process that the environment describes."""
    return build(runtime(), read(Settings, os.environ))
