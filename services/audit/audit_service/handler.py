"""What wakes audit."""

from typing import Any

from audit_service import wiring
from fanfold.aws.edge import consume_batch


def record(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """SQS everything: write each message once to the chain of its stream, and to the views."""
    return consume_batch(event, wiring.record_all, wiring.runtime().edge)


def flush(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """On schedule: bring what was recorded since the last time into the lake."""
    return {"rows": wiring.flush_all()}


def compact(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """On schedule: make one sorted file of each past day's many."""
    return {"days": wiring.compact_all()}
