"""A desk that commands query: the one that runs, or the embedded AWS started on the state of the last run."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from fanfold.audit.verify import Days
from fanfold.aws.client.call import AwsFault, Call, not_found
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log
from fanfold.aws.s3.seals import closed_days
from fanfold.deployment import OPTIONAL_SUBSCRIPTIONS, SERVICES, STAGE, queue_name
from fanfold.desk import Desk
from fanfold.errors import BadInput, NothingThere, NotReachable
from fanfold.local import directory_lock, state_directory
from fanfold.local.directory_lock import lock_directory
from fanfold.local.driver import CLOCK, DISK_FREE_MIN, RUN_FILE, emulator, environment, invoke, light_client
from fanfold.local.launcher import UNSAVED, Cloud

QUIET_TIMEOUT_S = 20
ACCOUNT_ID = "000000000000"


class NamedEmulator(msgspec.Struct, frozen=True, kw_only=True):
    """The embedded AWS that serves a directory."""

    port: int
    control_port: int
    pid: int


class Session(ABC):
    """A desk that commands query, a local one or a stage in an AWS account.

    ``running`` says that it trades by itself: it is neither ours to stop nor sure to rest. ``state`` is the directory
    for its files on this machine.
    """

    stage: str
    state: Path
    call: Call
    running: bool

    @property
    @abstractmethod
    def desk(self) -> Desk:
        """Return the desk that its functions trade."""

    @property
    @abstractmethod
    def log(self) -> S3Log:
        """Return the audit log, read by a client that leaves damaged bodies for us to judge."""

    @property
    @abstractmethod
    def days(self) -> Days:
        """Return the closed days, read as the log is."""

    @abstractmethod
    def bucket(self, name: str) -> str:
        """Return the name of a bucket, ``lake`` or ``audit``."""

    @abstractmethod
    def queue_url(self, queue: str) -> str: ...

    @abstractmethod
    def rested(self) -> bool:
        """Return whether every queue ran empty, so that all is recorded; a desk that trades may never rest."""

    @property
    def services(self) -> tuple[str, ...]:
        """Return the services that have a queue: those of optional stacks where they are deployed."""
        return (*SERVICES, *(service for service in OPTIONAL_SUBSCRIPTIONS if self._has_queue(service)))

    def _has_queue(self, service: str) -> bool:
        try:
            request = {"QueueUrl": self.queue_url(queue_name(service, self.stage)), "AttributeNames": ["QueueArn"]}
            self.call("sqs", "GetQueueAttributes", request)
        except AwsFault as fault:
            if not not_found(fault):
                raise
            return False
        return True

    @property
    def views(self) -> DynamoViews:
        return DynamoViews(self.call, table_name("views", self.stage))

    @property
    def ledger(self) -> Table:
        return Table(self.call, table_name("ledger", self.stage))

    @property
    def faults(self) -> Table:
        return Table(self.call, table_name("faults", self.stage))

    def invoke(self, service: str, function: str, event: dict[str, Any]) -> dict[str, Any]:
        return invoke(self.call, service, function, event, self.stage)

    def accounts(self, name: str | None) -> list[str]:
        """Return the named account, or all. Raises BadInput for one that the desk does not have."""
        if name is None:
            return sorted(self.desk.accounts)
        if name not in self.desk.accounts:
            raise BadInput(f"account {name!r} is not in the desk; it has {', '.join(sorted(self.desk.accounts))}")
        return [name]


class LocalSession(Session):
    """The desk that runs on this machine, or the embedded AWS started on the state of the last run."""

    def __init__(self, state: Path, cloud: Cloud, known: Desk, *, running: bool) -> None:
        self.stage = STAGE
        self.state = state
        self.call = light_client(cloud)
        self.running = running
        self.cloud = cloud
        self._desk = known

    @property
    def desk(self) -> Desk:
        return self._desk

    @property
    def log(self) -> S3Log:
        return S3Log(self.call, self.bucket("audit"))

    @property
    def days(self) -> Days:
        return closed_days(self.call, self.bucket("audit"), self.bucket("lake"), key="")

    def bucket(self, name: str) -> str:
        return bucket_name(name, STAGE)

    def queue_url(self, queue: str) -> str:
        return f"{self.cloud.endpoint}/{ACCOUNT_ID}/{queue}"

    def rested(self) -> bool:
        return self.cloud.wait_until_quiet(timeout_s=QUIET_TIMEOUT_S / 4 if self.running else QUIET_TIMEOUT_S)


def table_name(table: str, stage: str) -> str:
    return f"fanfold-{stage}-{table}"


def bucket_name(bucket: str, stage: str) -> str:
    return f"fanfold-{stage}-{bucket}"


@contextmanager
def connect(state: Path, command: str) -> Iterator[LocalSession]:
    """Connect to the desk of a state directory while the block lasts; ``command`` is the name of the caller.

    Raises NothingThere where there was no run, NotReachable where the embedded AWS does not start or is not up yet, and
    where the disk has no room for what it writes when it ends.
    """
    state = state.resolve()
    # Who asks for the holder creates the lock: not in a directory that is no desk's.
    lockable = (state / directory_lock.LOCK).exists()
    running = running_cloud(state) if lockable else None
    other = directory_lock.holder(state) if lockable and running is None else None
    if other and other.command == "run" and other.alive:
        raise NotReachable(f"{other}: the desk in {state} is being deployed, or ends; ask again in a moment")
    known = _desk(state)
    if running is not None:
        yield LocalSession(state, running, known, running=True)
        return
    settings = environment(state, live=not (state / CLOCK).exists())
    with lock_directory(state, command) as held:
        _check_room(state)
        with emulator(state, settings, held) as cloud:
            yield LocalSession(state, cloud, known, running=False)
        if (state / UNSAVED).exists():
            raise NotReachable(f"what `fanfold {command}` did is lost, and with it the run in {state}")


def _check_room(state: Path) -> None:
    """Raise NotReachable where a disk is too full for what the embedded AWS writes when it ends."""
    needed = DISK_FREE_MIN + sum(path.stat().st_size for path in (state / "aws" / "services").glob("*.json"))
    free = shutil.disk_usage(state).free
    if free < needed:
        raise NotReachable(
            f"the disk of {state} is full: {free:,} bytes are free, and the embedded AWS may write {needed:,} when it "
            "ends; free some, the run is as it was"
        )


def running_cloud(state: Path) -> Cloud | None:
    """Return the embedded AWS that run.json names, if a process holds the directory and the emulator responds."""
    named = run_file(state)
    # Who was killed leaves the file behind, and the port may be another's by now.
    other = directory_lock.holder(state)
    if named is None or other is None or not other.alive:
        return None
    cloud = Cloud(named.port, named.control_port, named.pid)
    try:
        cloud.control("processes", timeout_s=5)
    except (OSError, ValueError):
        return None
    return cloud


def run_file(state: Path) -> NamedEmulator | None:
    """Return the contents of run.json; {} for a file that was cut off while it was written."""
    try:
        return msgspec.json.decode((state / RUN_FILE).read_bytes(), type=NamedEmulator)
    except (OSError, msgspec.MsgspecError):
        return None


def _desk(state: Path) -> Desk:
    path = state / "desk.json"
    if not path.exists() or not (state / "aws").exists():
        raise NothingThere(f"there is no run in {state}; start one with `fanfold run`, or name another with --state")
    state_directory.check_format(state)
    return state_directory.desk_of_run(state)
