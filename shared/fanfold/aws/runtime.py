"""What every function is wired from: its settings, the AWS seam, the clock, the desk and the queue's edge."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from fanfold import desk
from fanfold.aws.calls import Call, Endpoint, connect
from fanfold.aws.clock import Clock, clock_of
from fanfold.aws.edge import Edge
from fanfold.desk import Desk
from fanfold.refusals import BadInput

T = TypeVar("T", bound=msgspec.Struct)


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The environment that all functions share."""

    faults_table: str
    dead_letters: str
    desk: str = "desk.json"
    clock: str = "wall"


class Runtime(NamedTuple):
    """The parts of a function that do not depend on what it does."""

    call: Call
    clock: Clock
    desk: Desk
    edge: Edge


def read(kind: type[T], environ: Mapping[str, str]) -> T:
    """Settings out of the environment; raises BadInput, which names the variable."""
    try:
        return msgspec.convert(dict(environ), kind, strict=False)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"the function's environment: {wrong}") from wrong


def runtime(environ: Mapping[str, str]) -> Runtime:
    """The runtime that an environment describes."""
    settings = read(Settings, environ)
    call = connect("light", Endpoint.of(environ))
    clock = clock_of(settings.clock)
    path = Path(settings.desk)
    loaded = desk.load(path.read_bytes(), path.name)
    return Runtime(call, clock, loaded, Edge(call, settings.dead_letters, settings.faults_table, clock))
