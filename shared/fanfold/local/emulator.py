"""The emulator process: ministack, with the few private functions replaced that keep it from running this desk.

It is pinned to one version exactly, because it touches private names; tests/aws/test_embedded_cloud.py checks them.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from ministack.core import iam_actions, lambda_runtime
from ministack.services import dynamodb, lambda_svc, sns, sqs

from fanfold.local.batching_windows import Windows
from fanfold.local.chaos import Chaos
from fanfold.local.containers import Containers, service_of
from fanfold.local.launcher import CONTROL, UNSAVED
from fanfold.local.listener import App, Message, Receive, Send, opened
from fanfold.local.runtime_api import RuntimeApi, in_interpreter

PRUNE_EVERY = 500
QUEUE_URL_PORT = "4566"
POLLERS = 2
EXPRESSIONS = 1_000
PARENT_CHECK_S = 0.5
ALARM_LIST = ("monitoring", "*")
BATCHES = {"sns:PublishBatch": "sns:Publish"}
INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "CLOCK",
    "DESK",
    "STRATEGIES",
    "RECORDINGS",
    "ALERT_ADDRESSES",
    "VENUE_ORIGIN",
    "VENUE_SECRET",
    "LIVE_VENUE",
    "RECORD_CALLS",
)


class Embedded:
    """The launcher's additions to the emulator: processes for image functions, and knowing when the desk is quiet."""

    def __init__(self, root: Path, state: Path, endpoint: str) -> None:
        self._root = root
        self._endpoint = endpoint
        (state / "logs").mkdir(parents=True, exist_ok=True)
        self._containers = Containers(state) if os.environ.get("FANFOLD_CONTAINERS") else None
        start = self._containers.start if self._containers else in_interpreter
        self.runtime = RuntimeApi(self._environment_of, state / "logs", start)
        self.windows = Windows()
        self.chaos = Chaos.of(os.environ.get("FANFOLD_CHAOS", ""))
        self._completed = 0
        self._moved = threading.Condition()

    def stop(self) -> None:
        """End the functions' processes, and remove the containers they ran in."""
        self.runtime.stop()
        if self._containers:
            self._containers.remove()

    def install(self) -> None:
        """Replace ministack's private functions; see the comments for the fault of each."""
        # Queues are kept under their URL: with this start's port in it, a mapping would not find them after the next.
        sqs.DEFAULT_PORT = QUEUE_URL_PORT
        sqs._CANONICAL_NETLOC = f"{sqs.DEFAULT_HOST}:{QUEUE_URL_PORT}"
        # Image functions ask for Docker; here they are processes.
        lambda_svc._proxy_url_for = lambda config: "embedded" if config.get("PackageType") == "Image" else None
        lambda_svc._execute_function_proxy = self._execute
        # A standard queue's mapping would hand out five batches at once; Lambda polls a quiet queue with two.
        lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY = POLLERS
        # A pause of 50 ms between polls of a mapping is most of a chain's time.
        lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = 0.001
        sqs._receive_messages_for_esm = self.windows.receive
        # The desk reads queues alone, and each pass would look for streams too.
        lambda_svc._poll_kinesis = lambda_svc._poll_dynamodb_streams = lambda: False
        # Of an expression alone; it took longer than holding the condition against its item.
        dynamodb._condition_syntax_error = lru_cache(EXPRESSIONS)(dynamodb._condition_syntax_error)
        # Kept for every invocation and never dropped; the processes' own logs are in the state directory.
        lambda_svc._emit_lambda_logs = lambda *_, **__: None
        lambda_svc._emit_lambda_metrics = lambda *_, **__: None
        sns._prune_sns_dedup = _every(PRUNE_EVERY, sns._prune_sns_dedup)
        sqs._prune_dedup = _every(PRUNE_EVERY, sqs._prune_dedup)
        named = iam_actions.extract_iam_action
        # On AWS a batch is allowed to whom its action is allowed: there is no sns:PublishBatch.
        iam_actions.extract_iam_action = lambda *arguments: BATCHES.get(action := named(*arguments), action)
        resource = iam_actions.extract_resource_arn

        def listed(service: str, *request: Any) -> str:
            # On AWS a list of alarms is asked for of all alarms of the account and region.
            arn = resource(service, *request)
            return f"arn:aws:cloudwatch:{':'.join(request[-2:])}:alarm:*" if (service, arn) == ALARM_LIST else arn

        iam_actions.extract_resource_arn = listed
        delete = sqs._delete_messages_for_esm

        def delete_and_tell(queue_url: str, receipt_handles: set[str]) -> None:
            with self._moved:
                self._completed += 1
            delete(queue_url, receipt_handles)
            with self._moved:
                self._moved.notify_all()

        sqs._delete_messages_for_esm = delete_and_tell

    def wait_until_quiet(self, lagging: str, backlog: int, timeout_s: float) -> bool:
        """Return whether every queue but the dead-letter queues ran empty in time; ``lagging`` may keep a backlog."""
        deadline = time.monotonic() + timeout_s
        with nullcontext() if lagging else self.windows, self._moved:
            while not self._quiet(lagging, backlog):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._moved.wait(min(left, 0.25))
        return True

    def _quiet(self, lagging: str, backlog: int) -> bool:
        # A message is published on before it is deleted, and counted before that: with the count unchanged, the picture
        # is still.
        before = self._completed
        for url, queue in list(sqs._queues._data.items()):
            name = queue["name"] if "name" in queue else str(url)
            if "dead-letters" in str(name) or "dead-letters" in queue["attributes"]["QueueArn"]:
                continue
            allowed = backlog if lagging and queue["attributes"]["QueueArn"].endswith(f"-{lagging}") else 0
            if len(queue["messages"]) > allowed:
                return False
        return self._completed == before

    def _execute(self, function: dict[str, Any], event: dict[str, Any], _url: str, _request: str) -> dict[str, Any]:
        config = function.get("config") or function
        timeout_s = float(config.get("Timeout") or 3)
        target = self.runtime.function(config)
        answer = {"body": None}
        for variant in self.chaos.variants(config["FunctionName"], event):
            killed_after_s = self.chaos.killed_after_s(config["FunctionName"], self.runtime.kills)
            reply = target.invoke(json.dumps(variant, separators=(",", ":")).encode(), timeout_s, killed_after_s)
            answer = {"body": json.loads(reply.body or b"null")}
            if reply.failed:
                return answer | {"error": True}
        return answer

    def _environment_of(self, config: dict[str, Any]) -> Mapping[str, str]:
        service = service_of(config)
        inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
        variables: dict[str, str] = config.get("Environment", {}).get("Variables", {})
        # With AUTH=true these are keys of the function's role, and every call is held against its policies.
        keys: dict[str, str] = lambda_runtime.execution_credentials(config)
        return (
            inherited
            | variables
            | keys
            | {
                "PYTHONPATH": f"{self._root}/services/{service}:{self._root}/shared",
                "PYTHONUNBUFFERED": "1",
                "AWS_ENDPOINT_URL": self._endpoint,
                "AWS_REGION": os.environ["AWS_REGION"],
                "AWS_DEFAULT_REGION": os.environ["AWS_REGION"],
                "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
            }
        )


def _every(times: int, prune: Any) -> Any:
    """Prune only now and then: pruning rebuilds the whole cache, which is most of the cost of a publish."""
    counter = 0

    def pruned(target: dict[str, Any]) -> None:
        nonlocal counter
        counter += 1
        if counter % times == 0:
            prune(target)
        target.setdefault("dedup_cache", {})

    return pruned


def _controlled(embedded: Embedded, app: App, save: Callable[[], None]) -> App:
    """Add GET /_fanfold/quiet?lagging=audit&backlog=50&timeout=30, /save, /calm and /processes to its app."""

    async def answering(scope: Message, receive: Receive, send: Send) -> None:
        _, control, path = scope["path"].partition(CONTROL)
        if not control:
            await app(scope, receive, send)
            return
        document = _processes(embedded)
        if path == "quiet":
            query = dict(parse_qsl(scope["query_string"].decode()))
            document = {
                "quiet": await asyncio.to_thread(
                    embedded.wait_until_quiet, query.get("lagging", ""), int(query["backlog"]), float(query["timeout"])
                )
            }
        if path == "save":
            save()
        if path == "calm":
            embedded.chaos = Chaos.of("")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    return answering


def _processes(embedded: Embedded) -> dict[str, Any]:
    return {
        name: {"pids": function.pids, "invocations": function.invocations, "kills": function.kills}
        for name, function in list(embedded.runtime.functions.items())
    }


def _end_with_parent(parent: int) -> None:
    """End with the parent process: one that was killed can't stop its emulator."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    os.kill(os.getpid(), signal.SIGTERM)


def _saving(app: Any, state: Path) -> None:
    """Keep a marker file while the state is not written whole; if the next start finds it, the state was lost."""
    unsaved, began = state / UNSAVED, time.time()
    unsaved.touch()
    save = app.save_all

    def save_and_tell(services: dict[str, Any]) -> None:
        wanted = set(services)

        def held(name: str) -> Any:
            kept = services[name]()
            if kept is None:
                wanted.discard(name)
            return kept

        # It only logs what it could not write. One file of several would be another run than the one that was traded.
        save({name: partial(held, name) for name in services})
        if all(_written_since(state / "aws" / "services" / f"{name}.json", began) for name in wanted):
            unsaved.unlink()

    app.save_all = save_and_tell


def _written_since(path: Path, began: float) -> bool:
    return path.exists() and path.stat().st_mtime >= began


def main() -> None:
    """Run until SIGTERM; every address it listens on is loopback."""
    parent = int(os.environ["FANFOLD_PARENT"])
    if os.getppid() != parent:
        sys.exit("the command that wanted it has ended")
    # Until the emulator has a handler of its own, nothing is held yet.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from ministack import app  # noqa: PLC0415 - it reads its settings when imported

    logging.disable(logging.INFO)
    endpoint = f"http://127.0.0.1:{os.environ['FANFOLD_CONTROL_PORT']}"
    embedded = Embedded(Path(os.environ["FANFOLD_ROOT"]), Path(os.environ["FANFOLD_STATE"]), endpoint)
    embedded.install()
    threading.Thread(target=_end_with_parent, args=(parent,), name="parent", daemon=True).start()
    # The terminal's Ctrl-C goes to the whole group; the runner ends this process when the desk is quiet.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.argv = ["ministack"]
    state = Path(os.environ["FANFOLD_STATE"])
    write = app.save_all
    _saving(app, state)
    controlled = _controlled(embedded, app.app, lambda: write(app._build_persistence_save_dict()))
    app.app = opened(app.app, controlled, int(os.environ["FANFOLD_CONTROL_PORT"]))
    try:
        app.main()
    finally:
        if app._MAIN_LOOP is None:
            (state / UNSAVED).unlink()
        embedded.stop()


if __name__ == "__main__":
    main()
