"""The limits of a key are those of all processes under it: bans, request weight, nonces."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs

import pytest
from test_trading_in_the_box import box

from fanfold.aws.dynamodb.pauses import VenuePause
from fanfold.desk import VenueSettings
from fanfold.errors import VenueUnavailable
from fanfold.exchange.server import ManualClock, ServedExchange, serve
from fanfold.messages import OrdersApproved
from fanfold.simulation import market
from fanfold.simulation.cloud import MemoryCloud
from fanfold.trading.terms import TERMS
from fanfold.venues.ccxt.client import USED, USED_SHARE_MAX
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.nonces import RisingNonces
from fanfold.venues.ccxt.trading import ExchangeTrading
from fanfold.venues.ccxt.venue import ExchangeVenue
from fanfold_dev.documents.message_examples import EXAMPLES
from support.exchange_server import serving
from support.keyed_exchange import KeyedExchange, says, trading_at

BTC = "BTC/USDT"
START = 1_767_225_600
REQUEST_WEIGHT = 20
(ORDER,) = [order for message in EXAMPLES if isinstance(message, OrdersApproved) for order in message.orders]


class Processes:
    """Processes under one key, which share a table and nothing else."""

    def __init__(self, served: ServedExchange, clock: ManualClock) -> None:
        self.served, self.clock, self.calls = served, clock, list[str]()
        cloud = MemoryCloud(lambda: clock() / 1_000)
        table, answer = cloud.table("paper-book"), cloud.call

        def counted(service: str, operation: str, parameters: Any) -> dict[str, Any]:
            self.calls.append(operation)
            return answer(service, operation, parameters)

        self._pauses = VenuePause(table._replace(call=counted), "exchange")

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock() / 1_000, UTC)

    def start_quoting(self) -> ExchangeVenue:
        """Start a process that asks for best prices, without a key."""
        venue = VenueSettings(kind="ccxt", exchange="binance", symbols=[BTC])
        return ExchangeVenue.connect(
            venue, market.catalogue(), self.served.origin, self.now, lambda _seconds: None, self._pauses
        )

    def start(self) -> ExchangeTrading:
        credentials = {"api_key": self.served.key, "secret": self.served.secret}
        client = KeyedClient(
            TERMS["binance"],
            credentials,
            self.served.origin,
            clock=self.now,
            sleep=lambda _seconds: None,
            pauses=self._pauses,
        )
        return ExchangeTrading(TERMS["binance"], client, self.now)


@pytest.fixture
def processes() -> Iterator[Processes]:
    clock = ManualClock(START * 1_000)
    series = market.market(7, [BTC], 120, START - 3_600)
    with serve(series, clock=clock, moved=False) as served:
        yield Processes(served, clock)


def ask(process: ExchangeTrading) -> bool:
    try:
        process.balances()
    except VenueUnavailable:
        return False
    return True


def test_a_pause_that_one_process_is_told_keeps_the_others_silent_to_its_end(processes: Processes) -> None:
    first, second = processes.start(), processes.start()
    box(processes.served, "faults", {"fault": "rate_limit_storm", "method": "GET", "path": "/api/v3/account"})
    assert not ask(first)
    # A storm of limits bans who goes on asking.
    assert [ask(process) for process in (second, first, processes.start())] == [False] * 3
    assert len(box(processes.served, "journal")) == 1
    processes.clock.now_ms += 180_000
    assert ask(first)
    assert ask(second)


def test_a_pause_under_the_key_keeps_those_silent_who_ask_for_prices_and_theirs_keeps_the_key_silent(
    processes: Processes,
) -> None:
    trading = processes.start()
    limited = {"fault": "rate_limit_storm", "method": "GET"}
    box(processes.served, "faults", limited | {"path": "/api/v3/account"})
    assert not ask(trading)
    with pytest.raises(VenueUnavailable, match="not asked again"):
        processes.start_quoting().quote(BTC)
    processes.clock.now_ms += 180_000
    quoting = processes.start_quoting()
    assert quoting.quote(BTC).bid > 0
    box(processes.served, "faults", limited | {"path": "/api/v3/ticker/bookTicker"})
    with pytest.raises(VenueUnavailable, match="takes no more requests"):
        quoting.quote(BTC)
    assert not ask(processes.start())
    assert len(box(processes.served, "journal")) == 2


def test_a_longer_pause_stays_where_a_shorter_one_is_stored_later() -> None:
    table = MemoryCloud(lambda: 1_000.0).table("paper-book")
    pause, other = VenuePause(table, "v"), VenuePause(table, "w")
    for until, kept in ((50, 50), (90, 90), (70, 90)):
        pause.store(until)
        assert (pause.until(), other.until()) == (kept, 0)


def test_a_minute_of_requests_reads_the_shared_pause_once(processes: Processes) -> None:
    process = processes.start()
    for _ in range(5):
        processes.clock.now_ms += 13_000
        assert ask(process)
    assert processes.calls == ["GetItem"]
    processes.clock.now_ms += 13_000
    assert ask(process)
    assert processes.calls == ["GetItem", "GetItem"]


def test_processes_stop_before_the_weight_of_a_minute_is_used_up_by_all_of_them(processes: Processes) -> None:
    name, limit = USED["binance"]
    assert name == "X-MBX-USED-WEIGHT-1M"
    started = [processes.start(), processes.start(), processes.start()]
    answered = 0
    while any(answers := [ask(process) for process in started]):
        answered += sum(answers)
    # None was refused; besides, each process asked once for the markets.
    assert USED_SHARE_MAX * limit - 100 <= answered * REQUEST_WEIGHT < limit
    processes.clock.now_ms += 60_000
    assert all(ask(process) for process in started)


def test_the_rest_of_a_minute_whose_limit_is_near_is_for_cancels(processes: Processes) -> None:
    process, other = processes.start(), processes.start()
    while ask(process):
        pass
    with pytest.raises(VenueUnavailable, match="the rest of it is for cancels"):
        process.balances()
    # The other asks for the markets, and is told by the answer.
    assert not ask(other)
    for each in (process, other, processes.start()):
        # The exchange answers it.
        assert "OrderNotFound" in each.request_cancel(ORDER, "1")
    assert not ask(process)


def test_in_a_pause_that_the_exchange_demands_a_cancel_waits_too_and_may_be_the_first_request_after_it(
    processes: Processes,
) -> None:
    process = processes.start()
    assert ask(process)
    box(processes.served, "faults", {"fault": "rate_limit_storm", "method": "GET", "path": "/api/v3/account"})
    assert not ask(process)
    assert "asked for a pause" in process.request_cancel(ORDER, "1")
    processes.clock.now_ms += 180_000
    assert "OrderNotFound" in process.request_cancel(ORDER, "1")


def test_nonces_of_two_processes_rise_from_request_to_request() -> None:
    exchange = KeyedExchange()
    exchange.private = says({"error": [], "result": {}})
    with serving(exchange) as origin:
        first, second = (trading_at("kraken", origin, sleep=lambda _seconds: None) for _ in range(2))
        for _ in range(50):
            first.balances()
            second.balances()
            second.balances()
    nonces = [int(parse_qs(request.body)["nonce"][0]) for request in exchange.requests]
    assert len(nonces) == 150
    assert all(before < after for before, after in pairwise(nonces))


def test_a_nonce_rises_within_a_microsecond_and_is_no_less_fine() -> None:
    now = [1_767_225_600.000_000]
    first, second = RisingNonces(lambda: now[0]), RisingNonces(lambda: now[0])
    assert [first.following() for _ in range(3)] == [1_767_225_600_000_000 + count for count in range(3)]
    # Requests of two processes a tenth of a millisecond apart.
    for _ in range(20):
        now[0] += 0.000_1
        before = first.following()
        now[0] += 0.000_1
        assert before < second.following()
