"""The Lambda handlers of audit."""

from typing import Any

from audit_service import wiring
from fanfold.aws.function.sqs import consume_batch


def record(event: dict[str, Any], context: object) -> dict[str, Any]:
    """SQS everything: write each message once to the chain of its stream, and to the views."""
    with wiring.runtime().watch.invocation(context):
        return consume_batch(event, wiring.process().record, wiring.runtime().edge)


def flush(_event: dict[str, Any], context: object) -> dict[str, Any]:
    """On schedule: bring what was recorded since the last time into the lake."""
    with wiring.runtime().watch.invocation(context):
        return {"rows": wiring.process().flush()}


def compact(_event: dict[str, Any], context: object) -> dict[str, Any]:
    """In the daily close: make one sorted file of each past day's many."""
    with wiring.runtime().watch.invocation(context):
        return {"days": wiring.process().compact()}


def agenda(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Before the daily close: the day, its chains and accounts, and whether it is closed already."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().agenda(event)


def verify(event: dict[str, Any], context: object) -> dict[str, Any]:
    """In the daily close: the verdict on what came to one chain since the last."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().verify(event["stream"], event["day"])


def reconcile(event: dict[str, Any], context: object) -> dict[str, Any]:
    """In the daily close: one account's day, its fills held against its books."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().reconcile(event["account"], event["day"])


def report(event: dict[str, Any], context: object) -> dict[str, Any]:
    """At the end of the daily close: write the report of what the steps found."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().report(event)


def api(event: dict[str, Any], context: object) -> dict[str, Any]:
    """HTTP API: what audit recorded of the desk, for people and programs."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().api(event)
