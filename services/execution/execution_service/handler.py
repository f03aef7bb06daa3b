"""The Lambda handlers of execution."""

from typing import Any

from execution_service import wiring
from fanfold.aws.function.sqs import consume, filtered


def execute(event: dict[str, Any], context: object) -> dict[str, Any]:
    """SQS approved orders, bars, trading states: place orders, match those on paper, cancel what a state bars."""
    with wiring.runtime().watch.invocation(context):
        edge = wiring.runtime().edge
        return consume(event, filtered("execution", wiring.process().execute, edge), edge)


def sweep(event: dict[str, Any], context: object) -> dict[str, Any]:
    """On schedule: publish what a crash has left in the outbox, and leave no order alone.

    Invoked with ``reconcile``, an account's name, it reconciles that live account alone, as an operator wants; with
    ``orders`` of an ``account``, it takes a step of their plan, as the state machine of order plans wants.
    """
    with wiring.runtime().watch.invocation(context):
        return wiring.process().scheduled(event)


def fills(event: dict[str, Any], context: object) -> dict[str, Any]:
    """HTTP API: fills of a live account from outside, proven by their signature."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().fills(event)
