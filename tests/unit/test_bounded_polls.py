"""A poll and an answer end in their function's time, whatever an instrument's silence, and each one gets further."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfold import desk as desks
from fanfold.desk import Desk
from fanfold.errors import OutOfTime, VenueUnavailable
from fanfold.market import bars, timeframes
from fanfold.market.bars import Bar, Series
from fanfold.market.source import Noted
from fanfold.messages import BarsClosed, BarsRequested
from fanfold.simulation.stores import MemoryBus, MemoryCursors
from fanfold.venues.ccxt import venue as exchange_venue
from fanfold.venues.ccxt.pace import Pace
from fanfold.venues.ccxt.venue import ExchangeVenue
from market_data_service.answers import PAGE_BARS
from market_data_service.poll import REQUESTS_S, Poller
from market_data_service.requested import SERVED_BARS
from support.core_desk import START, A, B, instance, raw

DAY = 86_400
# The time-out of market-data's functions, and what an answer to the last request may take.
FUNCTION_S, ANSWER_S = 50, 3


class Exchange:
    """An exchange whose requests take time on a clock that nothing else moves.

    ``kept`` is how many candles of a timeframe it gives at most; by span it answers for a span, even a quiet one.
    """

    timeframes = ("1m", "1h", "4h", "12h", "1d")

    def __init__(self, name: str, page: int, *, request_s: float = 0.15, turn_ms: float = 0, kept: int = 10**9) -> None:
        self.name, self.page, self._request_s, self._kept = name, page, request_s, kept
        self.now = float(START)
        self.silent_since: dict[str, float] = {}
        self.requests: list[tuple[str, str]] = []
        self.down: set[str] = set()
        self.pace = Pace(name, turn_ms, lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def load(self) -> None:
        pass

    def has(self, _symbol: str) -> bool:
        return True

    def candles(self, symbol: str, timeframe: str, opens_from: int, limit: int) -> list[list[Any]]:
        self.pace.take()
        self.requests.append((timeframe, symbol))
        if timeframe in self.down:
            raise VenueUnavailable(f"no {timeframe} bars today")
        length = timeframes.seconds(timeframe)
        end = min(self.now, self.silent_since.get(symbol, self.now))
        first = max(-(-opens_from // length), int(self.now) // length - self._kept + 1) * length
        stop = min(end, opens_from + limit * length) if self.name in exchange_venue.BY_SPAN else end
        opens = [opened_s for opened_s in range(first, int(stop) + 1, length) if opened_s < stop][:limit]
        self.now += self._request_s
        return [[opened_s * 1_000, "100", "101", "99", "100", "3"] for opened_s in opens]


class Polled:
    """A desk of one strategy at an exchange, polled at times of its clock."""

    def __init__(
        self, exchange: Exchange, symbols: list[str], timeframe: str = "1m", cursors: MemoryCursors | None = None
    ) -> None:
        self.exchange, self.desk = exchange, desk_of(exchange.name, symbols, timeframe)
        self.cursors, self.bus = cursors or MemoryCursors(), MemoryBus()
        self.venue = ExchangeVenue(
            exchange,  # type: ignore[arg-type]
            self.desk.instruments,
            exchange.clock,
            responded_at_s=lambda: exchange.now,
            pace=exchange.pace,
            grace_s=2,
            sleep=exchange.sleep,
        )
        self.poller = Poller(self.desk, lambda _name: self.venue, self.cursors, self.bus, exchange.clock)

    def noted(self, closes: Mapping[str, int]) -> None:
        """Let the newest minute that was published of each instrument close at a time."""
        rows = {("1m", name): series_of(name, closes_at_s) for name, closes_at_s in closes.items()}
        self.cursors.write("v", Noted(rows, self.cursors.read("v").version))

    def poll(self, at: int) -> list[Series]:
        """Return the series that a poll publishes, which ends in its function's time."""
        self.exchange.now = at + 3.0
        before = len(self.bus.messages)
        self.poller.poll()
        assert self.exchange.now - at - 3 <= REQUESTS_S + ANSWER_S <= FUNCTION_S - 10
        return self.published(before)

    def published(self, first: int = 0) -> list[Series]:
        heard = [message for message in self.bus.messages[first:] if isinstance(message, BarsClosed)]
        return [series for message in heard for series in bars.unpack(message.frames)]


def desk_of(name: str, symbols: list[str], timeframe: str) -> Desk:
    described = raw(trend=instance(timeframe=timeframe, instruments=symbols))
    rules = described["instruments"][A]
    described["venues"]["v"] = {"kind": "ccxt", "exchange": name, "symbols": symbols}
    described["instruments"] = {symbol: rules | {"base": symbol.partition("/")[0]} for symbol in symbols}
    return desks.build(described, "test")


def series_of(name: str, closes_at_s: int) -> Series:
    kept = [Bar(closes_at_s, 10_000, 10_100, 9_900, 10_000, 3_000)]
    return Series(instrument=name, timeframe="1m", price_scale=2, volume_scale=3, after=0, bars=kept)


def named(count: int) -> list[str]:
    return [f"C{number:02d}/USDT" for number in range(count)]


@pytest.fixture(autouse=True)
def _one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one worker ask, so that the time of requests adds up."""
    monkeypatch.setattr(exchange_venue, "WORKERS", 1)


@pytest.mark.parametrize(("name", "page"), [("okx", 300), ("coinbase", 300), ("binance", 1_000)])
@pytest.mark.parametrize("days", [1, 90, 365])
def test_a_silent_instrument_costs_the_same_however_long_it_has_been_silent(name: str, page: int, days: int) -> None:
    exchange = Exchange(name, page)
    exchange.silent_since[B] = START
    polled, at = Polled(exchange, [A, B]), START + days * DAY
    polled.noted({A: at - 60, B: START})
    assert {series.instrument for series in polled.poll(at)} == {A}
    assert len(exchange.requests) <= 4


def test_a_stage_that_stood_for_weeks_begins_with_its_newest_bars() -> None:
    names = named(20)
    polled, at = Polled(Exchange("binance", 1_000), names), START + 21 * DAY
    polled.noted(dict.fromkeys(names, START))
    published = polled.poll(at)
    assert {(series.instrument, series.through, len(series.bars)) for series in published} == {
        (name, at, PAGE_BARS) for name in names
    }


def test_what_a_poll_passed_over_is_published_by_the_polls_after_it() -> None:
    names, missed = named(3), 5 * DAY
    polled, at = Polled(Exchange("okx", 300), names), START + missed
    polled.noted(dict.fromkeys(names, START))
    closes = {(series.instrument, bar.closes_at_s) for series in polled.poll(at) for bar in series.bars}
    parts = -(-(missed // 60 - PAGE_BARS) // 1_000)
    for minute in range(1, 3 * parts + 1):
        published = polled.poll(at + 60 * minute)
        # The newest bars first, and then one part of one gap.
        assert [series.through for series in published[:3]] == [at + 60 * minute] * 3
        assert [len(series.bars) <= 1_000 for series in published[3:]] == [True]
        closes |= {(series.instrument, bar.closes_at_s) for series in published for bar in series.bars}
    assert closes == {(name, n) for name in names for n in range(START + 60, at + 60 * 3 * parts + 60, 60)}
    assert polled.cursors.read("v").gaps == {}
    assert len(polled.poll(at + 60 * 3 * parts + 60)) == 3


def test_a_gap_that_an_exchange_does_not_fill_is_reported_and_over() -> None:
    polled, at = Polled(Exchange("kraken", 720, kept=720), [A]), START + 3 * DAY
    polled.noted({A: START})
    for minute in range(6):
        polled.poll(at + 60 * minute)
    assert polled.cursors.read("v").gaps == {}
    defects = [defect for message in polled.bus.messages for defect in message.defects]
    assert {str(defect.defect) for defect in defects} == {"gap", "unfillable"}


def test_a_gap_of_which_a_request_fails_waits_and_holds_up_no_other() -> None:
    exchange = Exchange("okx", 300)
    polled, at = Polled(exchange, [A, B]), START + DAY
    polled.noted({A: START, B: START})
    polled.poll(at)
    candles = exchange.candles

    def failing(symbol: str, timeframe: str, opens_from: int, limit: int) -> list[list[Any]]:
        if symbol == A and opens_from < at - 2 * PAGE_BARS * 60:
            raise VenueUnavailable("no past of it today")
        return candles(symbol, timeframe, opens_from, limit)

    exchange.candles = failing
    for minute in range(1, 8):
        polled.poll(at + 60 * minute)
    assert list(polled.cursors.read("v").gaps) == [("1m", A)]
    exchange.candles = candles
    for minute in range(8, 13):
        polled.poll(at + 60 * minute)
    assert polled.cursors.read("v").gaps == {}


def test_what_a_silent_instrument_says_again_is_not_linked_over_what_was_not_asked_for() -> None:
    exchange = Exchange("okx", 300)
    polled, at = Polled(exchange, [B]), START + 30 * DAY
    polled.noted({B: START})
    exchange.silent_since[B] = START
    polled.poll(at)
    exchange.candles = lambda *_asked: [[(at) * 1_000, "100", "101", "99", "100", "3"]]
    (back,) = polled.poll(at + 60)
    assert back.after >= at + 60 - PAGE_BARS * 60


def test_what_there_was_no_time_for_comes_first_at_the_next_poll() -> None:
    names = named(100)
    exchange = Exchange("kraken", 720, request_s=0, turn_ms=1_000, kept=720)
    exchange.silent_since = dict.fromkeys(names[:40], START)
    polled, at = Polled(exchange, names), START + 30 * DAY
    polled.noted(dict.fromkeys(names[:40], START) | dict.fromkeys(names[40:], at - 60))
    came = {series.instrument for minute in range(6) for series in polled.poll(at + 60 * minute)}
    assert came == set(names[40:])


def test_bars_of_a_series_that_was_taken_out_are_not_caught_up_with_when_it_is_back() -> None:
    both = Polled(Exchange("binance", 1_000), [A, B])
    both.poll(START)
    Polled(both.exchange, [A], cursors=both.cursors).poll(START + 60)
    assert {name for _, name in both.cursors.read("v").cursors} == {A}


@pytest.mark.parametrize("timeframe", ["4h", "12h", "1d"])
def test_every_longer_bar_comes_in_time_from_an_exchange_of_720_candles(timeframe: str) -> None:
    polled, length = Polled(Exchange("kraken", 720, kept=720), [A], timeframe), timeframes.seconds(timeframe)
    late = []
    for at in sorted({START - 60, *range(START, START + 3 * DAY, 14_400), *range(START + 60, START + 3 * DAY, 14_400)}):
        longer = [series for series in polled.poll(at) if series.timeframe == timeframe and at >= START]
        late += [at - bar.closes_at_s for series in longer for bar in series.bars]
    assert late == [0] * (3 * DAY // length)


def test_longer_bars_that_fail_leave_the_minutes() -> None:
    names = named(5)
    polled = Polled(Exchange("binance", 1_000), names, "1d")
    polled.poll(START + DAY - 60)
    polled.exchange.down = {"1d"}
    assert {(series.timeframe, series.instrument) for series in polled.poll(START + DAY)} == {
        ("1m", name) for name in names
    }
    assert len(polled.exchange.requests) < 5 * len(names)


def wanted(names: list[str], since: int, until: int, timeframe: str = "1d") -> BarsRequested:
    return BarsRequested(
        id="wanted",
        cause="fold",
        at=datetime.fromtimestamp(until, UTC),
        venue="v",
        timeframe=timeframe,
        instruments=names,
        since_s=since,
        until_s=until,
    )


def test_a_request_for_many_instruments_is_served_in_several_deliveries() -> None:
    names = named(80)
    polled = Polled(Exchange("kraken", 720, request_s=0, turn_ms=1_000), names, "1d")
    message, polled.exchange.now = wanted(names, START - 101 * DAY, START), START + 4.0
    for delivery in (1, 2):
        with pytest.raises(VenueUnavailable, match="no time for"):
            polled.poller.on_bars_requested(message)
        assert polled.exchange.now - START - 4 <= delivery * (REQUESTS_S + ANSWER_S)
    polled.poller.on_bars_requested(message)
    assert sorted(series.instrument for series in polled.published()) == names


def test_a_request_of_a_year_is_served_with_its_newest_bars_and_the_rest_is_reported() -> None:
    exchange = Exchange("okx", 300)
    polled, until = Polled(exchange, [A]), START - 600
    polled.poller.on_bars_requested(wanted([A], until - 365 * DAY, until, "1m"))
    (served,) = polled.published()
    assert (served.after, served.through, len(served.bars)) == (until - 365 * DAY, until, SERVED_BARS)
    assert len(exchange.requests) <= 5
    (defect,) = [defect for message in polled.bus.messages for defect in message.defects]
    assert (defect.defect, defect.count) == ("unfillable", 365 * 1_440 - SERVED_BARS)


def test_no_turn_is_given_after_the_time_for_requests() -> None:
    exchange = Exchange("kraken", 720, turn_ms=1_000)
    exchange.pace.finish_within(2)
    exchange.pace.take()
    exchange.pace.take()
    with pytest.raises(OutOfTime, match="kraken: no time is left"):
        exchange.pace.take()
    assert exchange.now <= START + 2
