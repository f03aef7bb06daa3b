"""The Lambda handlers of risk."""

from typing import Any

from fanfold.aws.function.sqs import consume, filtered
from risk_service import wiring


def assess(event: dict[str, Any], context: object) -> dict[str, Any]:
    """SQS bars, targets and execution reports: decide when a poll is complete."""
    with wiring.runtime().watch.invocation(context):
        edge = wiring.runtime().edge
        return consume(event, filtered("risk", wiring.process().assess, edge), edge)


def control(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An operator's command: open an account, or set its trading state."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().control(event, context.aws_request_id)


def api_control(event: dict[str, Any], context: object) -> dict[str, Any]:
    """HTTP API: halt, and resume by two principals or after a delay."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().api_control(event)


def api_limits(event: dict[str, Any], context: object) -> dict[str, Any]:
    """HTTP API: return what is used of each limit."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().api_limits(event)


def sweep(_event: dict[str, Any], context: object) -> dict[str, Any]:
    """On schedule: publish what a crash has left in the outbox, and fail while a limit's parameter is refused."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().sweep()
