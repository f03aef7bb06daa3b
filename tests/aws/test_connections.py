"""Connections: kept, lost, encrypted, shared between threads; and whom they go to."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import parse_headers
from pathlib import Path

import pytest

from fanfold.aws.client.call import NO_ANSWER, AwsFault, Endpoint
from fanfold.aws.client.connect import Client, connect
from fanfold.aws.client.http import HttpRequest
from fanfold.aws.client.light import light_call, resolve_host, ssl_context
from support.emulator import KEYS, REGION, Emulator
from support.loopback_tls import certificate, server_side


@pytest.mark.parametrize("client", ["light", "boto3"])
def test_a_request_to_a_closed_port_gets_no_answer(client: Client) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(AwsFault) as raised:
        connect(client, Endpoint(region=REGION, url=url, credentials=KEYS))("sqs", "ListQueues", {})
    assert (raised.value.code, raised.value.status) == ("NoAnswer", NO_ANSWER)


def answers(connection: socket.socket, count: int) -> None:
    """Answer that many requests with {} and hang up."""
    with connection, connection.makefile("rb") as stream:
        for _ in range(count):
            stream.readline()
            stream.read(int(parse_headers(stream)["content-length"] or 0))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def plain(connection: socket.socket) -> socket.socket:
    return connection


@contextmanager
def hanging_up_after(*counts: int, wrapped: Callable[[socket.socket], socket.socket] = plain) -> Iterator[str]:
    """A server that hangs up its first connection after so many answers, its second after so many, and so on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(1)  # Whoever fails to come must not hold up the end of the run.

        def serve() -> None:
            for count in counts:
                with suppress(OSError):
                    answers(wrapped(listener.accept()[0]), count)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(5)


def test_a_kept_connection_that_was_closed_is_opened_again() -> None:
    with hanging_up_after(2, 1) as url:
        call = light_call(Endpoint(region=REGION, url=url, credentials=KEYS))
        assert [call("sqs", "SendMessage", {}) for _ in range(3)] == [{}, {}, {}]


def test_a_new_connection_that_is_closed_is_a_fault() -> None:
    with hanging_up_after(0, 1) as url:
        call = light_call(Endpoint(region=REGION, url=url, credentials=KEYS))
        with pytest.raises(AwsFault, match="NoAnswer"):
            call("sqs", "SendMessage", {})


def test_a_function_whose_answer_is_lost_is_not_invoked_again() -> None:
    with hanging_up_after(2, 0, 1) as url:
        call = connect("light", Endpoint(region=REGION, url=url, credentials=KEYS))
        assert call("lambda", "Invoke", {"FunctionName": "sweep"})["Payload"] == b"{}"
        with pytest.raises(AwsFault, match="NoAnswer"):
            call("lambda", "Invoke", {"FunctionName": "sweep"})


def test_threads_share_a_call(ministack_session: Emulator) -> None:
    call = connect("light", ministack_session.endpoint)
    counts: list[int] = []

    def ask() -> None:
        counts.extend(len(call("dynamodb", "ListTables", {})["TableNames"]) for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 80


@pytest.mark.parametrize(("url", "service", "bucket", "place"), [
    (None, "dynamodb", "", "https://dynamodb.eu-west-1.amazonaws.com/a"),
    (None, "s3", "lake", "https://lake.s3.eu-west-1.amazonaws.com/a"),
    (None, "s3", "lake.of.com", "https://s3.eu-west-1.amazonaws.com/lake.of.com/a"),
    ("http://127.0.0.1:4566", "sqs", "", "http://127.0.0.1:4566/a"),
    ("http://127.0.0.1:4566", "s3", "lake", "http://127.0.0.1:4566/lake/a"),
])  # fmt: skip
def test_requests_go_where_the_service_lives(url: str | None, service: str, bucket: str, place: str) -> None:
    endpoint = Endpoint(region=REGION, url=url, credentials=KEYS)
    scheme, host, request = resolve_host(endpoint, service, HttpRequest("GET", "/a", "", {}, b"", bucket))
    assert f"{scheme}://{host}{request.path}" == place


def encrypted(path: Path) -> Callable[[socket.socket], socket.socket]:
    context = server_side(path)
    return lambda plain: context.wrap_socket(plain, server_side=True)


def test_only_a_server_with_a_trusted_certificate_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = certificate(tmp_path)
    for trusted in (False, True):
        ssl_context.cache_clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(path if trusted else tmp_path / "none"))
        with hanging_up_after(1, wrapped=encrypted(path)) as url:
            call = light_call(Endpoint(region=REGION, url=url.replace("http:", "https:"), credentials=KEYS))
            if trusted:
                assert call("sqs", "SendMessage", {}) == {}
            else:
                with pytest.raises(AwsFault, match="CERTIFICATE_VERIFY_FAILED"):
                    call("sqs", "SendMessage", {})
    ssl_context.cache_clear()
