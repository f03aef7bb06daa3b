"""The Lambda handlers of alerts."""

from typing import Any

from alerts_service import wiring
from fanfold.aws.function.sqs import consume


def notify(event: dict[str, Any], context: object) -> dict[str, Any]:
    """SQS alarms, refusals, trading states and fills: tell channels what a person should know."""
    with wiring.runtime().watch.invocation(context):
        return consume(event, wiring.process().heed, wiring.edge())


def follow_up(_event: dict[str, Any], context: object) -> dict[str, Any]:
    """On schedule: tell what repeats, is over, was not taken by anybody, or was not told by a process that ended."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().follow_up()


def chat(event: dict[str, Any], context: object) -> dict[str, Any]:
    """HTTP API: a command from a chat, proven by its platform."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().chat(event)


def anomalies(_event: dict[str, Any], context: object) -> dict[str, Any]:
    """On schedule: tell where trading is not as in the days before, or stands, and where that is over."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().anomalies()


def daily_report(_event: dict[str, Any], context: object) -> dict[str, Any]:
    """On schedule: send the report of yesterday, with a picture of equity."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().daily_report()


def try_out(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Invoked by the console: tell a channel something, and return what became of it."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().try_out(event)
