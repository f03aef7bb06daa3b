"""The port to a venue's dialect, and what several of them share."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from fanfold.errors import BadInput, VenueUnavailable
from fanfold.messages import Order

# Native parameters, an answer, or a structure of ccxt: whatever a venue says.
Document = dict[str, Any]
PAGES_MAX = 200


class NativeCall(NamedTuple):
    """A method of ccxt's implicit API and its parameters."""

    method: str
    params: Document


class Fence(NamedTuple):
    """The fence of one request, which keeps it from being taken late: the time of its stamp in ms, and its headers."""

    stamp_ms: int = 0
    headers: Mapping[str, str] = {}


class Caller(Protocol):
    """A signed client of an exchange; see fanfold.venues.ccxt.keyed. What it calls raises ccxt's own errors."""

    def call(self, request: NativeCall) -> Any:
        """Return the answer to one native request."""

    def known(self, request: NativeCall) -> Any | None:
        """Return the answer to a look-up of an order; None where the venue says that it has none."""

    def order(self, document: Document, symbol: str) -> Document:
        """Return ccxt's structure of a native order."""

    def trade(self, document: Document, symbol: str) -> Document:
        """Return ccxt's structure of a native trade."""

    def market_id(self, symbol: str) -> str:
        """Return the venue's own name of an instrument."""

    def currency(self, venue_code: str) -> str:
        """Return ccxt's name of a currency of the venue, such as BTC for XXBT."""

    def symbol(self, market_id: str) -> str:
        """Return the instrument of a venue's own name; the name itself where it is none of its spot markets."""


class Dialect(Protocol):
    """A venue's way to speak of orders. ``sent_id`` is a client order id as the venue has it."""

    def place(self, order: Order, market_id: str, sent_id: str, deadline: datetime) -> NativeCall:
        """Return the request that places an order. Raises BadInput for a kind that the venue does not take."""

    def fence(self, claimed_at: datetime, deadline: datetime) -> Fence:
        """Return what is stamped on the request, besides its parameters."""

    def placed(self, caller: Caller, answer: Document, symbol: str) -> Document:
        """Return ccxt's structure of the order in an answer to ``place``; its id is None where the answer has none."""

    def error(self, answer: Document) -> tuple[str, str]:
        """Return the code and the text of an answer that refuses, ("", "") for any other."""

    def find(self, caller: Caller, order: Order, sent_id: str, venue_order_id: str) -> list[Document]:
        """Return ccxt's structures of orders that the venue finds by their id; others may be among them."""

    def cancel(self, market_id: str, sent_id: str, venue_order_id: str) -> NativeCall:
        """Return the request that cancels an order."""

    def open_orders(self, caller: Caller) -> list[Document]:
        """Return ccxt's structures of all open orders of the key."""

    def trades(self, caller: Caller, symbol: str, since: datetime, until: datetime) -> Iterator[Document]:
        """Yield ccxt's structures of the key's trades of an instrument from a time on, in any order."""

    def trades_of_all(self, caller: Caller, since: datetime) -> Iterator[Document]:
        """Yield ccxt's structures of the key's trades from a time on, of all instruments, as far as the venue does."""

    def balances(self, caller: Caller) -> Iterator[tuple[str, Decimal]]:
        """Yield currencies and what the key holds of them, free and locked together; one may come more than once."""

    def cancel_all_after(self, within_s: int) -> NativeCall | None:
        """Return the request that arms the venue's cancel of everything, None where it has none."""

    def rights(self, caller: Caller) -> frozenset[str] | None:
        """Return what the key may do, of {"trade", "withdraw"}; None where the venue does not say."""


def require_limit(order: Order, exchange: str) -> None:
    """Raise BadInput for an order of another kind than limit, at an exchange where no other is built."""
    if order.kind != "limit":
        raise BadInput(f"order {order.order_id} is a {order.kind} order; {exchange} takes limit orders from here")


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000)


def text(amount: Decimal | None) -> str:
    """Return a quantity or a price digit for digit, without an exponent."""
    assert amount is not None, "an order of this kind has a price"
    return f"{amount:f}"


def exactly(amount: Any) -> Decimal:
    """Return a figure that a venue stated as text. Raises VenueUnavailable for none, for it is no zero."""
    if not isinstance(amount, str) or not amount:
        raise VenueUnavailable(f"an answer has {amount!r} where an amount should be")
    return Decimal(amount)


def pages(caller: Caller, first: NativeCall, following: Any) -> Iterator[Any]:
    """Yield answers page by page; ``following`` gives what the next request has besides, or None after the last page.

    A parameter that is None there is left out. Raises VenueUnavailable where a venue does not come to an end.
    """
    params: Document | None = first.params
    for _ in range(PAGES_MAX):
        if params is None:
            return
        answer = caller.call(NativeCall(first.method, params))
        yield answer
        more = following(answer)
        both = None if more is None else first.params | more
        params = both and {name: value for name, value in both.items() if value is not None}
    raise VenueUnavailable(f"{first.method} did not come to an end in {PAGES_MAX} pages")


def listed(answer: Any, *path: str) -> Sequence[Any]:
    """Return the list at a path of an answer. Raises VenueUnavailable for an answer without it."""
    for name in path:
        answer = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(answer, list):
        raise VenueUnavailable(f"an answer has no list {'.'.join(path)}".rstrip())
    return answer
