"""Telemetry that nobody reads: no line is formatted, which takes longer than the work that it is about."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from fanfold.aws.telemetry.logs import JsonLog, bridge
from fanfold.aws.telemetry.telemetry import Record, Telemetry
from fanfold.messages import Message


class SilentLog(JsonLog):
    """A log without lines."""

    def fault(self, text: str, fault: BaseException, **fields: object) -> None:
        """Do nothing."""

    def line(self, level: str, text: str, fields: Mapping[str, object]) -> None:
        """Do nothing."""


class SilentTelemetry(Telemetry):
    """Telemetry without lines and traces, which any number of processes may share."""

    def __init__(self) -> None:
        super().__init__({}, lambda: datetime.fromtimestamp(0, UTC), write=lambda _line: None)
        self.log = SilentLog(self._clock, self.ids)
        bridge(self.log)

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _kind: object, fault: BaseException | None, _stack: object) -> None:
        """Do nothing; a fault propagates."""

    def begin_message(self, record: Record, message: Message, sent_ms: int) -> None:
        """Do nothing."""

    def published(self, message: Message) -> dict[str, str]:
        """Return no attributes."""
        return {}


@cache
def silent_telemetry() -> SilentTelemetry:
    """Return the telemetry of all silent processes."""
    return SilentTelemetry()
