"""A ban that one of execution's processes is told of is kept by the others, until it is over and no longer."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from execution_service.quotes import Quotes
from fanfold.aws.dynamodb.pauses import PauseTable
from fanfold.errors import VenueUnavailable
from fanfold.matching.prices import Quote
from fanfold.simulation.cloud import MemoryCloud
from fanfold.venues.ccxt.pace import Pace


class Exchange:
    """An exchange that bans the address until a time, and one desk of it; each process has a pace of its own."""

    def __init__(self) -> None:
        self.now, self.banned_until, self.requests = 1_000.0, 0.0, 0
        self.table = MemoryCloud(lambda: self.now).table("paper-book")

    def process(self) -> Quotes:
        return Quotes("v", Client(self), PauseTable(self.table))

    def asks(self, process: Quotes) -> int:
        before = self.requests
        with pytest.raises(VenueUnavailable):
            process.quote("BTC/USDT")
        return self.requests - before


class Client:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._pace = Pace("v", 0, lambda: exchange.now, lambda _seconds: None)

    def quote(self, _instrument: str) -> Quote:
        self._pace.take()
        self._exchange.requests += 1
        if self._exchange.now < self._exchange.banned_until:
            self._pace.hold_until(self._exchange.banned_until)
            raise VenueUnavailable("418")
        return Quote(Decimal(99), Decimal(101), datetime.fromtimestamp(self._exchange.now, UTC))

    def held_until(self) -> float:
        return self._pace.held_until

    def hold(self, until: float) -> None:
        self._pace.hold_until(until)


def test_another_process_asks_nothing_while_the_ban_lasts_and_goes_on_after_it() -> None:
    exchange = Exchange()
    first, second = exchange.process(), exchange.process()
    assert second.quote("BTC/USDT").bid == 99
    exchange.banned_until = 1_120.5
    assert exchange.asks(first) == 1
    for now in (1_001.0, 1_060.0, 1_120.0):
        exchange.now = now
        assert [exchange.asks(process) for process in (first, second, exchange.process())] == [0, 0, 0]
    exchange.now = 1_121.0
    assert [process.quote("BTC/USDT").ask for process in (first, second, exchange.process())] == [101, 101, 101]


def test_a_longer_ban_stays_where_a_shorter_one_is_told_later() -> None:
    pauses = PauseTable(Exchange().table)
    for until, kept in ((50, 50), (90, 90), (70, 90)):
        pauses.store("v", until)
        assert (pauses.until("v"), pauses.until("w")) == (kept, 0)


def test_a_venue_that_bans_nobody_is_not_written_of() -> None:
    exchange = Exchange()
    exchange.process().quote("BTC/USDT")
    assert list(exchange.table.query("venue#v")) == []
