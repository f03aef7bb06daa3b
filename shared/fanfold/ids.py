"""Ids as functions of their causes: any process that computes one again gets the same."""

from hashlib import blake2s

CLIENT_ID_LENGTH = 26


def derive(kind: str, *parts: object) -> str:
    """Return sixteen bytes as 32 lower-case hex digits, which every venue accepts as a client order id.

    >>> derive("signal", "trend", 60) == derive("signal", "trend", 60)
    True
    """
    digest = blake2s("\x1f".join([kind, *map(str, parts)]).encode(), digest_size=16)
    return digest.hexdigest()


def signal_id(instance: str, params_hash: str, instrument: str, timeframe: str, closes_at_s: int) -> str:
    return derive("signal", instance, params_hash, instrument, timeframe, closes_at_s)


def order_id(signal: str, account: str, leg: int) -> str:
    return derive("order", signal, account, leg)


def client_order_id(order: str) -> str:
    """Return at most 28 alphanumeric characters with gate's prefix, so that one id fits every venue's rule."""
    return derive("client-order", order)[:CLIENT_ID_LENGTH]
