"""Requests to the gateway on loopback that pages of other origins could cause, and that no browser sends."""

import socket
from collections.abc import Iterator
from threading import Thread
from typing import Any, NamedTuple

import pytest

from fanfold.local import http_gateway


class Served(NamedTuple):
    """A gateway with control, and the calls that reached a function."""

    port: int
    calls: list[str]

    def status(self, method: str, path: str, *headers: str) -> int:
        """Return the status of a request with header lines, where {here} is the gateway's own host and port."""
        lines = [f"{method} {path} HTTP/1.1", *(each.format(here=f"127.0.0.1:{self.port}") for each in headers)]
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            return int(connection.recv(65_536).split(b" ", 2)[1])


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    calls: list[str] = []

    def answer(event: dict[str, Any], _context: object) -> dict[str, Any]:
        calls.append(event["rawPath"])
        return {"statusCode": 200, "headers": {}, "body": "{}"}

    targets = (http_gateway.READING, *http_gateway.TARGETS.values())
    gateway = http_gateway.Gateway(dict.fromkeys(targets, answer), http_gateway.principals(control=True))
    with http_gateway.server(gateway, 0) as listening:
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Served(listening.server_port, calls)
        listening.shutdown()
        thread.join()


OWN = "Host: {here}"
NONE = "Content-Length: 0"


@pytest.mark.parametrize("path", ["/halt", "/resume"])
@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (403, (OWN, "Origin: http://evil.test")),
        (403, (OWN, "Origin: null")),
        (403, (OWN, "Origin: http://localhost:1")),
        (403, (OWN, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")),
        (403, (OWN, "Sec-Fetch-Site: same-site")),
        (421, ("Host: evil.test:80",)),
        (421, ("Host: 127.0.0.1.evil.test:80",)),
        (421, ()),
        (400, (OWN, "Host: evil.test:80")),
        (400, (OWN, "Origin: http://{here}", "Origin: http://evil.test")),
        (400, (OWN, NONE)),
        (411, (OWN, "Transfer-Encoding: chunked")),
        (413, (OWN, "Content-Length: 10485761")),
    ],
)
def test_no_other_page_halts_or_resumes(served: Served, path: str, status: int, headers: tuple[str, ...]) -> None:
    lengths = () if status == 413 else (NONE,)
    assert served.status("POST", path, *headers, *lengths) == status
    assert served.calls == []


@pytest.mark.parametrize("destination", ["iframe", "embed", "object", "empty"])
def test_no_other_page_has_this_one_inside_it(served: Served, destination: str) -> None:
    lines = (OWN, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", f"Sec-Fetch-Dest: {destination}")
    assert served.status("GET", "/", *lines) == 403
    assert served.calls == []


def test_a_link_to_the_page_may_be_followed(served: Served) -> None:
    lines = (OWN, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
    assert served.status("GET", "/", *lines) == 200


@pytest.mark.parametrize(("path", "length", "status"), [("http://[", "0", 400), ("/halt", "9" * 5_000, 413)])
def test_what_is_no_request_is_answered_too(served: Served, path: str, length: str, status: int) -> None:
    assert served.status("POST", path, OWN, f"Content-Length: {length}") == status


def test_the_page_itself_may_ask(served: Served) -> None:
    served.calls.clear()
    assert served.status("POST", "/halt", OWN, "Origin: http://{here}", "Sec-Fetch-Site: same-origin", NONE) == 200
    assert served.calls == ["/halt"]
    served.calls.clear()


def test_a_function_that_fails_is_answered_as_on_aws(capsys):
    def failing(_event: dict[str, Any], _context: object) -> dict[str, Any]:
        raise ZeroDivisionError("a bug")

    gateway = http_gateway.Gateway({http_gateway.READING: failing}, http_gateway.principals(control=False))
    with http_gateway.server(gateway, 0) as listening:
        # The end of the server waits for the thread that writes the fault down, after it has answered.
        listening.daemon_threads = False
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        assert Served(listening.server_port, []).status("GET", "/status", OWN) == 500
        listening.shutdown()
        thread.join()
    assert "ZeroDivisionError: a bug" in capsys.readouterr().err


def test_a_browser_that_goes_away_is_no_fault_and_a_bug_is_one(capsys):
    gateway = http_gateway.Gateway({}, http_gateway.principals(control=False))
    printed = []
    with http_gateway.server(gateway, 0) as listening:
        for fault in (BrokenPipeError("gone"), ConnectionResetError("gone"), ZeroDivisionError("a bug")):
            try:
                raise fault
            except (ConnectionError, ArithmeticError):
                listening.handle_error(socket.socket(), ("127.0.0.1", 1))
            printed.append("Traceback" in capsys.readouterr().err)
    assert printed == [False, False, True]
