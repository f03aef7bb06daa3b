"""Deploys by the Serverless tool, two side by side, each ended with the block that started it, however that ends."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Self

from fanfold.errors import NotReachable

# Each waits now and then for the embedded AWS, and the others go on meanwhile.
SIDE_BY_SIDE = 5
KEPT_VALIDATOR = Path(__file__).resolve().parent / "kept_validator.cjs"


class DeployFailed(NotReachable):
    """A stack did not deploy; the text is the Serverless tool's own."""


def tool_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return settings with which the tool is quiet and finds its validator compiled; given options of Node stay."""
    own = f"--require {json.dumps(str(KEPT_VALIDATOR))}"
    return {
        "NODE_OPTIONS": f"{environment.get('NODE_OPTIONS', '')} {own}".strip(),
        "NODE_NO_WARNINGS": "1",
        "SLS_NOTIFICATIONS_MODE": "off",
        "SLS_TELEMETRY_DISABLED": "1",
    }


class Deploys:
    """Runs a command in folders; ``held`` is the descriptor of the lock on the source tree, which it inherits."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], held: int) -> None:
        self._command = command
        self._environment = environment
        self._held = held
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE)
        self._running: set[subprocess.Popen[str]] = set()
        self._over = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._over = True
            for child in self._running:
                # It may have ended by itself meanwhile. Its group: what the tool started ends with it.
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
        self._pool.shutdown(cancel_futures=True)

    def start(self, folder: Path) -> Future[None]:
        """Deploy the stack of a folder; the future raises DeployFailed."""
        return self._pool.submit(self._deploy, folder)

    def _deploy(self, folder: Path) -> None:
        child = self._child(folder)
        out, err = child.communicate()
        with self._lock:
            self._running.discard(child)
        if child.returncode:
            raise DeployFailed(f"serverless deploy in {folder.name} failed:\n{out[-2000:]}{err[-2000:]}")

    def _child(self, folder: Path) -> "subprocess.Popen[str]":
        with self._lock:
            if self._over:
                raise DeployFailed(f"serverless deploy in {folder.name} was not begun")
            # In a session of its own, or the terminal's Ctrl-C would end it before we know.
            child = subprocess.Popen(  # noqa: S603 - the tool that package-lock.json pins
                self._command,
                cwd=folder,
                env=dict(self._environment),
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=(self._held,),
            )
            self._running.add(child)
            return child
