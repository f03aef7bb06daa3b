"""Keys, signatures and timestamps: who may ask, and until when a request holds."""

import base64
import binascii
import hashlib
import hmac
import re
from decimal import Decimal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fanfold.exchange.parameters import MICROSECONDS, NUMBER, Params
from fanfold.exchange.refusals import ExchangeRefusal, illegal, missing

WINDOW_MS, WINDOW_MAX_MS = Decimal(5_000), Decimal(60_000)
AHEAD_MS = 1_000
WINDOW = r"^[0-9]{1,20}(\.[0-9]{1,3})?$"
KEY = r"^[A-Za-z0-9-]{10,100}$"


class ApiCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """The account's two keys: one with a secret for HMAC, one with a private key for Ed25519 as base64 of PKCS 8."""

    key: str
    secret: str
    ed25519_key: str
    ed25519_secret: str

    @classmethod
    def of(cls, seed: int) -> "ApiCredentials":
        """Return the credentials of a seed: the same every time, because they guard play money."""
        key, secret, ed25519_key, ed25519_secret = (
            hashlib.sha256(f"{part} {seed}".encode()) for part in ("key", "secret", "ed25519 key", "ed25519 secret")
        )
        private = Ed25519PrivateKey.from_private_bytes(ed25519_secret.digest())
        document = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return cls(
            key=key.hexdigest(),
            secret=secret.hexdigest(),
            ed25519_key=ed25519_key.hexdigest(),
            ed25519_secret=base64.b64encode(document).decode(),
        )


def sign(credentials: ApiCredentials, payload: bytes) -> str:
    """Return the HMAC signature of a payload, by the account's secret."""
    return hmac.new(credentials.secret.encode(), payload, hashlib.sha256).hexdigest()


def check_key(credentials: ApiCredentials, key: str) -> None:
    """Check that a key is well-formed, and the one that there is."""
    if not re.match(KEY, key):
        raise ExchangeRefusal(-2014, "API-key format invalid.", 401)
    if key not in {credentials.key, credentials.ed25519_key}:
        raise ExchangeRefusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def check_signature(credentials: ApiCredentials, key: str, query: str, body: str, params: Params) -> None:
    """Check the signature over query and body as they were sent, by the key's algorithm."""
    if not params.get("signature"):
        raise missing("signature")
    payload = (_unsigned(query) + _unsigned(body)).encode()
    verify = _verify_ed25519 if key == credentials.ed25519_key else _verify_hmac
    if not verify(credentials, payload, params["signature"]):
        raise ExchangeRefusal(-1022, "Signature for this request is not valid.")


def _verify_hmac(credentials: ApiCredentials, payload: bytes, signature: str) -> bool:
    return hmac.compare_digest(sign(credentials, payload).encode(), signature.lower().encode())


def _verify_ed25519(credentials: ApiCredentials, payload: bytes, signature: str) -> bool:
    private = base64.b64decode(credentials.ed25519_secret)[-32:]
    try:
        Ed25519PrivateKey.from_private_bytes(private).public_key().verify(
            base64.b64decode(signature, validate=True), payload
        )
    except (InvalidSignature, binascii.Error):
        return False
    return True


def check_time(params: Params, now_ms: int) -> None:
    """Check that a request holds now. It is checked on receipt, and again right before the engine sees it."""
    if not params.get("timestamp"):
        raise missing("timestamp")
    stamp = _figure(params, "timestamp", NUMBER)
    window = _figure(params, "recvWindow", WINDOW) if "recvWindow" in params else WINDOW_MS
    if stamp > MICROSECONDS:
        stamp = stamp.scaleb(-3)
    if window > WINDOW_MAX_MS:
        raise ExchangeRefusal(-1131, "recvWindow must be less than 60000.")
    if stamp >= now_ms + AHEAD_MS:
        raise ExchangeRefusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - stamp > window:
        raise ExchangeRefusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def _unsigned(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def _figure(params: Params, name: str, legal: str) -> Decimal:
    if not re.match(legal, params[name]):
        raise illegal(name, legal)
    return Decimal(params[name])
