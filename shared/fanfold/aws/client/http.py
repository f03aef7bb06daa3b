"""What goes over the wire and what comes back, before and after the protocols."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from fanfold.aws.client.call import NO_ANSWER, AwsFault


class HttpRequest(NamedTuple):
    """An HTTP request before it has a host: path and query are percent-encoded, header names in lower case.

    ``bucket`` goes into the host or in front of the path, as the endpoint has it.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    bucket: str = ""


class HttpResponse(NamedTuple):
    """An HTTP answer; the headers' names may be asked for in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def _unchecked(_operation: str, _answer: HttpResponse) -> None:
    """Of most services nothing tells whether an answer is whole."""


class Protocol(NamedTuple):
    """How a service writes its operations, reads its answers, and knows that one is not as it was sent."""

    request: Callable[[str, Mapping[str, Any]], HttpRequest]
    response: Callable[[str, HttpResponse], dict[str, Any]]
    fault: Callable[[HttpResponse], AwsFault]
    check: Callable[[str, HttpResponse], None] = _unchecked


def encoded(text: str, safe: str = "") -> str:
    """Percent-encoded as signatures want it: everything but letters, digits and ``-_.~``."""
    return quote(text, safe=f"{safe}-_.~")


def query_of(pairs: Mapping[str, str]) -> str:
    """A query in the order and encoding that signatures want: by name, and not by what joins name and value."""
    ordered = sorted((encoded(key), encoded(value)) for key, value in pairs.items())
    return "&".join(f"{key}={value}" for key, value in ordered)


def damaged(operation: str) -> AwsFault:
    """An answer whose checksum is another than its sender's is as good as none."""
    return AwsFault("DamagedAnswer", f"{operation}: the answer does not have the checksum that it came with", NO_ANSWER)
