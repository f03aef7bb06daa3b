"""Markets are fetched once and stored: what reads them is as good as what fetched them, and sends no request."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfold.errors import BadInput, VenueUnavailable
from fanfold.venues.ccxt import market_cache
from fanfold.venues.ccxt.client import Client
from fanfold.venues.ccxt.market_cache import AGE_MAX
from support.exchange_server import Answer, Exchange

BTC = "BTC/USDT"
NOW = datetime(2026, 2, 8, 4, tzinfo=UTC)
EXCHANGES = ["binance", "bybit", "okx", "kraken", "coinbase"]


class Documents(dict[str, bytes]):
    """A store in memory."""

    def load(self, exchange: str) -> bytes:
        return self.get(exchange, b"")

    def store(self, exchange: str, document: bytes) -> None:
        self[exchange] = document


@pytest.fixture
def store() -> Documents:
    return Documents()


def started(name: str, origin: str, store: Documents, now: datetime = NOW) -> Client:
    """A process that starts: a new client, made ready."""
    client = Client(name, origin)
    market_cache.ready(client, store, now)
    return client


def without_info(markets: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {symbol: {key: each for key, each in market.items() if key != "info"} for symbol, market in markets.items()}


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_second_process_fetches_nothing_and_has_the_same_markets(
    exchange: Exchange, origin: str, store: Documents, name: str
) -> None:
    first = started(name, origin, store)
    fetched = len(exchange.asked)
    assert fetched
    second = started(name, origin, store)
    assert without_info(second.markets()) == without_info(first.markets())
    assert second.has(BTC)
    assert len(exchange.asked) == fetched


@pytest.mark.parametrize("name", EXCHANGES)
def test_what_follows_is_one_request_with_the_same_answer(
    exchange: Exchange, origin: str, store: Documents, name: str
) -> None:
    expected = started(name, origin, store).touch(BTC)
    second = started(name, origin, store)
    fetched = len(exchange.asked)
    assert second.touch(BTC) == expected == exchange.touch
    assert len(exchange.asked) == fetched + 1


def test_the_order_types_that_binance_names_are_kept_and_nothing_else_that_it_wrote(
    origin: str, store: Documents
) -> None:
    started("binance", origin, store)
    (market,) = json.loads(store["binance"])["markets"].values()
    assert market["info"] == {"orderTypes": ["LIMIT", "MARKET"]}


def test_kraken_knows_a_market_by_the_name_that_its_trades_have(origin: str, store: Documents) -> None:
    first, second = started("kraken", origin, store), started("kraken", origin, store)
    for client in (first, second):
        assert client._ccxt.find_market_by_altname_or_id("BTCUSDT")["symbol"] == BTC
        assert list(client._ccxt.options["marketsByAltname"]) == ["BTCUSDT"]


@pytest.mark.parametrize(
    ("age", "again"), [(AGE_MAX, False), (AGE_MAX + timedelta(seconds=1), True), (-2 * AGE_MAX, True)]
)
def test_markets_that_are_too_old_are_fetched_again_and_stored(
    exchange: Exchange, origin: str, store: Documents, age: timedelta, again: bool
) -> None:
    started("binance", origin, store)
    before, fetched = store["binance"], len(exchange.asked)
    exchange.tick = "0.1"
    client = started("binance", origin, store, NOW + age)
    assert (len(exchange.asked) > fetched) is again
    assert (store["binance"] != before) is again
    assert client.markets()[BTC]["precision"]["price"] == ("0.1" if again else "0.01")


def test_markets_of_another_version_of_ccxt_are_fetched_again(
    exchange: Exchange, origin: str, store: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(market_cache, "PINNED", "4.5.1")
        started("binance", origin, store)
    fetched = len(exchange.asked)
    started("binance", origin, store)
    assert len(exchange.asked) > fetched


def test_an_exchange_that_gives_no_markets_leaves_the_stored_ones(
    exchange: Exchange, origin: str, store: Documents
) -> None:
    started("binance", origin, store)
    before = store["binance"]
    exchange.fault = lambda _path, _query: Answer(503, b"down")
    with pytest.raises(VenueUnavailable, match="HTTP 503"):
        started("binance", origin, store, NOW + 2 * AGE_MAX)
    assert store["binance"] == before


@pytest.mark.parametrize(
    ("document", "words"),
    [(b"{", "damaged"), (b'{"exchange": "binance"}', "damaged"), (b"null", "damaged")],
)
def test_a_damaged_document_is_refused(origin: str, store: Documents, document: bytes, words: str) -> None:
    store["binance"] = document
    with pytest.raises(BadInput, match=words):
        started("binance", origin, store)


def test_the_markets_of_another_exchange_are_refused(origin: str, store: Documents) -> None:
    started("okx", origin, store)
    store["binance"] = store["okx"]
    with pytest.raises(BadInput, match="are those of okx"):
        started("binance", origin, store)
