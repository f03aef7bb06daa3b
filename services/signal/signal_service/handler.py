"""What wakes signal."""

from typing import Any

from fanfold.aws.edge import consume
from signal_service import wiring


def fold(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """SQS bars: fold each message, publish the targets of the bars that closed with it."""
    return consume(event, wiring.folder(), wiring.runtime().edge)
