"""Ids as functions of their causes: any process that computes one again gets the same."""

from collections.abc import Callable
from hashlib import blake2s

CLIENT_ID_LENGTH = 26
_SEPARATOR = "\x1f"


def derive(kind: str, *parts: object) -> str:
    """Return sixteen bytes as 32 lower-case hex digits, which every venue accepts as a client order id.

    >>> derive("signal", "trend", 60) == derive("signal", "trend", 60)
    True
    """
    digest = blake2s(_SEPARATOR.join([kind, *map(str, parts)]).encode(), digest_size=16)
    return digest.hexdigest()


def signal_id(instance: str, params_hash: str, instrument: str, timeframe: str, closes_at_s: int) -> str:
    return derive("signal", instance, params_hash, instrument, timeframe, closes_at_s)


def signal_ids(instance: str, params_hash: str, instrument: str, timeframe: str) -> Callable[[int], str]:
    """Return the function from a bar's close to its signal id, which has hashed what is the same for all bars.

    >>> signal_ids("trend", "p", "BTC/USDT", "1m")(60) == signal_id("trend", "p", "BTC/USDT", "1m", 60)
    True
    """
    begun = blake2s(
        _SEPARATOR.join(["signal", instance, params_hash, instrument, timeframe, ""]).encode(), digest_size=16
    )

    def of_close(closes_at_s: int) -> str:
        digest = begun.copy()
        digest.update(b"%d" % closes_at_s)
        return digest.hexdigest()

    return of_close


def order_id(signal: str, account: str, leg: int) -> str:
    return derive("order", signal, account, leg)


def client_order_id(order: str) -> str:
    """Return at most 28 alphanumeric characters with gate's prefix, so that one id fits every venue's rule."""
    return derive("client-order", order)[:CLIENT_ID_LENGTH]
