"""The emulator's second way in: whole requests to its app, whole answers back, one after the other."""

import asyncio
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from socket import create_connection

import pytest

from fanfold.local.listener import Listener, Message, Receive, Send


class Refused(Exception):
    """The error of the test's app."""


async def echoing(scope: Message, receive: Receive, send: Send) -> None:
    """Answer with what was asked."""
    request = await receive()
    if scope["path"] == "/fails":
        raise Refused
    headers = [(b"x-query", scope["query_string"]), (b"Access-Control-Allow-Origin", b"*")]
    headers += [(b"x-told", value) for name, value in scope["headers"] if name == b"x-told"]
    await send({"type": "http.response.start", "status": 404 if scope["path"] == "/none" else 200, "headers": headers})
    body = f"{scope['method']} {scope['path']} ".encode() + request["body"]
    # In two parts, as an app may.
    await send({"type": "http.response.body", "body": body[:3], "more_body": True})
    await send({"type": "http.response.body", "body": body[3:]})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    server = loop.run_until_complete(loop.create_server(lambda: Listener(echoing), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.close()


@pytest.fixture
def client(port) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    yield connection
    connection.close()


def fetch(client: HTTPConnection, method: str, target: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    client.request(method, target, body, headers)
    answer = client.getresponse()
    return answer.status, answer.read()


def test_one_connection_serves_many_requests(client):
    assert fetch(client, "PUT", "/a%20key", b"x" * 300_000) == (200, b"PUT /a key " + b"x" * 300_000)
    first = client.sock
    assert fetch(client, "POST", "/", b"two") == (200, b"POST / two")
    assert fetch(client, "GET", "/none") == (404, b"GET /none ")
    assert client.sock is first


def test_the_app_reads_query_and_headers_in_any_case_and_no_browser_is_answered(client):
    client.request("GET", "/?a=1&b=%2F", headers={"X-TOLD": " much "})
    answer = client.getresponse()
    answer.read()
    assert answer.headers["x-query"] == "a=1&b=%2F"
    assert answer.headers["x-told"] == "much"
    assert answer.headers["access-control-allow-origin"] is None


def test_a_head_is_answered_without_a_body_and_with_its_length(client):
    client.request("HEAD", "/key")
    answer = client.getresponse()
    assert answer.read() == b""
    assert int(answer.headers["content-length"]) == len("HEAD /key ")
    assert fetch(client, "GET", "/key") == (200, b"GET /key ")


def test_a_request_may_come_byte_by_byte_and_the_next_right_behind_it(port):
    with create_connection(("127.0.0.1", port), timeout=10) as connection:
        for byte in b"POST /slow HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc":
            connection.sendall(bytes([byte]))
        connection.sendall(b"GET /next HTTP/1.1\r\n\r\nGET /last HTTP/1.1\r\n\r\n")
        heard = b""
        while b"GET /last " not in heard:
            heard += connection.recv(4096)
    assert [heard.index(part) for part in (b"POST /slow abc", b"GET /next ", b"GET /last ")] == sorted(
        heard.index(part) for part in (b"POST /slow abc", b"GET /next ", b"GET /last ")
    )
    assert heard.count(b"HTTP/1.1 200 OK") == 3


def test_an_app_that_raises_ends_the_connection_and_no_other(client, port):
    other = HTTPConnection("127.0.0.1", port, timeout=10)
    assert fetch(other, "GET", "/") == (200, b"GET / ")
    with pytest.raises((HTTPException, OSError)):
        fetch(client, "GET", "/fails")
    assert fetch(other, "GET", "/") == (200, b"GET / ")
    other.close()
