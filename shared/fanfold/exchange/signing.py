"""Keys, signatures and timestamps: who may ask, and until when a request holds."""

import hashlib
import hmac
import re
from decimal import Decimal, InvalidOperation

import msgspec

from fanfold.exchange.parameters import Params
from fanfold.exchange.refusals import ExchangeRefusal, missing

WINDOW_MS, WINDOW_MAX_MS = Decimal(5_000), Decimal(60_000)
AHEAD_MS = 1_000
KEY = r"^[A-Za-z0-9-]{10,100}$"


class ApiCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """An API key and its secret."""

    key: str
    secret: str

    @classmethod
    def of(cls, seed: int) -> "ApiCredentials":
        """Return the credentials of a seed: the same every time, because they guard play money."""
        return cls(**{part: hashlib.sha256(f"{part} {seed}".encode()).hexdigest() for part in ("key", "secret")})


def check_key(credentials: ApiCredentials, key: str) -> None:
    """Check that a key is well-formed, and the one that there is."""
    if not re.match(KEY, key):
        raise ExchangeRefusal(-2014, "API-key format invalid.", 401)
    if key != credentials.key:
        raise ExchangeRefusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def check_signature(credentials: ApiCredentials, query: str, body: str, params: Params) -> None:
    """Check the signature over query and body as they were sent."""
    if not params.get("signature"):
        raise missing("signature")
    payload = _unsigned(query) + _unsigned(body)
    expected = hmac.new(credentials.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, params["signature"].lower()):
        raise ExchangeRefusal(-1022, "Signature for this request is not valid.")


def check_time(params: Params, now_ms: int) -> None:
    """Check that a request holds now. It is checked on receipt, and again right before the engine sees it."""
    stamp, window = _number(params, "timestamp"), _number(params, "recvWindow", WINDOW_MS)
    if window > WINDOW_MAX_MS:
        raise ExchangeRefusal(-1131, "recvWindow must be less than 60000.")
    if stamp >= now_ms + AHEAD_MS:
        raise ExchangeRefusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - stamp > window:
        raise ExchangeRefusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def _unsigned(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def _number(params: Params, name: str, default: Decimal | None = None) -> Decimal:
    text = params.get(name)
    if text is None and default is not None:
        return default
    try:
        return Decimal(text or "")
    except InvalidOperation as wrong:
        raise missing(name) from wrong
