"""A request from an HTTP API event (payload format 2.0), with the checks that every route shares."""

import binascii
from base64 import b64decode
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, unquote

import msgspec

from fanfold.api.problems import Problem, bad_request, not_found
from fanfold.desk import Desk

BODY_BYTES_MAX = 8_192
QUERY_CHARACTERS_MAX = 2_048
# The authority of the chat, which has identified a person by a platform; see fanfold.chat.desk_api.
CHAT = "chat"
T = TypeVar("T")


class ApiRequest(NamedTuple):
    """Header names are in lower case; ``principal`` is the caller as the gateway identified it, "" for nobody.

    ``authority`` says how the gateway did so: ``jwt``, ``iam``, or "" where it did not check; ``chat`` is the chat's
    own function, in the gateway's place. ``scopes`` are those of a token.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    authority: str
    principal: str
    parameters: dict[str, str]
    scopes: frozenset[str] = frozenset()


def request_of(event: dict[str, Any]) -> ApiRequest:
    """Return the request in an event. Raises Problem for a body or query that is too large or malformed."""
    context = event["requestContext"]
    authority, principal = _principal(context.get("authorizer") or {})
    return ApiRequest(
        method=context["http"]["method"],
        path=unquote(event["rawPath"]),
        query=_query(event.get("rawQueryString") or ""),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=_body(event),
        authority=authority,
        principal=principal,
        parameters={},
        scopes=_scopes(context.get("authorizer") or {}),
    )


def accounts(desk: Desk, name: str | None) -> list[str]:
    """Return the account that is asked for, or all of the desk by name. Raises Problem for one that is not in it."""
    if name is None:
        return sorted(desk.accounts)
    if name not in desk.accounts:
        raise not_found(f"account {name!r} is not in the desk")
    return [name]


def convert_query(fields: dict[str, str], kind: type[T]) -> T:
    """Convert query parameters to the record that a route takes."""
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as wrong:
        raise bad_request(f"the query: {wrong}") from wrong


def decode_body(request: ApiRequest, kind: type[T]) -> T:
    """Decode the JSON body to the record that a route takes."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Problem(415, "unsupported-media-type", f"the body is {media or 'of no type'}; send application/json")
    try:
        return msgspec.json.decode(request.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise bad_request(f"the body: {wrong}") from wrong


def _query(raw: str) -> dict[str, str]:
    if len(raw) > QUERY_CHARACTERS_MAX:
        raise bad_request(f"the query is longer than {QUERY_CHARACTERS_MAX} characters")
    values: dict[str, str] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        if name in values:
            raise bad_request(f"the query names {name!r} more than once")
        values[name] = value
    return values


def _body(event: dict[str, Any]) -> bytes:
    text = event.get("body") or ""
    # Base64 is a third longer than what it stands for; what could not fit is not even decoded.
    if len(text) > BODY_BYTES_MAX * 4 // 3 + 4:
        raise _too_large()
    body = _unpacked(text) if event.get("isBase64Encoded") else text.encode()
    if len(body) > BODY_BYTES_MAX:
        raise _too_large()
    return body


def _unpacked(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise bad_request(f"the body is not base64: {wrong}") from wrong


def _too_large() -> Problem:
    return Problem(413, "too-large", f"the body is larger than {BODY_BYTES_MAX} bytes")


def _principal(authorizer: dict[str, Any]) -> tuple[str, str]:
    if "jwt" in authorizer:
        subject = authorizer["jwt"]["claims"].get("sub")
        # No subject may pass for a role.
        return "jwt", f"jwt/{subject}" if subject else ""
    if "iam" in authorizer:
        return "iam", str(authorizer["iam"]["userArn"])
    if CHAT in (authorizer.get("lambda") or {}):
        return CHAT, str(authorizer["lambda"][CHAT])
    return "", ""


def _scopes(authorizer: dict[str, Any]) -> frozenset[str]:
    """Return the scopes of a token, under either of the claims that the gateway itself reads."""
    claims = (authorizer.get("jwt") or {}).get("claims", {})
    return frozenset(word for name in ("scope", "scp") for word in str(claims.get(name, "")).strip("[]").split())
