"""The entries of the tax books: what came to an account, what left it, and what moved between two."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from heapq import merge
from typing import Literal

import msgspec

Kind = Literal["trade", "fee", "spent"]


class Acquired(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of a coin that an account came by, and its cost in the tax currency with fees.

    ``since`` is when its holding period began, where that was earlier.
    """

    at: datetime
    account: str
    coin: str
    quantity: Decimal
    cost: Decimal
    source: str
    since: datetime | None = None


class Disposed(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of a coin that left an account for proceeds in the tax currency, net of fees."""

    at: datetime
    account: str
    coin: str
    quantity: Decimal
    proceeds: Decimal
    source: str
    kind: Kind = "trade"


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of a coin that went from one own account to another; its lots go along. ``to`` is "" for elsewhere."""

    at: datetime
    account: str
    to: str
    coin: str
    quantity: Decimal
    source: str


Entry = Acquired | Disposed | Moved


def in_order(*streams: Iterable[Entry]) -> Iterator[Entry]:
    """Return entries in order of time; of two at one time that of the earlier stream comes first."""
    return merge(*streams, key=lambda entry: entry.at)
