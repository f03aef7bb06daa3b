"""The Lambda handlers of signal."""

from typing import Any

from fanfold.aws.function.sqs import consume
from signal_service import wiring


def fold(event: dict[str, Any], context: object) -> dict[str, Any]:
    """SQS bars: fold each message, publish the targets of the bars that closed with it."""
    with wiring.runtime().watch.invocation(context):
        return consume(event, wiring.process().fold, wiring.runtime().edge)


def webhook(event: dict[str, Any], context: object) -> dict[str, Any]:
    """HTTP API: a signal from outside, proven by its signature."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().webhook(event)
