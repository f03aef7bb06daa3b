"""Metrics in CloudWatch's embedded format: one line for each invocation, none where nothing was counted.

The stage is their only dimension: every further one would multiply the custom metrics that are paid for. The function,
the request, the reasons of refusals and the figures that are not to be metrics are fields of the line, for queries in
Logs Insights.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from fanfold.aws.clock import Clock
from fanfold.aws.telemetry.logs import Write, to_stdout
from fanfold.codes import Code
from fanfold.messages import (
    BarsClosed,
    BarsRequested,
    CommandReceived,
    ExecutionReport,
    Message,
    OrdersApproved,
    OrdersRefused,
    OrderState,
    Targets,
    TradingStateChanged,
)

NAMESPACE = "Fanfold"
UNITS = {
    "Bars": "Count",
    "Signals": "Count",
    "Orders": "Count",
    "Refusals": "Count",
    "Fills": "Count",
    "DeadLetters": "Count",
    "LimitsRefused": "Count",
    "LossRefusals": "Count",
    "AccountsNotActive": "Count",
    "OutboxStuck": "Count",
    "OrdersOverdue": "Count",
    "Attention": "Count",
    "TickToOrder": "Milliseconds",
    "QueueAge": "Milliseconds",
}
# What needs a person, and is nothing while all is well: orders refused by a limit on losses; accounts whose trading
# state is not ACTIVE, at each decision; messages that no topic takes, put aside, and those that an outbox has had for
# long; and orders whose outcome is unknown past their deadline, as each sweep finds them. Attention is their sum: one
# alarm where four are too dear.
ALARMING = ("LossRefusals", "AccountsNotActive", "OutboxStuck", "OrdersOverdue")
LOSSES = frozenset({Code.DAILY_LOSS, Code.DRAWDOWN})
# The format takes a hundred values a metric in a line.
VALUES_MAX = 100
_ALARMING = frozenset(ALARMING)
_encode = msgspec.json.Encoder().encode


class Metrics:
    """The counts and values of one invocation; ``flush`` writes and clears them.

    CloudWatch makes metrics only of those in ``metrics``; an hour in which one has no value is not billed.
    """

    def __init__(
        self, stage: str, clock: Clock, write: Write = to_stdout, metrics: Collection[str] = tuple(UNITS)
    ) -> None:
        self._stage = stage
        self._metrics = metrics
        self._clock = clock
        self._write = write
        self._sums: dict[str, int] = {}
        self._values: dict[str, list[int]] = {}
        self._reasons: dict[str, int] = {}
        # By the names of a line's figures: a function's lines have the same few figures again and again.
        self._directives: dict[tuple[str, ...], msgspec.Raw] = {}

    def add(self, metric: str, count: int = 1) -> None:
        if count:
            self._sums[metric] = self._sums.get(metric, 0) + count

    def measure(self, metric: str, milliseconds: int) -> None:
        """Record a single value, so that percentiles can be computed; below zero it counts as zero: clocks differ."""
        value = max(0, milliseconds)
        values = self._values.get(metric)
        if values is None:
            self._values[metric] = [value]
        elif len(values) < VALUES_MAX:
            values.append(value)

    def published(self, message: Message) -> None:
        """Count what a message reports."""
        match message:
            case BarsClosed():
                self.add("Bars", sum([len(frame.step) for frame in message.frames]))
            case Targets():
                self.add("Signals", len(message.targets))
            case OrdersApproved():
                self.add("Orders", len(message.orders))
            case OrdersRefused():
                self.add("Refusals", len(message.refusals))
                for refusal in message.refusals:
                    self._reasons[refusal.code] = self._reasons.get(refusal.code, 0) + 1
                    self.add("LossRefusals", refusal.code in LOSSES)
            case ExecutionReport():
                self._reported(message)
            case BarsRequested() | TradingStateChanged() | CommandReceived():  # No figures.
                pass

    def _reported(self, report: ExecutionReport) -> None:
        self.add("Fills", len(report.fills))
        if OrderState.OPEN in [update.state for update in report.updates]:
            self.measure("TickToOrder", int((self._clock() - report.at).total_seconds() * 1_000))

    def flush(self, properties: Mapping[str, str], at_ms: int = 0) -> None:
        """Write the line of ``at_ms`` (0: now), if anything was counted, and start anew."""
        sums, values = self._sums, self._values
        if not sums and not values:
            return
        if sums and not _ALARMING.isdisjoint(sums):
            self.add("Attention", sum(sums.get(name, 0) for name in ALARMING))
        line: dict[str, Any] = {"Stage": self._stage, **properties, **sums, **values}
        names = (*sums, *values)
        if directives := self._directives.get(names) or self._directives_of(names):
            timestamp = at_ms or int(self._clock().timestamp() * 1_000)
            line["_aws"] = {"Timestamp": timestamp, "CloudWatchMetrics": directives}
        if self._reasons:
            line["RefusalReasons"] = self._reasons
        self._sums, self._values, self._reasons = {}, {}, {}
        self._write(_encode(line).decode() + "\n")

    def _directives_of(self, figures: tuple[str, ...]) -> msgspec.Raw:
        """Return which of the figures CloudWatch makes metrics of, as JSON; nothing where no profile names one."""
        metrics = [{"Name": name, "Unit": UNITS[name]} for name in figures if name in self._metrics]
        directive = {"Namespace": NAMESPACE, "Dimensions": [["Stage"]], "Metrics": metrics}
        self._directives[figures] = msgspec.Raw(_encode([directive]) if metrics else b"")
        return self._directives[figures]
