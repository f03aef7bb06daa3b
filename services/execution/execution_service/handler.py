"""What wakes execution."""

from typing import Any

from execution_service import wiring
from fanfold.aws.edge import consume


def execute(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """SQS approved orders and bars: place the orders, settle paper accounts against the bars."""
    return consume(event, wiring.execute, wiring.runtime().edge)


def sweep(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """On schedule: publish what a crash has left in the outbox."""
    return {"published": wiring.outbox().sweep()}
