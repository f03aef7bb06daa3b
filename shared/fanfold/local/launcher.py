"""Start the embedded AWS, deploy the six stacks to it with the real Serverless tool, stop it."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from fanfold.aws.client.call import Call, Endpoint
from fanfold.aws.client.connect import connect
from fanfold.deployment import SERVICES, STAGE
from fanfold.errors import BadInput, NotReachable
from fanfold.local.deploys import DeployFailed, Deploys, tool_settings
from fanfold.messages import SUBSCRIPTIONS

REGION = "eu-west-1"
START_TIMEOUT_S = 30
# There while an emulator holds what is not written yet.
UNSAVED = Path("aws") / "unsaved"
CONTROL = "/_fanfold/"
NODE_WANTED = "Node 20.19 or newer is needed to run the Serverless tool (22 is best)"


class Cloud(NamedTuple):
    """A running embedded AWS."""

    port: int
    control_port: int
    pid: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def fast_endpoint(self) -> str:
        """Return the endpoint for the light client, which responds faster."""
        return f"http://127.0.0.1:{self.control_port}"

    def call(self) -> Call:
        credentials = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}
        return connect("boto3", Endpoint.of({"AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": REGION} | credentials))

    def control(self, path: str, timeout_s: float = 60) -> dict[str, Any]:
        with urlopen(f"{self.fast_endpoint}{CONTROL}{path}", timeout=timeout_s) as answer:  # noqa: S310 - loopback
            document: dict[str, Any] = json.load(answer)
            return document

    def wait_until_quiet(self, lagging: str = "", backlog: int = 0, timeout_s: float = 120) -> bool:
        query = f"lagging={lagging}&backlog={backlog}&timeout={timeout_s}"
        return bool(self.control(f"quiet?{query}", timeout_s + 10)["quiet"])

    def calm(self) -> int:
        """End the faults of the functions; return how often a process was killed while it worked."""
        return sum(function["kills"] for function in self.control("calm").values())

    def alive(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """End the emulator and its functions; it writes its state first."""
        try:
            os.kill(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._running() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _running(self) -> bool:
        try:
            ended, _ = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return Path(f"/proc/{self.pid}").exists()
        return ended == 0


def repository_root() -> Path:
    """Return the folder of serverless.yml, which the stacks are deployed from."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "serverless.yml").exists():
        raise BadInput(f"{root} holds no serverless.yml: run fanfold from a checkout of the repository")
    return root


def make_services_importable() -> None:
    """Let the modules of the services be imported from the checkout, for a desk in this process."""
    folders = [str(repository_root() / "services" / service) for service in SERVICES]
    sys.path += [folder for folder in folders if folder not in sys.path]


def start(state: Path, environment: Mapping[str, str], held: int) -> Cloud:
    """Start the emulator on free loopback ports; it keeps its data in ``state`` when it is stopped.

    ``held`` is the descriptor of the state's lock, which is free only when the emulator has ended too. Raises
    NotReachable where an emulator was killed before it wrote its data.
    """
    port, control_port = _free_port(), _free_port()
    (state / "aws").mkdir(parents=True, exist_ok=True)
    if (state / UNSAVED).exists():
        raise NotReachable(
            f"the embedded AWS of {state} was killed before it wrote what it held, so the run in it can "
            "neither be read nor go on; start another with `fanfold run`, which puts this one aside"
        )
    settings = {
        "GATEWAY_PORT": str(port),
        "FANFOLD_CONTROL_PORT": str(control_port),
        "FANFOLD_ROOT": str(repository_root()),
        "FANFOLD_STATE": str(state),
        # Said, not asked for: a parent that died while the child was starting is a child's no more.
        "FANFOLD_PARENT": str(os.getpid()),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "aws" / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "aws" / "s3"),
        "LOG_LEVEL": "WARNING",
        "AWS_REGION": REGION,
        "MINISTACK_REGION": REGION,
        # The root's keys, where AUTH=true makes the emulator look at keys.
        "AWS_ACCESS_KEY_ID": "embedded",
        "AWS_SECRET_ACCESS_KEY": "embedded",
        "AWS_SESSION_TOKEN": "",
    }
    with (state / "emulator.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "fanfold.local.emulator"],
            env=_without_bytecode_ban(os.environ) | settings | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(held,),
        )
    cloud = Cloud(port, control_port, child.pid)
    _wait_for(child, cloud, state / "emulator.log")
    return cloud


def deploy(cloud: Cloud, report: Callable[[str], None], stage: str = STAGE) -> dict[str, int]:
    """Deploy the platform, then the five services side by side; check that everything exists, and return its counts.

    A stage other than the local one takes its settings from the environment.
    """
    root = repository_root()
    tool = _serverless(root)
    with (
        lock_source_tree() as held,
        Deploys([tool, "deploy", "--stage", stage], _tool_environment(cloud), held) as deploys,
    ):
        _deploy_all(deploys, root, cloud, report, stage)
    return check(cloud)


def deploy_optional(cloud: Cloud, stack: str) -> None:
    """Deploy a stack that no desk needs, after the desk's."""
    root = repository_root()
    command = [_serverless(root), "deploy", "--stage", STAGE]
    with lock_source_tree() as held, Deploys(command, _tool_environment(cloud), held) as deploys:
        deploys.start(root / "services" / stack).result()


@contextmanager
def lock_source_tree() -> Iterator[int]:
    """Lock the source tree and return the lock's descriptor, for the tool to inherit.

    The tool packages into the tree; two at once would overwrite each other's files.
    """
    with (repository_root() / ".serverless.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def _deploy_all(deploys: Deploys, root: Path, cloud: Cloud, report: Callable[[str], None], stage: str) -> None:
    call = cloud.call()
    call(
        "s3",
        "CreateBucket",
        {"Bucket": f"fanfold-{stage}-deployment", "CreateBucketConfiguration": {"LocationConstraint": REGION}},
    )
    deploys.start(root).result()
    report("platform")
    for service, done in [(service, deploys.start(root / "services" / service)) for service in SERVICES]:
        done.result()
        report(service)


def _tool_environment(cloud: Cloud) -> dict[str, str]:
    """Return the environment of the Serverless tool."""
    return (
        _without_bytecode_ban(os.environ)
        | tool_settings(os.environ)
        | {
            "AWS_ENDPOINT_URL": cloud.endpoint,
            "AWS_ACCESS_KEY_ID": "embedded",
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "SLS_AWS_MONITORING_FREQUENCY": "200",
        }
    )


def check(cloud: Cloud) -> dict[str, int]:
    """Count what was deployed. Raises DeployFailed where it differs from what the messages declare."""
    call = cloud.call()
    subscriptions = call("sns", "ListSubscriptions", {})["Subscriptions"]
    mappings = call("lambda", "ListEventSourceMappings", {})["EventSourceMappings"]
    functions = call("lambda", "ListFunctions", {})["Functions"]
    wanted = sum(len(topics) for topics in SUBSCRIPTIONS.values())
    if len(subscriptions) != wanted or len(mappings) != len(SERVICES) or len(functions) < len(SERVICES):
        raise DeployFailed(
            f"deployed {len(subscriptions)} subscriptions of {wanted}, {len(mappings)} event source "
            f"mappings of {len(SERVICES)}, {len(functions)} functions"
        )
    return {"subscriptions": len(subscriptions), "mappings": len(mappings), "functions": len(functions)}


def _serverless(root: Path) -> str:
    node = shutil.which("node")
    if node is None:
        raise BadInput(f"{NODE_WANTED}: there is no `node` on the path")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    major, minor = (int(part) for part in version.lstrip("v").split(".")[:2])
    if (major, minor) < (20, 19):
        raise BadInput(f"{NODE_WANTED}: this is {version}")
    tool = root / "node_modules" / ".bin" / "serverless"
    if not tool.exists():
        raise BadInput("the Serverless tool is not installed: run `make install`")
    return str(tool)


def _without_bytecode_ban(environment: Mapping[str, str]) -> dict[str, str]:
    # Without byte code every process start costs two to four times as much.
    return {key: value for key, value in environment.items() if key != "PYTHONDONTWRITEBYTECODE"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(child: "subprocess.Popen[bytes]", cloud: Cloud, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            break
        try:
            with urlopen(f"{cloud.endpoint}/_ministack/health", timeout=1):  # noqa: S310 - loopback
                cloud.control("processes", 1)
                return
        except (URLError, OSError):
            time.sleep(0.01)
    child.kill()
    raise NotReachable(f"the embedded AWS did not start; its log ends:\n{log.read_text()[-1500:]}")
