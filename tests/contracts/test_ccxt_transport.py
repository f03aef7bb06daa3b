"""Requests of ccxt on http.client: each fault of a server is to ccxt what it is on requests."""

import gzip
import json
import socket
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest

from fanfold.errors import VenueUnavailable
from fanfold.venues.ccxt import transport
from fanfold.venues.ccxt.client import Client
from fanfold.venues.ccxt.transport import DIRECT, HttpSession, RequestError
from support.loopback_tls import certificate
from support.odd_responses import LAST_WORDS, encrypted, listening, response
from support.python_processes import python

PROGRAM = str(Path(__file__).with_name("ccxt_requests.py"))


def test_every_response_and_fault_is_to_ccxt_what_it_is_on_requests() -> None:
    own, requests = (json.loads(python(PROGRAM, how)) for how in ("slim", "whole"))
    assert own == requests
    read = {"a": "1"}
    assert own["half-body"] == [["RequestTimeout"], read]
    assert own["closed-in-body"] == own["reset"] == [["NetworkError"], read]
    assert own["unexpected-end"] == own["gzip"] == own["redirect"] == [read, read]
    assert own["POST redirected"] == own["GET redirected"] == ["ExchangeError", 302]
    assert own["untrusted"] == own["refused"] == ["NetworkError"]


@pytest.mark.parametrize("name", ["binance", "bybit", "okx", "kraken", "coinbase"])
def test_an_exchange_is_loaded_without_requests_and_leaves_them_to_others(name: str) -> None:
    program = f"""
        import sys
        from fanfold.venues.ccxt.client import Client
        Client({name!r})
        print([name for name in ("requests", "urllib3", "importlib.metadata", "certifi") if name in sys.modules])
        import requests
        print(requests.Session.__module__)
    """
    assert python("-c", dedent(program)).splitlines() == ["[]", "requests.sessions"]


def test_all_of_ccxt_comes_with_the_faults_that_it_catches_itself() -> None:
    program = """
        import ccxt, requests
        from fanfold.venues.ccxt import slim
        slim.load("kraken")
        print(slim.transport_faults().timeout is requests.Timeout, slim.transport_faults().http is requests.HTTPError)
    """
    assert python("-c", dedent(program)).strip() == "True True"


@pytest.mark.parametrize("name", ["closed", "closed-in-body", "closed-in-chunk", "bad-chunk", "no-http", "bad-status"])
def test_a_client_whose_exchange_hangs_up_has_no_venue(name: str) -> None:
    def spoken(connection: socket.socket) -> None:
        with connection:
            connection.recv(10_000)
            connection.sendall(LAST_WORDS[name])

    with listening(spoken) as port, pytest.raises(VenueUnavailable, match="binance"):
        Client("binance", f"http://127.0.0.1:{port}").load()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_small_body_that_unpacks_to_more_than_any_exchange_has_is_a_fault(encoding: str) -> None:
    large = bytes(transport.PLAIN_MAX + 1)
    body = gzip.compress(large) if encoding == "gzip" else zlib.compress(large)

    def spoken(connection: socket.socket) -> None:
        with connection:
            connection.recv(10_000)
            connection.sendall(response(200, body, f"Content-Encoding: {encoding}\r\n"))

    with listening(spoken) as port, pytest.raises(RequestError, match=f"no {encoding}: it unpacks to more than 64 MiB"):
        HttpSession().request("GET", f"http://127.0.0.1:{port}/", data=None, headers={}, timeout=5.0, **DIRECT)


def test_threads_share_a_session_and_closing_it_ends_no_request() -> None:
    session = HttpSession()
    with listening() as port, ThreadPoolExecutor(8) as pool:

        def read(number: int) -> str:
            if number % 7 == 0:
                session.close()
            url = f"http://127.0.0.1:{port}/echo?{number}"
            return session.request("GET", url, data=None, headers={}, timeout=5.0, **DIRECT).text

        lines = [json.loads(text)["line"] for text in pool.map(read, range(200))]
    session.close()
    assert lines == [f"GET /echo?{number} HTTP/1.1" for number in range(200)]


@pytest.mark.parametrize("change", [{"verify": False}, {"proxies": {"http": "http://127.0.0.1:1"}}, {"files": ()}])
def test_a_request_that_is_not_direct_and_verified_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(RequestError, match="not as"):
        HttpSession().request("GET", "http://127.0.0.1:1/", data=None, headers={}, timeout=1.0, **DIRECT | change)


def test_a_certificate_that_certifi_lists_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = certificate(tmp_path)
    monkeypatch.setattr("certifi.where", lambda: str(path))
    monkeypatch.setattr(transport, "_tls", transport._tls.__wrapped__)
    session = HttpSession()
    with listening(encrypted(path)) as port:
        for _ in range(2):
            response = session.request(
                "GET", f"https://localhost:{port}/plain", data=None, headers={}, timeout=5.0, **DIRECT
            )
            assert response.content == b'{"a": "1"}'
    session.close()
