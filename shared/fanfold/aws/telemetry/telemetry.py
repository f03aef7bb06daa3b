"""Logs, metrics and traces of one invocation, connected by their ids."""

from collections.abc import Mapping
from typing import Any

from fanfold.aws.clock import Clock
from fanfold.aws.telemetry.logs import JsonLog, Write, bridge, to_stdout
from fanfold.aws.telemetry.metrics import UNITS, Metrics
from fanfold.aws.telemetry.tracing import VARIABLE, Tracing
from fanfold.messages import Message

Record = dict[str, Any]


class Telemetry:
    """The telemetry of a function while its process lives; it handles one invocation at a time, as Lambda does."""

    def __init__(self, environ: Mapping[str, str], clock: Clock, write: Write = to_stdout) -> None:
        self._environ = environ
        self._clock = clock
        self._function = environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        # Of a canary's function alone; any other is $LATEST.
        self._version = environ.get("AWS_LAMBDA_FUNCTION_VERSION", "").removeprefix("$LATEST")
        self._request = ""
        self._subject: tuple[Record, Message] | None = None
        # When the invocation's first message was begun, in epoch milliseconds; 0: it has none.
        self._begun_ms = 0
        # When Lambda ends the invocation, in epoch seconds.
        self.ends_s = float("inf")
        self.log = JsonLog(clock, self.ids, write)
        metrics = environ.get("METRICS", ",".join(UNITS)).split(",")
        self.counts = Metrics(environ.get("STAGE", "local"), clock, write, metrics)
        self.tracing = Tracing(self.log.warning)
        bridge(self.log)

    def invocation(self, context: object) -> "Telemetry":
        """Enter an invocation, with Lambda's context of it: ``with watch.invocation(context):``."""
        self._request = str(getattr(context, "aws_request_id", ""))
        left_ms = getattr(context, "get_remaining_time_in_millis", None)
        self.ends_s = float("inf") if left_ms is None else self._clock().timestamp() + left_ms() / 1_000
        return self

    def __enter__(self) -> None:
        self._subject, self._begun_ms = None, 0
        self.tracing.begin(self._environ.get(VARIABLE, ""))

    def __exit__(self, _kind: object, fault: BaseException | None, _stack: object) -> None:
        """Log a fault, which then propagates, and write the metrics."""
        if fault is not None:
            self.log.fault("the invocation failed", fault)
        self._subject = None
        self.counts.flush({"Function": self._function, "Request": self._request}, self._begun_ms)

    def begin_message(self, record: Record, message: Message, sent_ms: int) -> None:
        """Attribute further lines and calls to this message, the first of several together.

        The oldest of them was sent at ``sent_ms``.
        """
        self._subject = record, message
        self.tracing.restore(record.get("messageAttributes", {}))
        now_ms = int(self._clock().timestamp() * 1_000)
        self._begun_ms = self._begun_ms or now_ms
        self.counts.measure("QueueAge", now_ms - sent_ms)

    def published(self, message: Message) -> dict[str, str]:
        """Count a message that is published; return the attributes to send with it."""
        self.counts.published(message)
        return self.tracing.attributes()

    def report_unpublishable(self, name: str, reason: str) -> None:
        """Report a message that the outbox could not publish, and never will."""
        self.counts.add("OutboxStuck")
        self.log.error("a message is put aside", unpublished=name, reason=reason)

    def report_overdue(self, name: str, seconds: int) -> None:
        """Report a message that has been in the outbox for long, and that its sweeps did not publish."""
        self.counts.add("OutboxStuck")
        self.log.error("a message waits in the outbox", unpublished=name, seconds=str(seconds))

    def ids(self) -> dict[str, str]:
        """Return the ids that a log line carries so that related lines can be found."""
        ids = {"function": self._function, "version": self._version, "request": self._request}
        ids["trace"] = self.tracing.trace.root
        if self._subject is not None:
            record, message = self._subject
            ids |= {"delivery": record["messageId"], "message": message.id, "cause": message.cause}
            ids["account"] = getattr(message, "account", "")
        return {name: value for name, value in ids.items() if value}
