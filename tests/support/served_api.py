"""The HTTP API as a user has it: the real command, on a real socket, of a desk that trades."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from fanfold.api.webhooks import NONCE, SIGNATURE, TIMESTAMP, signature
from support.trading import ROOT


class Heard(NamedTuple):
    """An answer: its status, its headers in lower case, its JSON."""

    status: int
    headers: dict[str, str]
    body: Any


class Served(NamedTuple):
    """An API that answers at an address."""

    url: str

    def get(self, path: str) -> Heard:
        return self._ask(Request(f"{self.url}{path}"))

    def post(self, path: str, body: Any, **headers: str) -> Heard:
        """A body that is no bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent_headers = {"content-type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self._ask(Request(f"{self.url}{path}", data, sent_headers, method="POST"))

    def tell(self, signal: dict[str, Any], *, secret: bytes, at: float, nonce: str) -> Heard:
        """A signal from outside, signed as its sender would."""
        body = json.dumps(signal).encode()
        stamp = str(int(at))
        signed = {TIMESTAMP: stamp, NONCE: nonce, SIGNATURE: signature(secret, stamp, nonce, body)}
        return self.post("/signals/external", body, **signed)

    def _ask(self, request: Request) -> Heard:
        try:
            with urlopen(request, timeout=30) as answer:
                return Heard(answer.status, _lower(answer.headers), json.load(answer))
        except HTTPError as refused:
            return Heard(refused.code, _lower(refused.headers), json.loads(refused.read()))


@contextmanager
def served(state: Path, *options: str) -> Iterator[Served]:
    """`fanfold serve` on a desk's state for as long as the block lasts."""
    command = [sys.executable, "-m", "fanfold.cli.main", "--state", str(state), "serve", "--port", "0", *options]
    environment = environ | {"PYTHONPATH": str(ROOT / "shared")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            url, rest, _ = child.stdout.readline().partition("/ ")
            assert rest, "it ended before it listened"
            yield Served(url)
        finally:
            child.terminate()


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
