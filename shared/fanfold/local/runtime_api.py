"""A Lambda Runtime API on loopback: passes invocations to awslambdaric processes and returns their responses."""

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

# A command at rest waits for no more than this when it stops the emulator.
STOP_CHECK_S = 0.02
MAX_PROCESSES = 4
FUNCTION_ARN = "arn:aws:lambda:local:000000000000:function"


class FunctionAnswer(NamedTuple):
    """The result of an invocation: the handler's response, or Lambda's error document."""

    body: bytes
    failed: bool


# The words that start a function's process, and the environment they need, of its configuration and its environment.
Start = Callable[[dict[str, Any], Mapping[str, str]], tuple[list[str], Mapping[str, str]]]


def in_interpreter(config: dict[str, Any], environment: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
    """Start a function as a process of this interpreter, from the checkout."""
    # A user's own random.py or signal.py in the working directory is no module of Python's.
    return [sys.executable, "-P", "-m", "awslambdaric", handler_of(config)], environment


def handler_of(config: dict[str, Any]) -> str:
    handler: str = config["ImageConfigResponse"]["ImageConfig"]["Command"][0]
    return handler


class Invocation:
    """One event on its way through a process."""

    def __init__(self, event: bytes, timeout_s: float, killed_after_s: float | None = None) -> None:
        self.id = str(uuid.uuid4())
        self.event = event
        self.killed_after_s = killed_after_s
        self.deadline_ms = int((time.time() + timeout_s) * 1000)
        self._answered = threading.Event()
        self._answer = FunctionAnswer(b"null", failed=False)

    def answer(self, body: bytes, *, failed: bool) -> None:
        if not self._answered.is_set():
            self._answer = FunctionAnswer(body, failed)
            self._answered.set()

    @property
    def answered(self) -> bool:
        return self._answered.is_set()

    def wait(self, timeout_s: float) -> FunctionAnswer | None:
        """Return the response, or None when the time is over."""
        return self._answer if self._answered.wait(timeout_s) else None


def error_document(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


class Process:
    """One awslambdaric child; it takes one invocation at a time, as a Lambda sandbox does."""

    def __init__(self, key: str, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.inbox: SimpleQueue[Invocation | None] = SimpleQueue()
        self.current: Invocation | None = None
        self.killed = False
        with log.open("ab") as sink:
            self.child = subprocess.Popen(  # noqa: S603 - the command is this interpreter and a deployed handler
                command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )
        threading.Thread(target=self._watch, name=f"watch-{key}", daemon=True).start()

    def run(self, invocation: Invocation, timeout_s: float) -> FunctionAnswer:
        self.current = invocation
        self.inbox.put(invocation)
        if not self.alive:
            invocation.answer(error_document("Runtime.ExitError", "the process ended before its event"), failed=True)
        answer = invocation.wait(timeout_s)
        if answer is None:
            # A tool that runs it in a container passes this on, which it could not with SIGKILL.
            self.child.terminate()
            text = f"Task timed out after {timeout_s:.2f} seconds"
            return FunctionAnswer(error_document("Sandbox.Timedout", text), failed=True)
        return answer

    def take(self) -> Invocation | None:
        """Wait for the next event; None at the end. From here on runs the time after which it is to be killed."""
        invocation = self.inbox.get()
        if invocation is not None and invocation.killed_after_s is not None:
            threading.Timer(invocation.killed_after_s, self._kill, (invocation,)).start()
        return invocation

    def _kill(self, invocation: Invocation) -> None:
        if not invocation.answered:
            self.killed = True
            self.child.kill()

    @property
    def alive(self) -> bool:
        return self.child.poll() is None

    def _watch(self) -> None:
        status = self.child.wait()
        self.inbox.put(None)
        if self.current is not None:
            text = f"the process ended with status {status}"
            self.current.answer(error_document("Runtime.ExitError", text), failed=True)


class RunningFunction:
    """A deployed function and its processes; another process starts when all are busy, as on Lambda."""

    def __init__(self, key: str, spawn: Callable[[str], Process]) -> None:
        self._key = key
        self._spawn = spawn
        self._idle: list[Process] = []
        self._lock = threading.Lock()
        self._free = threading.Semaphore(MAX_PROCESSES)
        self.processes: dict[str, Process] = {}
        self.invocations = 0
        self.kills = 0

    def invoke(self, event: bytes, timeout_s: float, killed_after_s: float | None = None) -> FunctionAnswer:
        """Return the answer of a process; it is killed if it still works so long after it took the event."""
        with self._free:
            name, process = self._take()
            self.invocations += 1
            answer = process.run(Invocation(event, timeout_s, killed_after_s), timeout_s)
            with self._lock:
                self.kills += process.killed
                if process.alive:
                    self._idle.append(process)
                else:
                    self.processes.pop(name, None)
            return answer

    @property
    def pids(self) -> list[int]:
        return [process.child.pid for process in list(self.processes.values())]

    def stop(self) -> None:
        for process in list(self.processes.values()):
            process.child.terminate()
        for process in list(self.processes.values()):
            process.child.wait(timeout=10)

    def _take(self) -> tuple[str, Process]:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                name = next(key for key, running in self.processes.items() if running is process)
                if process.alive:
                    return name, process
                del self.processes[name]
            name = uuid.uuid4().hex[:12]
            process = self.processes[name] = self._spawn(f"{self._key}/{name}")
            return name, process


class RuntimeApi:
    """The server that the processes talk to; ``functions`` are created as they are first invoked."""

    def __init__(
        self,
        environment_of: Callable[[dict[str, Any]], Mapping[str, str]],
        logs: Path,
        start: Start = in_interpreter,
    ) -> None:
        self.functions: dict[str, RunningFunction] = {}
        self._lock = threading.Lock()
        self._environment_of = environment_of
        self._start = start
        self._logs = logs
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, args=(STOP_CHECK_S,), name="runtime-api", daemon=True
        ).start()

    def function(self, config: dict[str, Any]) -> RunningFunction:
        """Return the function of a Lambda configuration, created on its first use."""
        name = config["FunctionName"]
        with self._lock:
            known = self.functions.get(name)
            if known is None:
                known = self.functions[name] = RunningFunction(name, lambda key: self._spawn(key, config))
            return known

    @property
    def kills(self) -> int:
        """Return how often a process was killed while it worked."""
        return sum(function.kills for function in list(self.functions.values()))

    def process(self, key: str) -> Process | None:
        name, _, instance = key.partition("/")
        function = self.functions.get(name)
        return function.processes.get(instance) if function else None

    def stop(self) -> None:
        for function in self.functions.values():
            function.stop()
        self._server.shutdown()

    def _spawn(self, key: str, config: dict[str, Any]) -> Process:
        environment = dict(self._environment_of(config))
        environment["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{self.port}/{key}"
        command, around = self._start(config, environment)
        return Process(key, command, around, self._logs / f"{config['FunctionName']}.log")


def _handler_for(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Serves /<function>/<instance>/2018-06-01/runtime/..., which the runtime client requests."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            process = self._process()
            invocation = process.take() if process else None
            if invocation is None:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", invocation.id)
            self.send_header("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms))
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", f"{FUNCTION_ARN}:{self._key()}")
            self._finish(invocation.event)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            process = self._process()
            if process is not None and process.current is not None:
                process.current.answer(body, failed=not self.path.endswith("/response"))
            self.send_response(202)
            self._finish(b"")

        def _key(self) -> str:
            return "/".join(self.path.split("/")[1:3])

        def _process(self) -> Process | None:
            return api.process(self._key())

        def _finish(self, body: bytes) -> None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Log nothing on the emulator's console; a function's output goes to its own log."""

    return Handler
