"""One request, one effect: remember what a caller sent under a key, and the response."""

import re
from hashlib import sha256

import msgspec

from fanfold.api.problems import Problem, bad_request
from fanfold.api.requests import ApiRequest
from fanfold.api.router import Reply
from fanfold.ledger.requests import Remembered

KEY_HEADER = "idempotency-key"
KEY_PATTERN = "^[A-Za-z0-9_-]{8,64}$"


def key_of(request: ApiRequest) -> str:
    """Return the key of a request. Raises Problem where it has none, or an invalid one."""
    key = request.headers.get(KEY_HEADER, "")
    if not re.fullmatch(KEY_PATTERN, key, re.ASCII):
        raise bad_request(f"the header {KEY_HEADER} is missing or not 8 to 64 letters, digits, _ and -")
    return key


def digest_of(request: ApiRequest) -> str:
    return sha256(f"{request.method} {request.path}\n".encode() + request.body).hexdigest()


def stored_reply(known: Remembered, request: ApiRequest) -> Reply:
    """Return the stored response. Raise Problem if the key was used for a different request."""
    if known.digest != digest_of(request):
        raise Problem(422, "key-reused", f"this {KEY_HEADER} was used for another request; take a new one")
    return Reply(msgspec.json.decode(known.body), known.status, {"idempotency-replayed": "true"})
