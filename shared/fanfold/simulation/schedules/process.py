"""Processes of the services, as many as are wanted side by side: each built by the production wiring."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from fanfold.aws.client.call import Call
from fanfold.aws.client.connect import with_retries
from fanfold.aws.function.runtime import Runtime
from fanfold.aws.function.sqs import SqsConsumer, consume, consume_batch
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.desk import Desk
from fanfold.errors import AT_ONCE
from fanfold.simulation.schedules.silence import silent_telemetry

# The services of a schedule that has no more: bars come as market-data publishes them, and audit's queue is read.
SERVICES = ("signal", "risk", "execution")
# The verb that a service's queue handler calls.
VERBS = {"market-data": "serve", "signal": "fold", "risk": "assess", "execution": "execute", "audit": "record"}


class InvocationContext(NamedTuple):
    """An invocation as Lambda describes it."""

    aws_request_id: str


class ServiceProcess:
    """A cold function of a service. ``handle`` takes SQS events, ``sweep`` the schedule's, ``control`` commands.

    ``outside`` returns what is outside of AWS: for execution the real venue of a live account, for market-data the
    source of a venue's bars.
    """

    def __init__(
        self,
        service: str,
        call: Call,
        clock: Callable[[], datetime],
        desk: Desk,
        places: Mapping[str, str],
        outside: Callable[[str], Any] | None = None,
        *,
        silent: bool = False,
        retried: Call | None = None,
    ) -> None:
        """Make AWS calls by ``retried`` where it is given: what ``with_retries_at_once`` made of ``call``."""
        self.service = service
        retried = retried or with_retries_at_once(call)
        watch = silent_telemetry() if silent else Telemetry({}, clock, write=lambda _line: None)
        edge = SqsConsumer(retried, places[f"dead-{service}"], "faults", clock, watch)
        self.runtime = Runtime(retried, clock, desk, edge, watch, AT_ONCE, lambda _seconds: None)
        wiring = _wiring(service)
        settings = _settings(wiring.Settings, places)
        self.parts = wiring.build(self.runtime, settings, *([outside] if outside else []))

    def handle(self, event: dict[str, Any], request: str) -> dict[str, Any]:
        with self.runtime.watch.invocation(InvocationContext(request)):
            take = consume_batch if self.service == "audit" else consume
            return take(event, getattr(self.parts, VERBS[self.service]), self.runtime.edge)

    def scheduled(self, request: str, work: Callable[[Any], Any]) -> Any:
        """Carry out work of a schedule with the process's parts; return its result."""
        with self.runtime.watch.invocation(InvocationContext(request)):
            return work(self.parts)

    def sweep(self, _event: dict[str, Any], request: str) -> dict[str, Any]:
        swept: dict[str, Any] = self.scheduled(request, lambda parts: parts.sweep())
        return swept

    def control(self, event: dict[str, Any], request: str) -> dict[str, Any]:
        with self.runtime.watch.invocation(InvocationContext(request)):
            answer: dict[str, Any] = self.parts.control(event, request)
            return answer


def with_retries_at_once(call: Call) -> Call:
    """Return a call that retries without a pause; any number of processes may share it."""
    return with_retries(call, sleep=lambda _seconds: None, chance=lambda: 0.5)


@cache
def _wiring(service: str) -> ModuleType:
    """Look a service's wiring up by name, as its functions are: a service is its images' business."""
    return import_module(f"{service.replace('-', '_')}_service.wiring")


def _settings(kind: type, places: Mapping[str, str]) -> Any:
    fields: tuple[str, ...] = kind.__struct_fields__  # type: ignore[attr-defined]
    return kind(**{name: places[name] for name in fields if name in places})
