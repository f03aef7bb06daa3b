"""One exchange under a key: native requests, signed by ccxt, of which each is on the wire exactly once."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from fanfold.errors import BadInput, VenueUnavailable
from fanfold.trading.terms import VenueTerms
from fanfold.venues.ccxt.client import TIMEOUT_S, Client
from fanfold.venues.ccxt.dialects import dialect_of
from fanfold.venues.ccxt.dialects.dialect import Document, Fence, NativeCall
from fanfold.venues.ccxt.pace import SharedPauses

# What a secret calls the credentials -> what ccxt calls them.
CREDENTIALS = {"api_key": "apiKey", "apiKey": "apiKey", "secret": "secret", "password": "password"}
# A connection that rested for longer may be dead at the other end, and an order on it of unknown outcome.
REST_S_MAX = 3.0
# What is kept of the time of whoever asks: an answer may take its time-out, and then what it says is booked.
RESERVE_S = TIMEOUT_S + 2
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


class LastAnswer(NamedTuple):
    """The last answer to this thread: its HTTP status, 0 where none came, and its document, where it is one."""

    status: int
    document: Document


class KeyedClient(Client):
    """The private side of an exchange, for all threads of a process."""

    def __init__(
        self,
        terms: VenueTerms,
        credentials: Mapping[str, str],
        origin: str = "",
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], datetime] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        pauses: SharedPauses | None = None,
        symbols: Sequence[str] = (),
        ends: Callable[[], float] = lambda: float("inf"),
    ) -> None:
        """Stamp requests by ``clock``, this machine's where there is none; ``sleep`` waits by it.

        After ``ends``, in epoch seconds, no request begins.

        Raises BadInput, which names no value, for credentials that are missing or unknown.
        """
        unknown = sorted(credentials.keys() - CREDENTIALS.keys())
        if unknown:
            raise BadInput(f"the key of {terms.exchange} has {unknown}; it takes api_key, secret and password")
        own = {CREDENTIALS[name]: credentials[name] for name in credentials}
        super().__init__(terms.exchange, origin, timeout_s, own, clock, sleep, pauses, symbols, terms.burst_s, ends)
        self._dialect, self._not_found = dialect_of(terms.exchange), terms.not_found
        self._monotonic = monotonic
        self._used_at = float("-inf")
        # ccxt logs whole requests, with the key, as details for debugging.
        self._ccxt.logger.setLevel(logging.WARNING)
        # A redirected request would be sent a second time.
        self._ccxt.session.max_redirects = 0
        self._ccxt.options["recvWindow"] = terms.window_s * 1_000
        try:
            self._ccxt.check_required_credentials()
        except self._errors.AuthenticationError as missing:
            needed = sorted(name for name, wanted in self._ccxt.requiredCredentials.items() if wanted)
            raise BadInput(f"the key of {terms.exchange} needs {needed}") from missing

    def __repr__(self) -> str:
        return f"KeyedClient({self.name})"

    def call(self, request: NativeCall) -> Any:
        """Return the answer to a native request that reads. Raises ccxt's errors."""
        self._forget()
        self._used_at = self._monotonic()
        return getattr(self._ccxt, request.method)(dict(request.params))

    def known(self, request: NativeCall) -> Any | None:
        """Return the answer to a look-up of an order; None where the exchange says that it has none."""
        try:
            return self.call(request)
        except self.faults:
            code, _ = self._dialect.error(self.answered().document)
            if code and code in self._not_found:
                return None
            raise

    def send(self, request: NativeCall, fence: Fence, late: Callable[[], bool]) -> Any:
        """Send a request that orders, once, stamped by its fence, on a connection that is known to be alive.

        Nothing is sent where ``late`` returns true once the request has its turn.
        """
        self._forget()
        if self._monotonic() - self._used_at > REST_S_MAX:
            self._ccxt.session.close()
        self._used_at = self._monotonic()
        own = self._ccxt.answered
        own.stamp_ms, own.headers, own.late = fence.stamp_ms, fence.headers, late
        try:
            return getattr(self._ccxt, request.method)(dict(request.params))
        finally:
            own.stamp_ms, own.headers, own.late = 0, {}, None

    @property
    def sent(self) -> bool:
        """Return whether anything of this thread's last request went to the network."""
        return bool(self._ccxt.answered.sent)

    def heed(self, fault: BaseException) -> None:
        """Let no request out for as long as a fault demands."""
        if isinstance(fault, self._errors.BaseError):
            self._unavailable(fault)

    def answered(self) -> LastAnswer:
        """Return the last answer to this thread."""
        own = self._ccxt.answered
        try:
            document = json.loads(getattr(own, "body", ""))
        except ValueError:
            document = None
        return LastAnswer(getattr(own, "status", 0), document if isinstance(document, dict) else {})

    def order(self, document: Document, symbol: str) -> Document:
        structure: Document = self._ccxt.parse_order(document, self._ccxt.markets.get(symbol))
        return structure

    def trade(self, document: Document, symbol: str) -> Document:
        structure: Document = self._ccxt.parse_trade(document, self._ccxt.markets.get(symbol))
        return structure

    def market_id(self, symbol: str) -> str:
        return str(self.market(symbol)["id"])

    def market(self, symbol: str) -> Document:
        """Return ccxt's structure of a spot market. Raises BadInput for an instrument that the exchange lacks."""
        if not self.has(symbol):
            raise BadInput(f"{symbol} is not traded at {self.name}")
        market: Document = self._ccxt.markets[symbol]
        return market

    def symbol(self, market_id: str) -> str:
        if market_id not in (self._ccxt.markets_by_id or {}):
            self.complete()
        return str(self._ccxt.safe_symbol(market_id, None, None, "spot"))

    def currency(self, venue_code: str) -> str:
        return str(self._ccxt.safe_currency_code(venue_code))

    @property
    def faults(self) -> tuple[type[BaseException], ...]:
        """Return all that a request may raise: ccxt's errors, and those of its parsers on another shape."""
        return self._errors.BaseError, VenueUnavailable, OSError, *UNREADABLE

    def reading(self, read: Callable[[], Any]) -> Any:
        """Return what a function reads through this client. Raises VenueUnavailable for every fault of the venue."""
        try:
            return read()
        except (BadInput, VenueUnavailable):
            raise
        except self._errors.BaseError as fault:
            raise self._unavailable(fault) from fault
        except UNREADABLE as fault:
            raise VenueUnavailable(f"{self.name} gave an answer that cannot be read: {fault!r}") from fault

    def _forget(self) -> None:
        own = self._ccxt.answered
        own.status, own.body, own.sent = 0, "", False
