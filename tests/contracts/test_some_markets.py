"""The markets of a desk's instruments are asked for alone, until another is needed or one is not listed any more."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fanfold.errors import VenueUnavailable
from fanfold.exchange.server import ServedExchange, serve
from fanfold.simulation import market
from fanfold.trading.terms import TERMS
from fanfold.venues.ccxt.client import SOME_MARKETS_MAX, Client
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.trading import ExchangeTrading
from support.box_admin import ask_box

LISTED = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
OWN = LISTED[:2]
INFO = {"method": "GET", "path": "/api/v3/exchangeInfo"}


@pytest.fixture
def box() -> Iterator[ServedExchange]:
    start = int(datetime.now(UTC).timestamp()) // 60 * 60 - 600 * 60
    with serve(market.market(7, LISTED, 620, start)) as served:
        yield served


def known(client: Client) -> set[str]:
    """Return the markets that a client knows by now."""
    return set(client._ccxt.markets)


def keyed(box: ServedExchange, symbols: tuple[str, ...] = OWN) -> KeyedClient:
    credentials = {"api_key": box.key, "secret": box.secret}
    return KeyedClient(TERMS["binance"], credentials, box.origin, sleep=lambda _seconds: None, symbols=symbols)


def trading(client: KeyedClient) -> ExchangeTrading:
    return ExchangeTrading(TERMS["binance"], client, lambda: datetime.now(UTC))


def test_only_the_desks_own_are_fetched_and_each_says_what_it_says_among_all(box: ServedExchange) -> None:
    partial, whole = Client("binance", box.origin, symbols=OWN), Client("binance", box.origin)
    partial.load()
    whole.load()
    assert (known(partial), known(whole)) == (set(OWN), set(LISTED))
    for symbol in OWN:
        assert partial._ccxt.markets[symbol] == whole._ccxt.markets[symbol]
    assert partial.has(OWN[0])
    assert known(partial) == set(OWN)


def test_another_market_is_fetched_with_all_of_them_once_it_is_needed(box: ServedExchange) -> None:
    client = keyed(box)
    venue = trading(client)
    client.load()
    worth = venue.worth("SOL", "USDT")
    assert worth is not None
    assert worth > 0
    assert known(client) == set(LISTED)
    assert not client.has("ABC/USDT")


def test_an_order_that_somebody_sent_by_hand_elsewhere_is_named_by_its_market(box: ServedExchange) -> None:
    by_hand = keyed(box, ())
    price = by_hand.touch("XRP/USDT")[0]
    by_hand._ccxt.create_order("XRP/USDT", "limit", "buy", 100, str(Decimal(price) / 2)[:6])
    (order,) = trading(keyed(box)).open_orders()
    assert order.instrument == "XRP/USDT"


def test_where_one_is_not_listed_any_more_the_others_are_known_and_that_one_is_not(box: ServedExchange) -> None:
    ask_box(box.origin, "faults", {"fault": "delisting", "method": "GET", "path": "/api/v3/time"} | {"symbol": ""})
    Client("binance", box.origin)._ccxt.publicGetTime()
    client = keyed(box, ("BTC/USDT", "XRP/USDT"))
    venue, since = trading(client), datetime.now(UTC) - timedelta(hours=1)
    assert venue.rules("BTC/USDT", since) is not None
    assert venue.rules("XRP/USDT", since) is None
    assert known(client) == set(LISTED) - {"XRP/USDT"}


def test_what_goes_until_the_next_look_is_missed_at_that_one(box: ServedExchange) -> None:
    client = keyed(box, ("BTC/USDT", "XRP/USDT"))
    venue = trading(client)
    assert venue.rules("XRP/USDT", datetime.now(UTC) - timedelta(hours=1)) is not None
    ask_box(box.origin, "faults", {"fault": "delisting", "method": "GET", "path": "/api/v3/time"})
    client._ccxt.publicGetTime()
    assert venue.rules("XRP/USDT", datetime.now(UTC)) is None


def test_rules_that_fail_are_asked_for_once_however_many_instruments_want_them(box: ServedExchange) -> None:
    client = keyed(box, ("BTC/USDT", "XRP/USDT"))
    venue = trading(client)
    assert venue.rules("BTC/USDT", datetime.now(UTC) - timedelta(hours=1)) is not None
    before = len(ask_box(box.origin, "journal"))
    ask_box(box.origin, "faults", {"fault": "maintenance"} | INFO)
    for symbol in ("BTC/USDT", "XRP/USDT"):
        with pytest.raises(VenueUnavailable, match="503"):
            venue.rules(symbol, datetime.now(UTC))
    assert len(ask_box(box.origin, "journal")) == before + 1


def test_another_fault_than_a_missing_market_is_not_taken_for_one(box: ServedExchange) -> None:
    client = keyed(box)
    ask_box(box.origin, "faults", {"fault": "maintenance"} | INFO)
    with pytest.raises(VenueUnavailable, match="503"):
        client.load()
    assert client._ccxt.markets is None
    assert len(ask_box(box.origin, "journal")) == 1


@pytest.mark.parametrize(
    ("exchange", "count", "alone"), [("binance", 100, True), ("binance", 101, False), ("okx", 1, False)]
)
def test_so_many_are_asked_for_alone_where_the_exchange_lets_one(exchange: str, count: int, alone: bool) -> None:
    client: Any = Client(exchange, symbols=[f"C{number}/USDT" for number in range(count)])
    assert bool(client._symbols) is alone
    assert SOME_MARKETS_MAX["binance"] == 100
