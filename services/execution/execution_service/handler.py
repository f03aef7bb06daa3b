"""The Lambda handlers of execution."""

from typing import Any

from execution_service import wiring
from fanfold.aws.function.sqs import consume


def execute(event: dict[str, Any], context: object) -> dict[str, Any]:
    """SQS approved orders, bars, trading states: place orders, match those on paper, cancel what a state bars."""
    with wiring.runtime().watch.invocation(context):
        return consume(event, wiring.process().execute, wiring.runtime().edge)


def sweep(event: dict[str, Any], context: object) -> dict[str, Any]:
    """On schedule: publish what a crash has left in the outbox, and leave no order alone.

    Invoked with ``accept``, an account's name, it takes the balances of the account's venue for right instead.
    """
    with wiring.runtime().watch.invocation(context):
        return wiring.process().accept(event) if "accept" in event else wiring.process().sweep()
