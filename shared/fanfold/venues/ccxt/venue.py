"""An exchange's public data through ccxt: closed bars, best prices, and the rules of its instruments.

``Series.after`` decides whether a reader sees a gap. So one bar more is requested in front, the one that closes at
``since``. If it came, ``after`` is its close. If not, the exchange leaves out minutes without a trade, or has no
history so far back: the page before is requested, and ``after`` is the close of its last bar, or 0 where there is none.
But a page that is full and begins late may have been cut at its front; then ``after`` is the slot before the first bar,
which nobody has seen, and the reader requests again or stays parked.

A bar is known to be closed when the exchange's own clock, by the date of its response, is past the close by the venue's
grace, or when two later ones have opened: after one alone an exchange may still finish it. Where responses are not
dated, one later bar is all the proof there is. This machine's clock proves nothing: it only says how long to wait.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, NamedTuple

import msgspec

from fanfold import desk
from fanfold.desk import Instrument
from fanfold.errors import BadInput, OutOfTime, VenueUnavailable
from fanfold.market import sequence, timeframes
from fanfold.market.bars import Bar, Series
from fanfold.market.source import BarsRequest, Failure
from fanfold.matching.prices import Quote
from fanfold.venues.ccxt import candles
from fanfold.venues.ccxt.candles import CcxtCandle
from fanfold.venues.ccxt.client import Client
from fanfold.venues.ccxt.listing import rules_of
from fanfold.venues.ccxt.pace import Pace, SharedPauses
from fanfold.venues.ccxt.touch import quote_of

WORKERS = 8
# These answer for a span from the start asked for, so that an empty page is a quiet span and not the end.
BY_SPAN = frozenset({"coinbase", "okx"})


class _Answer(NamedTuple):
    """Bars as received, the time through which they are closed, and the exchange's time of the response, or 0."""

    series: Series
    closed: int
    responded_at_s: float


class ExchangeVenue:
    """The public data of one exchange, for the instruments of a desk."""

    def __init__(
        self,
        client: Client,
        instruments: Mapping[str, Instrument],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        responded_at_s: Callable[[], float] = lambda: 0.0,
        pace: Pace | None = None,
        grace_s: int = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``responded_at_s`` returns the exchange's time of this thread's last response; 0: unknown."""
        self._client = client
        self._instruments = instruments
        self._now = now
        self._responded_at_s = responded_at_s
        self._pace = pace
        self._grace_s = grace_s
        self._sleep = sleep
        self._finish_at = float("inf")
        # The round in which each series was asked for last.
        self._rounds = 0
        self._asked: dict[tuple[str, str], int] = {}

    @classmethod
    def connect(
        cls,
        venue: desk.VenueSettings,
        instruments: Mapping[str, Instrument],
        origin: str = "",
        clock: Callable[[], datetime] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        pauses: SharedPauses | None = None,
    ) -> "ExchangeVenue":
        """Return the exchange of a venue; no request is sent yet. For the rest see Client."""
        client = Client(venue.exchange, origin, clock=clock, sleep=sleep, pauses=pauses, symbols=venue.symbols)
        answered_at_s, pace, grace_s = client.responded_at_s, client.pace, venue.grace_s
        now = clock or (lambda: datetime.now(UTC))
        return cls(client, instruments, now, responded_at_s=answered_at_s, pace=pace, grace_s=grace_s, sleep=sleep)

    def bars(self, instrument: str, timeframe: str, since: int, until: int) -> Series:
        """Return bars that close after ``since`` and no later than ``until`` (epoch seconds).

        The module describes ``after``. Raises BadInput for what the exchange does not have, VenueUnavailable where it
        can't be reached.
        """
        return self._bars(BarsRequest(instrument, timeframe, since, until)).series

    def bars_of(self, requests: Sequence[BarsRequest]) -> list[Series | Failure]:
        """Return the closed bars of each request, side by side: first what there was no time for, and what is behind.

        What ``finish_within`` leaves no time for is a late Failure. Where the newest bar may not be closed, it is
        requested once more when the exchange's grace is over, if that is soon.
        """
        try:
            self._client.load()
        except VenueUnavailable as fault:
            return [_failure(request, fault) for request in requests]
        answers = self._round(requests)
        with_bars = {
            request: answer for request, answer in answers.items() if isinstance(answer, _Answer) and answer.series.bars
        }
        waits = {request: self._wait_s(answer) for request, answer in with_bars.items()}
        soon = {request: wait for request, wait in waits.items() if 0 < wait <= 2 * self._grace_s}
        if soon:
            self._sleep(max(soon.values()))
            again = self._round(list(soon))
            answers |= {request: answer for request, answer in again.items() if isinstance(answer, _Answer)}
        return [_closed(answers[request]) for request in requests]

    def _round(self, requests: Sequence[BarsRequest]) -> dict[BarsRequest, _Answer | Failure]:
        self._rounds += 1
        # Without its turn before all else, one that waits would wait for ever behind some that have long been silent.
        order = sorted(requests, key=lambda request: (self._asked.get(request[:2], 0), request.since))
        with ThreadPoolExecutor(WORKERS) as pool:
            return dict(zip(order, pool.map(self._tried, order), strict=True))

    def _wait_s(self, answer: _Answer) -> float:
        """Return the wait until the newest bar counts as closed, by the exchange's clock where that is known."""
        now = answer.responded_at_s or self._now().timestamp()
        return answer.series.through + self._grace_s - now

    def held_until(self) -> float:
        """Return the epoch second until which the exchange demands a pause; see fanfold.market.source.Paced."""
        return self._pace.held_until if self._pace else 0.0

    def hold(self, until: float) -> None:
        """Pause requests until then, as the exchange demanded of another process."""
        if self._pace:
            self._pace.hold_until(until)

    def finish_within(self, seconds: float) -> None:
        """Send no request after so many seconds; see fanfold.market.source.Bounded."""
        self._finish_at = self._now().timestamp() + seconds
        if self._pace:
            self._pace.finish_within(seconds)

    def quote(self, instrument: str) -> Quote:
        """Return the best bid and ask now."""
        self._check(instrument)
        return quote_of(self._client, instrument, self._now())

    def _tried(self, request: BarsRequest) -> _Answer | Failure:
        try:
            return self._bars(request)
        except (VenueUnavailable, BadInput) as fault:
            failure = _failure(request, fault)
            if not failure.late:
                self._asked[request[:2]] = self._rounds
            return failure

    def _bars(self, request: BarsRequest) -> _Answer:
        self._check(request.instrument)
        if request.timeframe not in self._client.timeframes:
            known = ", ".join(self._client.timeframes)
            raise BadInput(f"{self._client.name} has no {request.timeframe} bars; it has {known}")
        by_close, cut = self._candles(request)
        responded_at_s = self._responded_at_s()
        wanted = sorted(candle for candle in by_close.values() if request.since < candle.closes_at_s <= request.until)
        after = self._after(request, by_close, cut=cut)
        rules = self._instruments[request.instrument]
        series = candles.series(request.instrument, request.timeframe, rules, after, wanted)
        return _Answer(series, self._closed(by_close, responded_at_s), responded_at_s)

    def _closed(self, closes: Iterable[int], responded_at_s: float) -> int:
        """Return through when bars are known to be closed, by all closes that were received and when."""
        later = 2 if responded_at_s else 1
        by_later = sorted(closes)[:-later]
        return max(int(responded_at_s) - self._grace_s, *by_later[-1:], 0)

    def _candles(self, request: BarsRequest) -> tuple[dict[int, CcxtCandle], bool]:
        """Return candles by close, from the one that closes at ``since``, and whether the front may be cut off."""
        length = timeframes.seconds(request.timeframe)
        by_close: dict[int, CcxtCandle] = {}
        cut = False
        # Where the next bar opens. A page may be shorter than asked for, so only one without news is the last.
        at = max(request.since - length, 0)
        while at + length <= request.until:
            # One more than asked for: that it has opened proves that the last one is closed.
            limit = min(self._client.page, (request.until - at) // length + 1)
            page = self._page(request, at, limit)
            cut = cut or (not by_close and len(page) >= self._client.page)
            fresh = [candle for candle in page if candle.closes_at_s > at]
            by_close |= {candle.closes_at_s: candle for candle in fresh}
            if fresh:
                at = max(candle.closes_at_s for candle in fresh)
            elif self._client.name in BY_SPAN:
                at += limit * length
            else:
                break
        return by_close, cut

    def _after(self, request: BarsRequest, by_close: Mapping[int, CcxtCandle], *, cut: bool) -> int:
        known = _sound(by_close.values(), request.since)
        if known:
            return known
        length = timeframes.seconds(request.timeframe)
        page = self._client.page
        earlier = [] if cut else self._page(request, max(request.since - (page - 1) * length, 0), page)
        known = _sound(earlier, request.since)
        if by_close and not known and (cut or len(earlier) >= page):
            return min(by_close) - length
        return known

    def _page(self, request: BarsRequest, opens_from: int, limit: int) -> list[CcxtCandle]:
        length = timeframes.seconds(request.timeframe)
        if self._now().timestamp() > self._finish_at:
            raise OutOfTime(f"{self._client.name} is too slow: the time for requests is up")
        rows = self._client.candles(request.instrument, request.timeframe, opens_from, limit)
        self._asked[request[:2]] = self._rounds
        try:
            return candles.read(rows, length)
        except VenueUnavailable as fault:
            raise VenueUnavailable(f"{self._client.name} {request.instrument}: it {fault}") from fault

    def _check(self, instrument: str) -> None:
        if instrument not in self._instruments or not self._client.has(instrument):
            raise BadInput(f"{instrument} is not traded at {self._client.name}, or not in the desk's instruments")


def _failure(request: BarsRequest, fault: Exception) -> Failure:
    return Failure(request, str(fault), late=isinstance(fault, OutOfTime))


def _closed(answer: _Answer | Failure) -> Series | Failure:
    """Return the bars of a response that are known to be closed."""
    if isinstance(answer, Failure):
        return answer
    if answer.series.through <= answer.closed:
        return answer.series
    bars = [bar for bar in answer.series.bars if bar.closes_at_s <= answer.closed]
    return msgspec.structs.replace(answer.series, bars=bars)


def _sound(known_candles: Iterable[CcxtCandle], since: int) -> int:
    """Return the close of the last valid candle up to ``since``; a reader never had the others. 0: there is none."""
    closes = (
        candle.closes_at_s
        for candle in known_candles
        if candle.closes_at_s <= since and sequence.possible(Bar._make(candle))
    )
    return max(closes, default=0)


def catalogue(exchange: str, symbols: Sequence[str], as_of: str, origin: str = "") -> dict[str, Instrument]:
    """Return the rules of spot instruments as the exchange states them, exact, dated ``as_of``.

    Raises BadInput, naming near matches, for a symbol that it does not have.
    """
    client = Client(exchange, origin)
    if not client.steps:
        raise BadInput(f"{exchange} states digits and not steps; write tick and lot into the desk file yourself")
    markets = client.markets()
    return {symbol: _instrument(client.name, symbol, markets, as_of) for symbol in symbols}


def _instrument(exchange: str, symbol: str, markets: Mapping[str, Any], as_of: str) -> Instrument:
    market = markets.get(symbol)
    if market is None or market["active"] is False:
        trading = [name for name, listed in markets.items() if listed["active"] is not False]
        near = ", ".join(get_close_matches(symbol, trading, n=5)) or "none; a symbol is written like BTC/USDT"
        raise BadInput(f"{exchange} does not trade {symbol}; near it are {near}")
    if not market["spot"] or market.get("contract"):
        raise BadInput(f"{symbol} is a contract at {exchange}; an account trades spot, such as {_spot_of(market)}")
    stated = rules_of(exchange, market, as_of)
    if stated is None:
        raise BadInput(f"{exchange} does not state tick and lot of {symbol}; write them into the desk file")
    return stated


def _spot_of(market: Mapping[str, Any]) -> str:
    return f"{market['base']}/{market['quote']}"
