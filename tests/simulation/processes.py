"""Processes of the services, as many as are wanted side by side: the production wiring and handlers, each its own."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from fanfold.aws.client.call import Call, persistent
from fanfold.aws.function.runtime import Runtime
from fanfold.aws.function.sqs import SqsConsumer
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.desk import Desk
from fanfold.errors import AT_ONCE

PACKAGES = {"signal": "signal_service", "risk": "risk_service", "execution": "execution_service"}
ENTRIES = {"signal": "fold", "risk": "assess", "execution": "execute"}


class Context(NamedTuple):
    """What Lambda tells of an invocation."""

    aws_request_id: str


class Process:
    """A cold function of a service. ``handle`` takes SQS events, ``sweep`` the schedule's, ``control`` commands."""

    def __init__(self, service: str, call: Call, clock: Callable[[], datetime], desk: Desk, places: Mapping[str, str]):
        self.service = service
        own = persistent(call, sleep=lambda _seconds: None, chance=lambda: 0.5)
        watch = Telemetry({}, clock, write=lambda _line: None)
        edge = SqsConsumer(own, places[f"dead-{service}"], "faults", clock, watch)
        runtime = Runtime(own, clock, desk, edge, watch, AT_ONCE)
        self.wiring, self.handler = wired(service, runtime, places)

    def handle(self, event: dict[str, Any], request: str) -> dict[str, Any]:
        return getattr(self.handler, ENTRIES[self.service])(event, Context(request))

    def sweep(self, event: dict[str, Any], request: str) -> dict[str, Any]:
        return self.handler.sweep(event, Context(request))

    def control(self, event: dict[str, Any], request: str) -> dict[str, Any]:
        return self.handler.control(event, Context(request))


def wired(service: str, runtime: Runtime, places: Mapping[str, str]) -> tuple[ModuleType, ModuleType]:
    """A wiring and a handler of their own, wired to a runtime instead of to the environment."""
    package = PACKAGES[service]
    wiring, handler = another(f"{package}.wiring"), another(f"{package}.handler")
    wiring.runtime = lambda: runtime
    settings = _settings(wiring.Settings, places)
    wiring.settings = lambda: settings
    if service == "signal":
        wiring.folder = cache(lambda: wiring.StrategyRunners(runtime, settings))
    handler.wiring = wiring
    return wiring, handler


def _settings(kind: type, places: Mapping[str, str]) -> Any:
    return kind(**{name: places[name] for name in kind.__struct_fields__ if name in places})


def another(name: str) -> ModuleType:
    """A module once more, with globals of its own, as another process has it."""
    module = ModuleType(name)
    exec(_code(name), vars(module))
    return module


@cache
def _code(name: str) -> CodeType:
    spec = find_spec(name)
    assert spec is not None
    code = spec.loader.get_code(name)  # type: ignore[union-attr]
    assert isinstance(code, CodeType)
    return code
