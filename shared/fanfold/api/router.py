"""Respond to an HTTP API event: route, check, call the handler, encode the response or the problem."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from fanfold.api.conditional import unless_known
from fanfold.api.problems import MEDIA_TYPE, Problem, not_found
from fanfold.api.requests import ApiRequest, convert_query, request_of
from fanfold.api.routes import match_route

CLOCK_HEADER = "fanfold-clock"
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Reply(NamedTuple):
    """A response with a status or headers of its own; a handler may also return the body alone."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}


# Takes the request and its query as the route's record.
Handler = Callable[[ApiRequest, Any], Any]


def serve(event: dict[str, Any], handlers: Mapping[str, Handler]) -> dict[str, Any]:
    """Respond to an event in payload format 2.0; ``handlers`` are by the route's name."""
    try:
        reply = _reply(event, handlers)
    except Problem as problem:
        return _answer(problem.status, MEDIA_TYPE, _encode(problem.document()), problem.headers)
    return unless_known(event, _answer(reply.status, "application/json", _encode(reply.body), reply.headers))


def with_clock(response: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return a response that says the desk's time, by which a reader tells how old the data is.

    Of a market that is replayed it is not the reader's own time. It is no part of the body, which may be unchanged.
    """
    return response | {"headers": response["headers"] | {CLOCK_HEADER: now.isoformat()}}


def _reply(event: dict[str, Any], handlers: Mapping[str, Handler]) -> Reply:
    route, request = match_route(request_of(event))
    if route.name not in handlers:
        raise not_found(f"{route.path} is not answered here")
    query: Any = convert_query(request.query, route.query)
    result = handlers[route.name](request, query)
    return result if isinstance(result, Reply) else Reply(result)


def _answer(status: int, media: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    defaults = {"content-type": media, "cache-control": "no-store", "x-content-type-options": "nosniff"}
    return {"statusCode": status, "headers": defaults | dict(headers), "body": body.decode(), "isBase64Encoded": False}
