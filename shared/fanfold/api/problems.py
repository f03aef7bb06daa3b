"""Rejections of requests as problem documents (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:fanfold:problem:"


class Problem(Exception):
    """The rejection of a request. ``kind`` is stable and for programs, ``detail`` for people."""

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {kind}: {detail}")
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})

    def document(self) -> "ProblemDocument":
        title = HTTPStatus(self.status).phrase
        return ProblemDocument(type=TYPE_PREFIX + self.kind, title=title, status=self.status, detail=self.detail)


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every response that is a rejection (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


class GatewayMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The body of the gateway's own response: no function received the request, or none lived to respond."""

    message: str


def bad_request(detail: str) -> Problem:
    return Problem(400, "bad-request", detail)


def not_found(detail: str) -> Problem:
    return Problem(404, "not-found", detail)
