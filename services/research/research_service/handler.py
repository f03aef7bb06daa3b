"""The Lambda handler of research."""

from typing import Any

from research_service import wiring


def batch(event: dict[str, Any], context: object) -> dict[str, object]:
    """In the state machine of sweeps: trade a batch of trials, and store a row a trial."""
    with wiring.watch().invocation(context):
        return wiring.trade(event)
