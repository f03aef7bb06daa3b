"""The parts of alerts, built on first use; apprise is loaded where something is told."""

import os
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alerts_service.events import read_event
from alerts_service.rules import alerts_of
from alerts_service.settings import Settings
from fanfold.alerts import texts
from fanfold.alerts.record import Notice
from fanfold.alerts.sending import AlertSender
from fanfold.aws.dynamodb.alert_table import DynamoAlerts
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as described
from fanfold.aws.function.secrets import SecureParameter
from fanfold.aws.function.sqs import Arrived, SqsConsumer
from fanfold.channels.address_file import addresses_in
from fanfold.channels.addressed import AddressedChannels, Announcement

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
    """The parts of one process, and the verbs of its functions."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.runtime = runtime
        self._settings = settings

    @cached_property
    def sender(self) -> AlertSender:
        table, log = self.runtime.table(self._settings.alerts_table), self.runtime.watch.log
        return AlertSender(
            DynamoAlerts(table), self.runtime.desk.alerts, self._tell, self._now_s, self.runtime.backoff,
            lambda channel, reason: log.warning("a channel did not take an alert", channel=channel, reason=reason),
        )  # fmt: skip

    @cached_property
    def channels(self) -> AddressedChannels:
        """Return the channels with their addresses: of a laptop's file, or of the stage's SecureString."""
        own = self._settings.alert_addresses
        if own:
            return AddressedChannels(lambda: addresses_in(Path(own)), own)
        name = self._settings.channels_parameter
        secret = SecureParameter(self.runtime.call, name, self.runtime.clock)
        return AddressedChannels(secret.values_if_set, f"the SecureString {name}")

    def notify(self, arrived: Arrived) -> None:
        """Send the alerts of an event."""
        for alert in alerts_of(arrived.message, self.runtime.desk.alerts, self._now_s()):
            self.sender.send(alert)

    def follow_up(self) -> dict[str, Any]:
        """Tell what became due since; return how many alerts need somebody."""
        return {"open": self.sender.follow_up()}

    def _tell(self, notice: Notice) -> None:
        severity = "clear" if notice.kind == "all clear" else notice.record.severity
        announcement = Announcement(texts.title(notice), texts.body(notice), severity, thing=notice.record.key)
        self.channels.tell(notice.channel, announcement)

    def _now_s(self) -> int:
        return int(self.runtime.clock().timestamp())

    @cached_property
    def _chat(self) -> "ChatWebhook":
        """Return the chat's webhook; its parts are loaded by the one function that needs them."""
        from fanfold.aws import functions  # noqa: PLC0415
        from fanfold.aws.dynamodb.chat_inbox import ChatInbox  # noqa: PLC0415
        from fanfold.aws.sns import Topics  # noqa: PLC0415
        from fanfold.chat.webhook import ChatParts, connect  # noqa: PLC0415

        runtime, settings = self.runtime, self._settings
        parts = ChatParts(
            invoke=functions.invoker(runtime.call, settings.stage),
            inbox=ChatInbox(runtime.table(settings.alerts_table)),
            bus=Topics(runtime.call, {"orders": settings.orders_topic}, runtime.watch.published),
            alerts=DynamoAlerts(runtime.table(settings.alerts_table)).all,
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
