"""A running desk on the embedded AWS, in step with the market's clock: a minute begins when the chain is quiet."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fanfold.aws import functions
from fanfold.aws.client.call import AwsFault, Call, Endpoint
from fanfold.aws.client.connect import connect
from fanfold.channels.address_file import address_file
from fanfold.deployment import ALERTS, SERVICES, SERVICES_WITH_QUEUES, STAGE, dead_letters_names
from fanfold.errors import NotReachable, VenueUnavailable
from fanfold.local import launcher
from fanfold.local.directory_lock import lock_directory
from fanfold.local.error_output import print_error
from fanfold.local.interrupt import delay_interrupts
from fanfold.local.launcher import REGION, Cloud
from fanfold.strategy import folder

# Messages that audit may be behind by: some batches of its window.
AUDIT_BACKLOG = 300
QUIET_TIMEOUT_S = 180
# A full disk is told after so long.
LOOK_EVERY_S = 5
TRIES = 10
# How a function ends whose process dies.
DEATHS = frozenset({"Runtime.ExitError", "Sandbox.Timedout"})
DISK_FREE_MIN = 1 << 20
# A pause between bars may be an hour, and Ctrl-C does not wait for its end.
WAKE_S = 0.1
# The schedules of alerts, as services/alerts/serverless.yml has them: every so many seconds, so many past midnight.
ALERT_SCHEDULES = {"anomalies": (900, 0), "daily_report": (86_400, 3_600)}
CLOCK = "clock"
RUN_FILE = "run.json"


class NotQuiet(NotReachable):
    """The chain did not come to rest in time; something keeps failing, and the logs say what."""


def environment(state: Path, *, live: bool, images: bool = False) -> dict[str, str]:
    """Return the environment of a local desk's functions, besides the variables that the stacks set.

    Raises BadInput where they are to run in images and cannot.
    """
    if images:
        from fanfold.local import containers  # noqa: PLC0415 - only images need it

        containers.check(state)
    return {
        **({"FANFOLD_CONTAINERS": "1"} if images else {}),
        "PYTHONPATH": str(launcher.repository_root() / "shared"),
        "DESK": str(state / "desk.json"),
        "STRATEGIES": str(folder.in_use() or ""),
        "CLOCK": "wall" if live else f"market:{state / CLOCK}",
        "RECORDINGS": str(state / "recordings"),
        "ALERT_ADDRESSES": str(address_file()),
    }


@contextmanager
def start_desk(state: Path, settings: dict[str, str]) -> Iterator[Cloud]:
    """Start a desk's AWS, for this process and the commands that query it meanwhile."""
    with lock_directory(state, "run") as held, emulator(state, settings, held) as cloud, announce(state, cloud):
        yield cloud


@contextmanager
def emulator(state: Path, settings: dict[str, str], held: int) -> Iterator[Cloud]:
    """Run an emulator until the block ends, however it ends; ``held`` is the descriptor of the state's lock."""
    running: list[Cloud] = []
    try:
        with delay_interrupts():
            running.append(launcher.start(state, settings, held))
        yield running[0]
    finally:
        for cloud in running:
            cloud.stop()
            if (state / launcher.UNSAVED).exists():
                print_error(f"what the embedded AWS held could not be written to {state}; its disk may be full")


@contextmanager
def announce(state: Path, cloud: Cloud) -> Iterator[None]:
    """Name the emulator in run.json while the block lasts, so that other commands find it."""
    marker = state / RUN_FILE
    marker.write_text(json.dumps({"port": cloud.port, "control_port": cloud.control_port, "pid": cloud.pid}))
    try:
        yield
    finally:
        marker.unlink(missing_ok=True)


def light_client(cloud: Cloud) -> Call:
    """Return a call on the light client, for what is called every minute."""
    credentials = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}
    return connect("light", Endpoint.of({"AWS_ENDPOINT_URL": cloud.fast_endpoint, "AWS_REGION": REGION} | credentials))


def invoke(call: Call, service: str, function: str, event: dict[str, Any], stage: str = STAGE) -> dict[str, Any]:
    """Invoke a function, again if its process dies, and return its response. Raises AwsFault for what it raised."""
    for _ in range(TRIES - 1):
        try:
            return functions.invoke(call, service, function, event, stage)
        except AwsFault as fault:
            if fault.code not in DEATHS:
                raise
    return functions.invoke(call, service, function, event, stage)


class DeskRun:
    """Drives a deployed desk minute by minute."""

    def __init__(self, cloud: Cloud, state: Path, stage: str = STAGE, *, alerts: bool = False) -> None:
        """Drive the stack of alerts too, where it is deployed: that is ``alerts``."""
        self._cloud = cloud
        self.alerts = alerts
        # The time up to which the schedules of alerts were invoked; None before the first.
        self._alerted_s: float | None = None
        self.state = state
        self.stage = stage
        self.call = light_client(cloud)

    @property
    def endpoint(self) -> str:
        return self._cloud.endpoint

    def open_accounts(self, accounts: list[str]) -> None:
        for account in accounts:
            command = {"action": "open", "account": account, "reason": "local run", "actor": "fanfold run"}
            invoke(self.call, "risk", "control", command, self.stage)

    def set_clock(self, now: float) -> None:
        self._alerted_s = now if self._alerted_s is None else self._alerted_s
        fresh = self.state / f"{CLOCK}.new"
        fresh.write_text(repr(now))
        fresh.replace(self.state / CLOCK)

    def tick(self, now: float) -> str:
        """Poll the venues as the schedule does, and wait until all that follows from it is done, with its alerts.

        ``now`` is the market's time, in epoch seconds. Return which venue did not answer and why, "" where all did: the
        next poll asks for what is missing.
        """
        missed = ""
        try:
            invoke(self.call, "market-data", "poll", {}, self.stage)
        except AwsFault as fault:
            if fault.code != VenueUnavailable.__name__:
                raise
            missed = fault.message
        self.rest()
        if self.alerts:
            self._alert(now)
        return missed

    def _alert(self, now: float) -> None:
        """Invoke the functions of alerts that EventBridge schedules in the cloud, and that became due."""
        before, self._alerted_s = self._alerted_s, now
        for function, (every_s, past_s) in ALERT_SCHEDULES.items():
            if before is not None and (now - past_s) // every_s > (before - past_s) // every_s:
                invoke(self.call, ALERTS, function, {}, self.stage)
        invoke(self.call, ALERTS, "follow_up", {}, self.stage)

    def replay(self, closes: range, pause_s: float, on_close: Callable[[int], None], stop: Callable[[], bool]) -> int:
        """Trade the closes in turn, with a pause between their starts; return the number traded until the stop."""
        for done, now in enumerate(closes):
            if stop():
                return done
            began = time.monotonic()
            self.set_clock(now)
            self.tick(now)
            on_close(now)
            while not stop() and (left := pause_s - (time.monotonic() - began)) > 0:
                time.sleep(min(left, WAKE_S))
        return len(closes)

    def rest(self) -> None:
        """Wait until all that was begun is done."""
        self._wait("audit", AUDIT_BACKLOG)

    def sweep(self) -> None:
        """Invoke the sweeps that EventBridge schedules in the cloud, each minute."""
        for service in ("risk", "execution"):
            invoke(self.call, service, "sweep", {}, self.stage)

    def finish(self) -> None:
        """Sweep the outboxes, wait for audit, and bring everything into the lake."""
        self.sweep()
        self._wait()
        invoke(self.call, "audit", "flush", {}, self.stage)

    def _wait(self, lagging: str = "", backlog: int = 0) -> None:
        """Wait until the chain rests. Raises NotQuiet where it does not, at once where the disk is full."""
        for waited in range(LOOK_EVERY_S, QUIET_TIMEOUT_S + 1, LOOK_EVERY_S):
            if self._cloud.wait_until_quiet(lagging, backlog, LOOK_EVERY_S):
                return
            if shutil.disk_usage(self.state).free < DISK_FREE_MIN:
                raise NotQuiet(f"the queues did not run empty in {waited} s; its disk is full, free some: {self.state}")
        raise NotQuiet(f"the queues did not run empty in {QUIET_TIMEOUT_S} s; see {self.state / 'logs'}")

    def dead_letters(self) -> int:
        """Count the messages in all dead-letter queues."""
        services = SERVICES_WITH_QUEUES if self.alerts else SERVICES
        return sum(self._depth(queue) for service in services for queue in dead_letters_names(service, self.stage))

    def _depth(self, queue: str) -> int:
        url = f"{self._cloud.endpoint}/000000000000/{queue}"
        parameters = {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}
        return int(self.call("sqs", "GetQueueAttributes", parameters)["Attributes"]["ApproximateNumberOfMessages"])
