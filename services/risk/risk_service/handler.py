"""What wakes risk."""

from typing import Any

from fanfold.aws.edge import consume
from risk_service import wiring


def assess(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """SQS bars, targets and settlements: decide when all of a poll are there."""
    return consume(event, wiring.assess, wiring.runtime().edge)


def control(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """An operator's command: open an account, or set its halt state."""
    return wiring.control(event)


def sweep(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """On schedule: publish what a crash has left in the outbox."""
    return {"published": wiring.outbox().sweep()}
