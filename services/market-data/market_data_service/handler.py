"""The Lambda handlers of market-data."""

from typing import Any

from fanfold.aws.function.sqs import consume
from market_data_service import wiring


def poll(event: dict[str, Any], context: object) -> dict[str, Any]:
    """On schedule: publish the bars that have closed at every venue since the last poll."""
    with wiring.runtime().watch.invocation(context):
        return {"bars": wiring.process().poller.poll(wiring.scheduled(event))}


def back_fill(event: dict[str, Any], context: object) -> dict[str, Any]:
    """In the back-fill's state machine: publish the first bars of a span, and return the rest of the span."""
    with wiring.runtime().watch.invocation(context):
        return wiring.back_fill(event)


def serve(event: dict[str, Any], context: object) -> dict[str, Any]:
    """SQS bars-requested: publish the bars that a reader is missing."""
    with wiring.runtime().watch.invocation(context):
        return consume(event, wiring.process().serve, wiring.runtime().edge)
