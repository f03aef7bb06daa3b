"""Two AWSs without an account, on loopback: ministack in a process of its own, moto in this one."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPConnection
from importlib import import_module
from typing import NamedTuple
from urllib.parse import urlsplit

from moto.server import ThreadedMotoServer

from fanfold.aws.client.call import Call, Credentials, Endpoint
from fanfold.aws.client.connect import connect

REGION = "eu-west-1"
KEYS = Credentials(access_key="test", secret_key="test")
# moto's own mock answers without any server, but only to boto3.
IN_PROCESS = Endpoint(region=REGION, credentials=KEYS)
START_S = 20.0


class Emulator(NamedTuple):
    """A running emulator, and the path that empties it."""

    endpoint: Endpoint
    reset_path: str

    def reset(self) -> None:
        url = urlsplit(self.endpoint.url or "")
        connection = HTTPConnection(url.netloc, timeout=10)
        connection.request("POST", self.reset_path)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise AssertionError(f"{url.netloc} was not emptied: {answer.status}")


class Cloud(NamedTuple):
    """An empty AWS: ``call`` is the client under test, ``admin`` is boto3 to the same, to create what it needs."""

    call: Call
    admin: Call
    name: str


class Pair(NamedTuple):
    """Both clients on one empty AWS, to be held against each other."""

    light: Call
    boto3: Call
    reset: Callable[[], None]
    name: str


@cache
def through_boto3(endpoint: Endpoint) -> Call:
    """boto3 on an emulator, made once a process: getting it ready takes as long as a hundred calls."""
    return connect("boto3", endpoint)


@contextmanager
def ministack() -> Iterator[Emulator]:
    port = _free_port()
    environ = os.environ | {"BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "GATEWAY_PORT": str(port)}
    command = [sys.executable, "-m", "ministack"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _await(process, port)
            yield Emulator(_endpoint(port), "/_ministack/reset")
        finally:
            process.terminate()


@contextmanager
def moto_server() -> Iterator[Emulator]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        yield Emulator(_endpoint(port), "/moto-api/reset")
    finally:
        server.stop()


def load_in_moto(service: str) -> None:
    """Load a service into moto before it is asked for it.

    Parameters take a second of the processor to load. On a busy machine the first answer came after a client's four
    seconds, and the request that was made again met what the first one had done.
    """
    import_module(f"moto.{service}.urls")


def _endpoint(port: int) -> Endpoint:
    return Endpoint(region=REGION, url=f"http://127.0.0.1:{port}", credentials=KEYS)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _await(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"ministack ended with code {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"ministack did not listen on port {port} within {START_S} s")
