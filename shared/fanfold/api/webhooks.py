"""Verify that a webhook was sent by a holder of a secret, and recently.

A sender signs ``timestamp.nonce.body`` with HMAC-SHA256: the timestamp as whole epoch seconds, the nonce of its own
choice, the raw bytes of the body. Several secrets may be active at once, so that one is replaced without a gap.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

from fanfold.api.problems import Problem

TIMESTAMP, NONCE, SIGNATURE = "fanfold-timestamp", "fanfold-nonce", "fanfold-signature"
# How far the sender's clock may be off. Where a nonce is stored, it is kept for twice as long.
WINDOW_S = 300
_SHAPES = {
    TIMESTAMP: re.compile(r"[1-9][0-9]{9,10}", re.ASCII),
    NONCE: re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII),
    SIGNATURE: re.compile(r"[0-9a-f]{64}", re.ASCII),
}


def signature(secret: bytes, timestamp: str, nonce: str, body: bytes) -> str:
    """Return the value of the signature header."""
    return hmac.new(secret, f"{timestamp}.{nonce}.".encode() + body, sha256).hexdigest()


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], now: float) -> str:
    """Return the nonce of a genuine and recent request; a caller that must not act twice checks that it is new.

    Raises Problem, which never says how close a forgery came. A header that was sent twice arrives joined by a comma,
    and so is malformed.
    """
    timestamp, nonce, received = (_header(headers, name) for name in _SHAPES)
    genuine = [hmac.compare_digest(received, signature(secret, timestamp, nonce, body)) for secret in secrets if secret]
    if not any(genuine):
        raise _refused("the signature fits no active secret")
    if abs(now - int(timestamp)) > WINDOW_S:
        raise _refused(f"the timestamp is more than {WINDOW_S} s from now")
    return nonce


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if not _SHAPES[name].fullmatch(value):
        raise _refused(f"the header {name} is missing, given twice or not of its shape")
    return value


def _refused(detail: str) -> Problem:
    return Problem(401, "bad-signature", detail)
