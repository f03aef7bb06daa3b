"""The Lambda handlers of audit."""

from typing import Any

from audit_service import wiring
from fanfold.aws.function.sqs import consume_batch


def record(event: dict[str, Any], context: object) -> dict[str, Any]:
    """SQS everything: write each message once to the chain of its stream, and to the views."""
    with wiring.runtime().watch.invocation(context):
        return consume_batch(event, wiring.process().record, wiring.runtime().edge)


def flush(_event: dict[str, Any], context: object) -> dict[str, Any]:
    """On schedule: bring what was recorded since the last flush into the lake."""
    with wiring.runtime().watch.invocation(context):
        return {"rows": wiring.process().flush()}


def compact(_event: dict[str, Any], context: object) -> dict[str, Any]:
    """In the daily close: merge the files of each past day into one sorted file."""
    with wiring.runtime().watch.invocation(context):
        return {"days": wiring.process().compact()}


def agenda(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Before the daily close: return the day, its chains and accounts, and whether it is closed already."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().agenda(event)


def verify(event: dict[str, Any], context: object) -> dict[str, Any]:
    """In the daily close: verify what was added to one chain since the last close."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().verify(event["stream"], event["day"])


def reconcile(event: dict[str, Any], context: object) -> dict[str, Any]:
    """In the daily close: reconcile one account's fills of the day with its books."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().reconcile(event["account"], event["day"])


def report(event: dict[str, Any], context: object) -> dict[str, Any]:
    """At the end of the daily close: write the report of the steps' results."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().report(event)


def api(event: dict[str, Any], context: object) -> dict[str, Any]:
    """HTTP API: return what audit recorded of the desk, for people and programs."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().api(event)


def api_system(event: dict[str, Any], context: object) -> dict[str, Any]:
    """HTTP API: return what the desk runs on, and the research in the lake."""
    with wiring.runtime().watch.invocation(context):
        return wiring.process().api_system(event)
