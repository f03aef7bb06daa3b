"""An exchange's markets as a document, so that a process that starts need not fetch them.

Of what the exchange itself wrote, ``info``, only what ccxt reads to place an order is kept: the whole would be most of
the document, some megabytes for the largest exchange.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from fanfold.errors import BadInput
from fanfold.venues.ccxt.client import Client
from fanfold.venues.ccxt.slim import PINNED

# A change of steps or limits, or a delisting, is known after this at the latest.
AGE_MAX = timedelta(hours=24)
INFO = ("orderTypes",)


class MarketStore(Protocol):
    """A place for one document an exchange, such as an object in S3."""

    def load(self, exchange: str) -> bytes:
        """Return the exchange's document; b"" where there is none."""

    def store(self, exchange: str, document: bytes) -> None:
        """Replace the exchange's document."""


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    """Markets by symbol as one version of ccxt has them, fetched at a time."""

    exchange: str
    ccxt: str
    fetched_at: datetime
    markets: dict[str, dict[str, Any]]


_read = msgspec.json.Decoder(_Document).decode


def ready(client: Client, store: MarketStore, now: datetime) -> None:
    """Give a client its markets: those stored, where they are of today's ccxt and not old, or else fetched and stored.

    Raises VenueUnavailable where they have to be fetched and the exchange gives none.
    """
    document = store.load(client.name)
    if document and _fresh(document, client.name, now):
        client.use_markets(_read(document).markets)
        return
    store.store(client.name, dump(client.name, client.all_markets(), now))


def dump(exchange: str, markets: Mapping[str, Mapping[str, Any]], fetched_at: datetime) -> bytes:
    """Return the document of an exchange's markets."""
    kept = {symbol: dict(market) | {"info": _info(market)} for symbol, market in markets.items()}
    return msgspec.json.encode(_Document(exchange=exchange, ccxt=PINNED, fetched_at=fetched_at, markets=kept))


def _fresh(document: bytes, exchange: str, now: datetime) -> bool:
    """Return whether a document can be used. Raises BadInput for one that is damaged, or of another exchange."""
    try:
        stored = _read(document)
    except msgspec.MsgspecError as fault:
        raise BadInput(f"the stored markets of {exchange} are damaged; delete them: {fault}") from fault
    if stored.exchange != exchange:
        raise BadInput(f"the markets stored for {exchange} are those of {stored.exchange}; delete them")
    # Another version of ccxt may expect other keys, and say so only after an order was sent.
    return stored.ccxt == PINNED and abs(now - stored.fetched_at) <= AGE_MAX


def _info(market: Mapping[str, Any]) -> dict[str, Any]:
    info = market.get("info") or {}
    return {name: info[name] for name in INFO if name in info}
