"""One exchange through ccxt: numbers stay text, requests keep its pace, and every failure is a VenueUnavailable."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from threading import local
from typing import Any
from urllib.parse import urlsplit

from fanfold.errors import VenueUnavailable
from fanfold.venues.ccxt import slim
from fanfold.venues.ccxt.fault_texts import chain, host_of, plain, root
from fanfold.venues.ccxt.nonces import RisingNonces
from fanfold.venues.ccxt.pace import BURST_S, Pace, SharedPauses, epoch_s, pause_s
from fanfold.venues.ccxt.transport import HttpSession

TIMEOUT_S = 3.0
REFUSED = (429, 418)
# Where an exchange says how much of its limit a minute all processes used: the header, and the limit.
USED = {"binance": ("X-MBX-USED-WEIGHT-1M", 6_000)}
# So much of a limit is for all requests, the rest for cancels; past the whole the exchange would refuse, and then ban.
USED_SHARE_MAX = 0.95
# How an exchange is asked for its markets: without the account groups that may trade each, which ccxt does not read.
LISTED: dict[str, dict[str, str]] = {"binance": {"showPermissionSets": "false"}}
# Where it may be asked for some of them: at most for so many, for the address of a request is not of any length.
SOME_MARKETS_MAX = {"binance": 100}
# ccxt's number for precisions that are steps.
TICK_SIZE = 4
# Where best bid and ask alone are only told to those with keys; the ticker has them too.
KEYED_TOUCH = frozenset({"coinbase"})
log = logging.getLogger("fanfold")
# How ccxt's parsers fail on an answer of another shape.
_UNREADABLE = (KeyError, TypeError, ValueError, IndexError, AttributeError)

_CONFIG: dict[str, Any] = {
    "number": str,
    "enableRateLimit": True,
    "options": {
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "fetchCurrencies": False,
        "fetchMargins": False,
    },
}


class Client:
    """The public side of an exchange, for all threads of a process. Every method raises VenueUnavailable.

    ``origin``, such as http://127.0.0.1:8080, replaces the exchange's own hosts.
    """

    def __init__(
        self,
        exchange_id: str,
        origin: str = "",
        timeout_s: float = TIMEOUT_S,
        credentials: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        pauses: SharedPauses | None = None,
        symbols: Sequence[str] = (),
        burst_s: float = BURST_S,
        ends: Callable[[], float] = lambda: float("inf"),
    ) -> None:
        """Use ``credentials`` as ccxt names them, such as apiKey and secret, for what is not public.

        Keep the exchange's pace by ``clock``, and stamp signed requests by it; by this machine's without one. ``sleep``
        waits by the same clock. ``pauses`` are those of all processes under the key. Where the exchange lets one, only
        the markets of ``symbols`` are fetched, until another is needed. See Pace for ``burst_s`` and ``ends``.
        """
        kind = slim.load(exchange_id)
        self._errors: Any = slim.errors()
        self.name = exchange_id
        self._timeout_s = timeout_s
        own = {"timeout": timeout_s * 1_000, "session": HttpSession(slim.transport_faults())}
        self._ccxt = _guarded(kind, self._errors)(_CONFIG | own | dict(credentials or {}))
        self._ccxt.clock = clock
        self._now_s = self._ccxt.now_s = time.time if clock is None else lambda: clock().timestamp()
        self.pace = Pace(exchange_id, self._ccxt.rateLimit, self._now_s, sleep, pauses, burst_s, ends)
        self._ccxt.pace = self.pace
        self._ccxt.answered = local()
        self._ccxt.nonces = RisingNonces(self._now_s)
        self._ccxt.incrementing_nonce = self._ccxt.nonces.following
        self._ccxt.has["fetchCurrencies"] = False
        # ccxt's own retries would send again what an exchange may have taken.
        assert not self._ccxt.options.get("maxRetriesOnFailure"), "maxRetriesOnFailure must be 0"
        self._symbols = symbols if len(symbols) <= SOME_MARKETS_MAX.get(exchange_id, 0) else ()
        self._lists_all = False
        # When the known markets were fetched.
        self.loaded_at = datetime.fromtimestamp(0, UTC)
        if origin:
            self._ccxt.urls["api"] = _moved(self._ccxt.urls["api"], origin)

    @property
    def page(self) -> int:
        """Return the number of candles in one response of the exchange."""
        spot = (self._ccxt.features or {}).get("spot") or {}
        return int((spot.get("fetchOHLCV") or {}).get("limit") or 100)

    @property
    def timeframes(self) -> list[str]:
        return list(self._ccxt.timeframes or {})

    @property
    def steps(self) -> bool:
        """Return whether precisions are steps, such as 0.01, and not counts of digits."""
        return bool(self._ccxt.precisionMode == TICK_SIZE)

    def load(self) -> None:
        """Fetch the markets, once a process. Not for two threads at once the first time."""
        if self._ccxt.markets is None:
            self.reload()

    def reload(self) -> None:
        """Fetch the markets anew; where that fails those that were fetched before stay."""
        now = self._now_s()
        if not self._load_some():
            self._load_all()
        self.loaded_at = datetime.fromtimestamp(now, UTC)

    def _load_some(self) -> bool:
        """Fetch the markets of the symbols that are wanted; return whether the exchange has all of them."""
        if not self._symbols or self._lists_all:
            return False
        ids = [symbol.replace("/", "") for symbol in self._symbols]
        try:
            self._load_markets({"symbols": json.dumps(ids, separators=(",", ":"))})
        except VenueUnavailable as refused:
            # It refuses all of them for one that it does not list.
            if isinstance(refused.__cause__, self._errors.BadRequest):
                return False
            raise
        return True

    def _load_all(self) -> None:
        self._load_markets({})
        self._lists_all = True

    def _load_markets(self, params: dict[str, str]) -> None:
        self._ask("load_markets", True, LISTED.get(self.name, {}) | params)  # noqa: FBT003 - ccxt's own

    def complete(self) -> None:
        """Fetch all markets, where only some were fetched."""
        if self._symbols and not self._lists_all:
            self._load_all()

    def markets(self) -> dict[str, dict[str, Any]]:
        """Return all spot markets by symbol; see load."""
        self.load()
        self.complete()
        return {symbol: market for symbol, market in self._ccxt.markets.items() if market["spot"]}

    def has(self, symbol: str) -> bool:
        """Return whether a symbol is a spot market; an exchange has thousands, so that one alone is looked up."""
        self.load()
        if symbol not in self._ccxt.markets:
            self.complete()
        return bool(self._ccxt.markets.get(symbol, {}).get("spot"))

    def candles(self, symbol: str, timeframe: str, opens_from: int, limit: int) -> list[Any]:
        """Return rows of ms, open, high, low, close, volume that open at an epoch second or later, oldest first."""
        rows: list[Any] = self._ask("fetch_ohlcv", symbol, timeframe, opens_from * 1_000, limit)
        return rows

    def responded_at_s(self) -> float:
        """Return the time of the last response to this thread, in epoch seconds by the exchange's clock; 0: unknown."""
        return float(getattr(self._ccxt.answered, "at", 0.0))

    def touch(self, symbol: str) -> tuple[Any, Any]:
        """Return the best bid and ask, as the exchange wrote them."""
        if self._ccxt.has.get("fetchBidsAsks") is True and self.name not in KEYED_TOUCH:
            quote = self._ask("fetch_bids_asks", [symbol]).get(symbol, {})
        else:
            quote = self._ask("fetch_ticker", symbol)
        return quote.get("bid"), quote.get("ask")

    def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._ccxt, method)(*arguments)
        except self._errors.BaseError as fault:
            raise self._unavailable(fault) from fault
        except _UNREADABLE as fault:
            raise VenueUnavailable(f"{self.name} gave an answer to {method} that cannot be read: {fault!r}") from fault

    def _unavailable(self, fault: Exception) -> VenueUnavailable:
        answer = next((error.response for error in chain(fault) if getattr(error, "response", None) is not None), None)
        limits = (self._errors.DDoSProtection, self._errors.RateLimitExceeded)
        if isinstance(fault, limits) or (answer is not None and answer.status_code in REFUSED):
            header = answer.headers.get("Retry-After", "") if answer is not None else ""
            seconds = pause_s(header, str(fault), self._now_s())
            self.pace.hold(seconds)
            return VenueUnavailable(f"{self.name} takes no more requests; it is left alone for {seconds:.0f} s")
        host = host_of(fault)
        where = f"{self.name} at {host}" if host else self.name
        if isinstance(fault, self._errors.RequestTimeout):
            return VenueUnavailable(f"{where} did not answer within {self._timeout_s:g} s")
        if answer is None and type(fault) is self._errors.NetworkError:
            return VenueUnavailable(f"{where} cannot be reached; check the network: {root(fault)}")
        status = f" (HTTP {answer.status_code})" if answer is not None else ""
        return VenueUnavailable(f"{where} answered with a fault{status}: {type(fault).__name__} {plain(fault)[:200]}")


def _guarded(kind: type[Any], errors: Any) -> type[Any]:
    class Guarded(kind):  # type: ignore[misc]
        """An exchange that keeps the pace of all threads, and treats an unreadable response as a fault."""

        pace: Pace
        nonces: RisingNonces
        answered: local
        now_s: Callable[[], float]
        clock: Callable[[], datetime] | None = None

        def throttle(self, cost: float | None = None) -> None:
            self.pace.take(cost)

        def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
            self.answered.sent, self.answered.sent_at = True, self.now_s()
            answer = super().fetch(url, method, headers, body)
            if not isinstance(answer, dict | list):
                raise errors.BadResponse(f"{self.id} {method} {url} answered with no JSON: {str(answer)[:80]!r}")
            return answer

        def on_rest_response(
            self, code: int, reason: str, url: str, method: str, response_headers: Any, *more: Any
        ) -> Any:
            self.answered.at = epoch_s(response_headers.get("Date", ""), 0.0)
            self.nonces.heed(self.answered.at, self.answered.sent_at)
            self.answered.status, self.answered.body = code, more[0] if more else ""
            _heed_use(self.pace, self.id, response_headers)
            return super().on_rest_response(code, reason, url, method, response_headers, *more)

        def nonce(self) -> Any:
            stamp_ms = getattr(self.answered, "stamp_ms", None)
            return stamp_ms or (super().nonce() if self.clock is None else int(self.clock().timestamp() * 1_000))

        def sign(self, *request: Any, **named: Any) -> Any:
            late = getattr(self.answered, "late", None)
            if late is not None and late():
                raise VenueUnavailable(f"{self.id}: the deadline passed before the request had its turn")
            signed = super().sign(*request, **named)
            headers = getattr(self.answered, "headers", None)
            return signed | {"headers": {**(signed["headers"] or {}), **headers}} if headers else signed

        def on_json_response(self, response_body: str) -> Any:
            # A number that was not written as text keeps its digits only if it never becomes a float.
            return json.loads(response_body, parse_float=str)

        def parse_ohlcvs(self, ohlcvs: Any, market: Any = None, *more: Any, **named: Any) -> list[Any]:
            candles: list[Any] = super().parse_ohlcvs(_timed(self, ohlcvs or [], market), market, *more, **named)
            return candles

    return Guarded


def _heed_use(pace: Pace, exchange: str, headers: Mapping[str, str]) -> None:
    """Keep the rest of this minute for cancels where an answer says that the exchange's limit is near."""
    name, limit = USED.get(exchange, ("", 0))
    used = headers.get(name, "") if name else ""
    if used.isdecimal() and int(used) >= USED_SHARE_MAX * limit:
        pace.keep_this_minute()


def _timed(exchange: Any, rows: list[Any], market: Any) -> list[Any]:
    """Return the rows with an opening time. If all were dropped, a changed format would look like a quiet market."""
    timed = [row for row in rows if _opens(exchange, row, market)]
    if rows and not timed:
        raise slim.errors().BadResponse(f"{exchange.id} gave a candle that is none: {str(rows[0])[:80]}")
    if len(timed) < len(rows):
        log.warning("%s: %d candles without a time are left out", exchange.id, len(rows) - len(timed))
    return timed


def _opens(exchange: Any, row: object, market: Any) -> int:
    """Return the opening time of a candle in ms; 0 where it has none, or it cannot be read."""
    try:
        return int(exchange.parse_ohlcv(row, market)[0] or 0)
    except _UNREADABLE:
        return 0


def _moved(urls: Any, origin: str) -> Any:
    """Return the same paths under another scheme and host."""
    if isinstance(urls, dict):
        return {key: _moved(url, origin) for key, url in urls.items()}
    return origin.rstrip("/") + urlsplit(urls.replace("{hostname}", "host")).path
