"""What wakes market-data."""

from typing import Any

from fanfold.aws.function.sqs import consume
from market_data_service import wiring


def poll(event: dict[str, Any], context: object) -> dict[str, Any]:
    """On schedule: publish the bars that have closed at every venue since the last poll."""
    with wiring.runtime().watch.invocation(context):
        return {"bars": wiring.process().poller.poll(wiring.scheduled(event))}


def back_fill(event: dict[str, Any], context: object) -> dict[str, Any]:
    """In the back-fill: publish the first bars of a span, and answer what is left of it."""
    with wiring.runtime().watch.invocation(context):
        return wiring.back_fill(event)


def serve(event: dict[str, Any], context: object) -> dict[str, Any]:
    """SQS bars requested: publish the bars that a reader misses."""
    with wiring.runtime().watch.invocation(context):
        return consume(event, wiring.process().serve, wiring.runtime().edge)
