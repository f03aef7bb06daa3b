"""Keys of a container's task, which its host issues for some hours at a time (ECS, Fargate, EKS)."""

import threading
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from fanfold.aws.client.call import NO_ANSWER, AwsFault, Credentials, KeyServer

# New keys come well before the old ones end; a host that does not answer then is asked again by the next call.
RENEW_S = 600.0
TIMEOUT_S = 2.0


class _Keys(msgspec.Struct, rename="pascal", frozen=True):
    access_key_id: str
    secret_access_key: str
    token: str
    expiration: datetime


class TaskKeys:
    """A task's keys, requested at first use and again before they expire; shared by all threads of a process.

    Raises AwsFault where there are no valid keys.
    """

    def __init__(self, server: KeyServer, clock: Callable[[], float]) -> None:
        self._server = server
        self._clock = clock
        self._lock = threading.Lock()
        self._ends_at = 0.0
        self._kept = Credentials(access_key="", secret_key="")

    def __call__(self) -> Credentials:
        with self._lock:
            left = self._ends_at - self._clock()
            if left < RENEW_S:
                self._renew(left)
            return self._kept

    def _renew(self, left: float) -> None:
        try:
            fresh = request_keys(self._server)
        except AwsFault:
            if left <= 0:
                raise
            return
        self._ends_at = fresh.expiration.timestamp()
        self._kept = Credentials(access_key=fresh.access_key_id, secret_key=fresh.secret_access_key, token=fresh.token)


def request_keys(server: KeyServer) -> _Keys:
    """Request the current keys from the host. Raises AwsFault, which contains nothing of the response."""
    url = urlsplit(server.url)
    connection = (HTTPSConnection if url.scheme == "https" else HTTPConnection)(url.netloc, timeout=TIMEOUT_S)
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    try:
        connection.request("GET", target, headers={"Accept": "application/json"} | _authorization(server))
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, HTTPException) as error:
        raise AwsFault("NoAnswer", f"the task's keys at {url.netloc}: {error!r}", NO_ANSWER) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise AwsFault("NoTaskKeys", f"{url.netloc} gives no keys to this task", answer.status)
    try:
        return msgspec.json.decode(body, type=_Keys)
    except msgspec.DecodeError as wrong:
        raise AwsFault("NoTaskKeys", f"what {url.netloc} gives is no set of keys", answer.status) from wrong


def _authorization(server: KeyServer) -> dict[str, str]:
    # The file's content changes while a task runs.
    token = Path(server.token_file).read_text().strip() if server.token_file else server.token
    return {"Authorization": token} if token else {}
