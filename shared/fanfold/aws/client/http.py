"""HTTP requests and responses as the protocols write and read them."""

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
    """An HTTP response; header names may be looked up in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def _unchecked(_operation: str, _answer: HttpResponse) -> None:
    """Accept any response: most services send no checksum."""


class Protocol(NamedTuple):
    """The functions by which a service's operations are written, its responses read, and damaged ones detected."""

    request: Callable[[str, Mapping[str, Any]], HttpRequest]
    response: Callable[[str, HttpResponse], dict[str, Any]]
    fault: Callable[[HttpResponse], AwsFault]
    check: Callable[[str, HttpResponse], None] = _unchecked


def percent_encode(text: str, safe: str = "") -> str:
    """Percent-encode everything but letters, digits and ``-_.~``, as signatures require."""
    return quote(text, safe=f"{safe}-_.~")


def query_of(pairs: Mapping[str, str]) -> str:
    """Return a query in the order and encoding that signatures require: sorted by name, not by the joined text."""
    ordered = sorted((percent_encode(key), percent_encode(value)) for key, value in pairs.items())
    return "&".join(f"{key}={value}" for key, value in ordered)


def damaged_response(operation: str) -> AwsFault:
    """Return a fault for a response whose checksum does not match its body; it counts as no response."""
    return AwsFault("DamagedAnswer", f"{operation}: the answer does not have the checksum that it came with", NO_ANSWER)
