"""The parts of alerts, built on first use."""

import os
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from alerts_service.settings import Settings
from fanfold.alerts.alarms import read_event
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as described
from fanfold.aws.function.sqs import Arrived, SqsConsumer

if TYPE_CHECKING:
    from fanfold.chat.webhook import ChatWebhook


@cache
def runtime() -> Runtime:
    return described(os.environ)


@cache
def edge() -> SqsConsumer:
    """Return the consumer of the queue, which holds alarms beside the messages of topics."""
    return runtime().edge._replace(read=read_event)


class AlertsProcess:
    """The parts of one process."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.runtime = runtime
        self._settings = settings

    def notify(self, arrived: Arrived) -> None:
        self.runtime.watch.log.info("an event arrived", kind=type(arrived.message).__name__)

    @cached_property
    def _chat(self) -> "ChatWebhook":
        """Return the chat's webhook; its parts are loaded by the one function that needs them."""
        from fanfold.aws import functions  # noqa: PLC0415
        from fanfold.aws.dynamodb.chat_inbox import ChatInbox  # noqa: PLC0415
        from fanfold.aws.function.secrets import SecureParameter  # noqa: PLC0415
        from fanfold.aws.sns import Topics  # noqa: PLC0415
        from fanfold.chat.webhook import ChatParts, connect  # noqa: PLC0415

        runtime, settings = self.runtime, self._settings
        parts = ChatParts(
            invoke=functions.invoker(runtime.call, settings.stage),
            inbox=ChatInbox(runtime.table(settings.alerts_table)),
            bus=Topics(runtime.call, {"orders": settings.orders_topic}, runtime.watch.published),
            secrets=SecureParameter(runtime.call, settings.chat_parameter, runtime.clock).values_if_set,
        )
        return connect(runtime.desk, parts)

    def chat(self, event: dict[str, Any]) -> dict[str, Any]:
        return self._chat.answer(event, self.runtime.clock())


def build(runtime: Runtime, settings: Settings) -> AlertsProcess:
    """Build a process: two of them share nothing but the AWS resources that they call."""
    return AlertsProcess(runtime, settings)


@cache
def process() -> AlertsProcess:
    """Return the process that the environment describes."""
    return build(runtime(), read(Settings, os.environ))
