"""Keys of a container's task: asked for as the AWS SDKs do, renewed before they end, shown to nobody else."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from fanfold.aws.client.call import AwsFault, Endpoint
from fanfold.aws.client.connect import connect
from fanfold.aws.client.container_credentials import RENEW_S, TaskKeys
from fanfold.errors import BadInput
from support.emulator import REGION

LASTS_S = 3_600.0
FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"


class Host:
    """A task's host on loopback: numbered keys that last an hour, ``status`` for its answers, what it was asked."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.status = 200
        self.body = ""
        self.requests: list[tuple[str, str | None]] = []
        self.url = ""

    def clock(self) -> float:
        return self.now

    def keys(self) -> TaskKeys:
        server = self.endpoint().key_server
        assert server is not None
        return TaskKeys(server, self.clock)

    def endpoint(self, **environ: str) -> Endpoint:
        return Endpoint.of({"AWS_REGION": REGION, FULL: f"{self.url}/task?role=desk"} | environ)

    def answer(self) -> str:
        ends = datetime.fromtimestamp(self.now + LASTS_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self.body or json.dumps(
            {
                "AccessKeyId": f"key-{len(self.requests)}",
                "SecretAccessKey": "s",
                "Token": "t",
                "Expiration": ends,
                "RoleArn": "arn:aws:iam::000000000000:role/desk",
            }
        )


@pytest.fixture
def host() -> Iterator[Host]:
    served = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append((self.path, self.headers["Authorization"]))
            body = served.answer().encode()
            self.send_response(served.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def test_keys_are_asked_for_once_while_they_hold(host: Host) -> None:
    keys = host.keys()
    first = keys()
    host.now += LASTS_S - RENEW_S - 1
    assert (keys(), first.access_key, first.token) == (first, "key-1", "t")
    assert host.requests == [("/task?role=desk", None)]


def test_keys_are_renewed_before_they_end(host: Host) -> None:
    keys = host.keys()
    keys()
    host.now += LASTS_S - RENEW_S + 1
    assert keys().access_key == "key-2"


def test_keys_that_still_hold_outlast_a_host_that_is_silent_for_a_while(host: Host) -> None:
    keys = host.keys()
    keys()
    host.status = 503
    host.now += LASTS_S - 1
    assert keys().access_key == "key-1"
    host.now += 2
    with pytest.raises(AwsFault, match="gives no keys") as raised:
        keys()
    assert raised.value.status == 503


@pytest.mark.parametrize("body", ["no keys", "{}", '{"AccessKeyId": 7, "SecretAccessKey": "hidden"}'])
def test_an_answer_that_is_no_set_of_keys_is_refused_and_not_printed(host: Host, body: str) -> None:
    host.body = body
    with pytest.raises(AwsFault, match="no set of keys") as raised:
        host.keys()()
    assert body not in str(raised.value)


def test_the_token_is_shown_and_a_files_token_read_anew_each_time(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "token"
    server = host.endpoint(**{TOKEN: "given", f"{TOKEN}_FILE": str(file)}).key_server
    assert server is not None
    keys = TaskKeys(server, host.clock)
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        keys()
        host.now += LASTS_S
    assert [token for _, token in host.requests] == ["first", "second"]
    key_server = host.endpoint(**{TOKEN: "given"}).key_server
    assert key_server is not None
    TaskKeys(key_server, host.clock)()
    assert host.requests[-1][1] == "given"
    assert "given" not in repr(key_server)


def test_a_key_server_that_does_not_listen_is_no_answer() -> None:
    endpoint = Endpoint.of({"AWS_REGION": REGION, FULL: "http://127.0.0.1:9/task"})
    assert endpoint.key_server is not None
    with pytest.raises(AwsFault, match="NoAnswer"):
        TaskKeys(endpoint.key_server, lambda: 0.0)()


def test_a_relative_path_is_at_the_tasks_host() -> None:
    endpoint = Endpoint.of({"AWS_REGION": REGION, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1"})
    assert endpoint.key_server is not None
    assert endpoint.key_server.url == "http://169.254.170.2/v2/credentials/1"


@pytest.mark.parametrize(
    "url", ["http://example.com/task", "http://10.0.0.1/", "http://127.1.example.com/", "http://localhost.example.com/"]
)
def test_a_token_is_sent_only_to_allowed_hosts(url: str) -> None:
    with pytest.raises(BadInput, match="AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        Endpoint.of({"AWS_REGION": REGION, FULL: url})


def test_calls_are_signed_with_the_tasks_keys(host: Host) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        call: Any = connect("light", host.endpoint(AWS_ENDPOINT_URL=url))
        assert call("sqs", "ListQueues", {}) == {}
    finally:
        server.stop()
    assert len(host.requests) == 1


def test_keys_in_the_environment_go_first(host: Host) -> None:
    endpoint = host.endpoint(AWS_ACCESS_KEY_ID="own", AWS_SECRET_ACCESS_KEY="secret")
    connect("light", endpoint)
    assert endpoint.credentials is not None
    assert host.requests == []
