"""The parts that every function is built from: settings, AWS calls, clock, desk, queue consumer, telemetry."""

import gc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from fanfold import desk
from fanfold.aws.client.call import Call, Endpoint, with_expected_owner, with_recording
from fanfold.aws.client.connect import BACKOFF, connect
from fanfold.aws.clock import Clock, clock_of, sleep_of, wall_sleep
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.function.sqs import SqsConsumer
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.desk import Desk
from fanfold.errors import Backoff, BadInput
from fanfold.strategy import folder

T = TypeVar("T", bound=msgspec.Struct)
# New objects from one search for cycles to the next. At Python's 700 it searches several times a message of a hundred
# bars, and now and then through all that there is; what a desk makes is in no cycle.
COLLECTED_EVERY = 50_000


class CallSettings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The environment that decides how AWS is called."""

    record_calls: str = ""
    # The id of the account that owns the buckets in a function's settings.
    bucket_owner: str = ""
    aws_lambda_function_name: str = "local"


class RuntimeSettings(CallSettings, frozen=True, rename="upper", kw_only=True):
    """The environment that the functions of the desk share.

    ``live_venue`` is the venue that real orders of the stage go to, by its name in the desk file; "" for none.
    """

    faults_table: str
    dead_letters: str
    desk: str = "desk.json"
    strategies: str = ""
    clock: str = "wall"
    live_venue: str = ""


class Runtime(NamedTuple):
    """The parts of a function that do not depend on what it does."""

    call: Call
    clock: Clock
    desk: Desk
    edge: SqsConsumer
    watch: Telemetry
    backoff: Backoff = BACKOFF
    # Waits for a turn at an exchange; returns at once where the clock is set by hand.
    sleep: Callable[[float], None] = wall_sleep

    def table(self, name: str) -> Table:
        """Return a table that retries after conflicts with this runtime's pauses."""
        return Table(self.call, name, backoff=self.backoff)


def read(kind: type[T], environ: Mapping[str, str]) -> T:
    """Read settings from the environment. Raises BadInput, which names the variable."""
    try:
        return msgspec.convert(dict(environ), kind, strict=False)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"the function's environment: {wrong}") from wrong


def runtime(environ: Mapping[str, str]) -> Runtime:
    """Return the runtime that an environment describes, for as long as the process lives."""
    settings = read(RuntimeSettings, environ)
    clock = clock_of(settings.clock)
    watch = Telemetry(environ, clock)
    call = watch.tracing.traced(connected(settings, environ))
    folder.use(Path(settings.strategies) if settings.strategies else None)
    path = Path(settings.desk)
    loaded = desk.load(path.read_bytes(), path.name)
    edge = SqsConsumer(call, settings.dead_letters, settings.faults_table, clock, watch)
    traded = loaded if settings.live_venue else on_paper(loaded)
    collect_seldom()
    return Runtime(call, clock, traded, edge, watch, sleep=sleep_of(settings.clock))


def collect_seldom() -> None:
    """Let the garbage collector search seldom from now on, and never through what is there: modules, the desk."""
    gc.freeze()
    gc.set_threshold(COLLECTED_EVERY, *gc.get_threshold()[1:])


def on_paper(loaded: Desk) -> Desk:
    """Return a desk whose accounts all trade on paper, as in a stage that names no venue for real orders."""
    accounts = {name: msgspec.structs.replace(each, mode="paper") for name, each in loaded.accounts.items()}
    return msgspec.structs.replace(loaded, accounts=accounts)


def connected(settings: CallSettings, environ: Mapping[str, str]) -> Call:
    """Return the calls of a function to AWS."""
    call = with_expected_owner(connect("light", Endpoint.of(environ)), lambda: settings.bucket_owner)
    if not settings.record_calls:
        return call
    # Only a local desk that is asked to records, so nothing else reads the module.
    from fanfold.aws.client.recording import file_sink  # noqa: PLC0415

    return with_recording(call, file_sink(Path(settings.record_calls), settings.aws_lambda_function_name))
