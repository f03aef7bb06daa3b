"""HTTP to an exchange on http.client, called as ccxt calls requests.

A cold start spends more on requests, with urllib3 and charset_normalizer, than on ccxt; the AWS client has http.client
loaded already. ccxt still judges what happens: a fault is raised as the exception of requests that ccxt catches.
"""

import ssl
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from select import poll
from types import ModuleType
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urljoin, urlsplit

REDIRECTS = frozenset({301, 302, 303, 307, 308})
# The defaults of the library requests: redirects that it follows, connections that it keeps to a host.
REDIRECTS_MAX = 30
RESTING_MAX = 10
USER_AGENT = "fanfold"
# What requests leaves as it is in an address: the reserved characters of RFC 3986, and what is encoded.
_KEPT = "!#$%&'()*+,/:;=?@[]~"
# All markets of the largest exchange are a quarter of it; a small body can unpack to any size.
PLAIN_MAX = 64 << 20
# How zlib is to read: with the header of gzip.
_GZIP = 16 + zlib.MAX_WBITS
# What ccxt says of each request besides, as long as no proxy is set and certificates are verified.
DIRECT = {"proxies": None, "verify": True, "files": None}
# Scheme and host.
Place = tuple[str, str]


class Faults(NamedTuple):
    """The exceptions that ccxt catches around a request."""

    request: type[Exception]
    http: Callable[..., Exception]
    timeout: type[Exception]
    redirects: Callable[..., Exception]
    connection: type[Exception]


class RequestError(OSError):
    """Stands for requests' RequestException, where requests is not loaded."""

    def __init__(self, text: str, response: Any = None) -> None:
        super().__init__(text)
        self.response = response


class StatusError(RequestError):
    """Stands for requests' HTTPError."""


class NoConnectionError(RequestError):
    """Stands for requests' ConnectionError."""


class TimedOutError(RequestError):
    """Stands for requests' Timeout."""


class RedirectedError(RequestError):
    """Stands for requests' TooManyRedirects."""


FAULTS = Faults(RequestError, StatusError, TimedOutError, RedirectedError, NoConnectionError)


class Response:
    """A response that was read to its end."""

    encoding = "utf-8"

    def __init__(self, status: int, reason: str, headers: Mapping[str, str], content: bytes, faults: Faults) -> None:
        """Keep ``content`` as it is after decompression; ``headers`` may be looked up in any case."""
        self.status_code, self.reason, self.headers, self.content = status, reason, headers, content
        self._faults = faults

    @property
    def text(self) -> str:
        return self.content.decode(self.encoding, "replace")

    def raise_for_status(self) -> None:
        """Raise the HTTP fault, which holds this response, for a status of 400 to 599."""
        if 400 <= self.status_code < 600:
            raise self._faults.http(f"HTTP {self.status_code} {self.reason}", response=self)


class HttpSession:
    """Open connections to an exchange, for all threads of a process. What was written is never written again."""

    def __init__(self, faults: Faults = FAULTS) -> None:
        self.headers = {"Accept": "*/*", "Connection": "keep-alive"}
        # An exchange's cookies are dropped; ccxt does so before each request.
        self.cookies: dict[str, str] = {}
        self.max_redirects = REDIRECTS_MAX
        self._faults = faults
        self._resting: dict[Place, deque[HTTPConnection]] = {}

    def request(self, method: str, url: str, *, timeout: float, **more: Any) -> Response:
        """Return the response; ``timeout`` is in seconds, for connecting and for each wait for bytes.

        Follows redirects of GET, where ``max_redirects`` is not 0. Raises the faults.
        """
        data, headers = more.pop("data"), more.pop("headers")
        if more != DIRECT:
            raise self._faults.request(f"a request is sent as {DIRECT}, not as {more}")
        for _ in range(self.max_redirects + 1):
            response = self._exchange(method, url, data, headers, timeout)
            target = response.headers.get("Location")
            if target is None or response.status_code not in REDIRECTS:
                return response
            if method != "GET":
                break
            url = urljoin(url, target)
        raise self._faults.redirects(f"HTTP {response.status_code} to {target}", response=response)

    def close(self) -> None:
        """Close the connections that rest; those in use are closed after their response."""
        resting, self._resting = self._resting, {}
        for connections in resting.values():
            while connection := _newest(connections):
                connection.close()

    def _exchange(
        self, method: str, url: str, data: bytes | None, headers: Mapping[str, str], patience_s: float
    ) -> Response:
        scheme, host, path, query, _ = urlsplit(url)
        target = quote((path or "/") + (f"?{query}" if query else ""), safe=_KEPT)
        body = data if data is not None or method == "GET" else b""
        resting = self._resting
        connection = self._connection((scheme, host), patience_s)
        open_still = False
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            open_still = connection.sock is not None
        except (OSError, HTTPException, ValueError) as fault:
            raise self._fault(fault, patience_s) from fault
        finally:
            # What broke off may still be answered, and nobody else may read that.
            self._keep(resting, (scheme, host), connection) if open_still else connection.close()
        plain = self._decompressed(content, answer.headers.get("Content-Encoding", ""))
        return Response(answer.status, answer.reason, cast(Mapping[str, str], answer.headers), plain, self._faults)

    def _fault(self, fault: Exception, patience_s: float) -> Exception:
        if isinstance(fault, TimeoutError):
            return self._faults.timeout(f"no answer within {patience_s:g} s")
        kind = self._faults.connection if isinstance(fault, OSError | HTTPException) else self._faults.request
        return kind(f"{type(fault).__name__}: {fault}")

    def _connection(self, place: Place, patience_s: float) -> HTTPConnection:
        """Return the connection that was used last and is still open at the other end, or a new one."""
        while connection := _newest(self._resting.get(place)):
            if not _readable(connection):
                connection.timeout = patience_s
                connection.sock.settimeout(patience_s)
                return connection
            connection.close()
        scheme, host = place
        if scheme == "https":
            return HTTPSConnection(host, timeout=patience_s, context=_tls())
        return HTTPConnection(host, timeout=patience_s)

    def _keep(self, resting: dict[Place, deque[HTTPConnection]], place: Place, connection: HTTPConnection) -> None:
        connections = resting.setdefault(place, deque())
        # After a close there are other connections than there were.
        if resting is self._resting and len(connections) < RESTING_MAX:
            connections.append(connection)
        else:
            connection.close()

    def _decompressed(self, content: bytes, encoding: str) -> bytes:
        try:
            if content and encoding in {"gzip", "x-gzip"}:
                return _gunzipped(content)
            if content and encoding == "deflate":
                return _inflated(content)
        except (OSError, zlib.error) as fault:
            raise self._faults.request(f"the body is no {encoding}: {fault}") from fault
        return content


def _newest(connections: deque[HTTPConnection] | None) -> HTTPConnection | None:
    """Take a connection out; another thread may be quicker."""
    try:
        return connections.pop() if connections else None
    except IndexError:
        return None


def _readable(connection: HTTPConnection) -> bool:
    """Return whether bytes, or the end, wait where none may: what was closed at the other end loses what is sent."""
    watched = poll()
    watched.register(connection.sock)
    return bool(watched.poll(0))


def _inflated(content: bytes) -> bytes:
    """Return the plain content of HTTP's deflate, which some servers send without the header of zlib."""
    try:
        return _member(content, zlib.MAX_WBITS, PLAIN_MAX)[0]
    except zlib.error:
        return _member(content, -zlib.MAX_WBITS, PLAIN_MAX)[0]


def _gunzipped(content: bytes) -> bytes:
    """Return the plain content of gzip, which may have several members."""
    plain = b""
    while content:
        member, rest = _member(content, _GZIP, PLAIN_MAX - len(plain))
        plain, content = plain + member, rest.lstrip(b"\0")
    return plain


def _member(content: bytes, window: int, plain_max: int) -> tuple[bytes, bytes]:
    """Return what a stream of deflate unpacks to, and the bytes behind it. Raises OSError for more."""
    stream = zlib.decompressobj(window)
    plain = stream.decompress(content, plain_max + 1)
    if len(plain) > plain_max:
        raise OSError(f"it unpacks to more than {PLAIN_MAX >> 20} MiB")
    if not stream.eof:
        raise zlib.error("it ends too early")
    return plain, stream.unused_data


@cache
def _tls() -> ssl.SSLContext:
    """Return what verifies an exchange by certifi's certificates, as requests does; reading them is slow."""
    import certifi  # noqa: PLC0415

    context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


def stand_ins() -> dict[str, ModuleType]:
    """Return modules by name with all that ccxt imports of requests."""
    contents: dict[str, dict[str, Any]] = {
        "requests": {"Session": HttpSession},
        "requests.utils": {"default_user_agent": lambda: USER_AGENT},
        "requests.exceptions": {
            "RequestException": RequestError,
            "HTTPError": StatusError,
            "Timeout": TimedOutError,
            "TooManyRedirects": RedirectedError,
            "ConnectionError": NoConnectionError,
        },
    }
    modules = {name: ModuleType(name) for name in contents}
    for name, module in modules.items():
        vars(module).update(contents[name])
    return modules
