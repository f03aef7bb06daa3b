"""Answers of the exchange venue to an exchange that misbehaves, through real ccxt and a real socket."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from fanfold.desk import Instrument, VenueSettings
from fanfold.errors import BadInput, VenueUnavailable
from fanfold.market.source import BarsRequest, Failure
from fanfold.venues.ccxt.client import Client
from fanfold.venues.ccxt.venue import ExchangeVenue, catalogue
from support.exchange_server import START, Answer, Exchange, Query

BTC = "BTC/USDT"
BINANCE = VenueSettings(kind="ccxt", exchange="binance", symbols=[BTC])
RULES = Instrument(
    base="BTC", quote="USDT", tick=Decimal("0.01"), lot=Decimal("0.00001"), notional_min=Decimal(5), as_of="", source=""
)


@pytest.fixture
def venue(origin: str) -> ExchangeVenue:
    return ExchangeVenue.connect(BINANCE, {BTC: RULES, "ETH/USDT": RULES}, origin)


def klines(answer: Answer) -> Callable[[str, Query], Answer | None]:
    """A fault of the candles alone."""
    return lambda path, _query: answer if path.endswith("klines") else None


def fault(venue: ExchangeVenue) -> str:
    with pytest.raises(VenueUnavailable) as caught:
        venue.bars(BTC, "1m", START + 600, START + 660)
    return str(caught.value)


@pytest.mark.parametrize("status", [429, 418])
def test_no_request_is_sent_while_the_exchange_has_banned_us(
    exchange: Exchange, venue: ExchangeVenue, status: int
) -> None:
    exchange.fault = klines(Answer(status, b'{"code": -1003, "msg": "Too many requests."}', {"Retry-After": "17"}))
    assert "left alone for 17 s" in fault(venue)
    requests = len(exchange.public_requests)
    assert "not asked again for" in fault(venue)
    assert len(exchange.public_requests) == requests


@pytest.mark.parametrize(("left_s", "held"), [(60, True), (-1, False)])
def test_a_ban_ends_at_the_time_in_its_text(exchange: Exchange, venue: ExchangeVenue, left_s: int, held: bool) -> None:
    until = int((time.time() + left_s) * 1_000)
    text = f'{{"code": -1003, "msg": "Way too many requests; IP banned until {until}."}}'
    exchange.fault = klines(Answer(418, text.encode()))
    fault(venue)
    exchange.fault = lambda _path, _query: None
    if held:
        assert "not asked again" in fault(venue)
    else:
        assert len(venue.bars(BTC, "1m", START + 600, START + 660).bars) == 1


def test_a_server_error_names_the_venue_and_the_status(exchange: Exchange, venue: ExchangeVenue) -> None:
    exchange.fault = klines(Answer(500, b"oh"))
    assert "binance at 127.0.0.1" in (text := fault(venue))
    assert "HTTP 500" in text


@pytest.mark.parametrize("body", [b"", b"<html>", b'[[1770523800000, "1", "2"', b"null", b'"x"'])
def test_a_body_that_is_not_json_is_a_fault_and_not_zero_bars(
    exchange: Exchange, venue: ExchangeVenue, body: bytes
) -> None:
    exchange.fault = klines(Answer(body=body))
    assert "binance" in fault(venue)


@pytest.mark.parametrize("body", [b'[[1770523800000, "1"]]', b'[["x"]]', b'{"a": 1}', b'[{"a": 1}]'])
def test_json_of_an_unexpected_shape_is_a_fault(exchange: Exchange, venue: ExchangeVenue, body: bytes) -> None:
    exchange.fault = klines(Answer(body=body))
    assert "binance" in fault(venue)


def test_a_request_to_a_silent_exchange_times_out(exchange: Exchange, origin: str) -> None:
    venue = ExchangeVenue(Client("binance", origin, timeout_s=0.2), {BTC: RULES})
    venue.quote(BTC)

    def silent(path: str, _query: Query) -> None:
        time.sleep(0.5 if path.endswith("klines") else 0)

    exchange.fault = silent
    assert "binance at 127.0.0.1" in (text := fault(venue))
    assert "did not answer" in text


def test_an_unreachable_exchange_is_named_with_its_host() -> None:
    venue = ExchangeVenue.connect(BINANCE, {BTC: RULES}, "http://127.0.0.1:9")
    assert "binance at 127.0.0.1:9 cannot be reached; check the network: ConnectionRefusedError" in fault(venue)


def test_a_poll_of_an_unreachable_exchange_fails_for_every_instrument_after_one_try() -> None:
    venue = ExchangeVenue.connect(BINANCE, {BTC: RULES}, "http://127.0.0.1:9")
    answers = venue.bars_of([BarsRequest(BTC, "1m", 0, 60)] * 3)
    assert all(isinstance(answer, Failure) and "cannot be reached" in answer.reason for answer in answers)


def test_an_instrument_that_was_delisted_fails_alone(venue: ExchangeVenue) -> None:
    first, second = venue.bars_of([BarsRequest(symbol, "1m", START + 600, START + 660) for symbol in (BTC, "ETH/USDT")])
    assert isinstance(second, Failure)
    assert not isinstance(first, Failure)
    assert [bar.closes_at_s for bar in first.bars] == [START + 660]


def test_a_symbol_that_is_not_traded_is_refused_with_near_ones(exchange: Exchange, origin: str) -> None:
    exchange.others = [("BTC", "USDC"), ("DOGE", "EUR")]
    with pytest.raises(BadInput, match=r"BTC/USD; near it are .*BTC/USD[CT], BTC/USD[CT]"):
        catalogue("binance", ["BTC/USD"], "2026-02-08", origin)
    with pytest.raises(BadInput, match="binance, binanceus"):
        catalogue("binanc", [BTC], "2026-02-08", origin)


def test_the_exchange_s_time_of_an_answer_is_kept_by_thread(origin: str) -> None:
    client = Client("binance", origin)
    assert client.responded_at_s() == 0
    client.markets()
    assert abs(client.responded_at_s() - time.time()) < 60
    with ThreadPoolExecutor(1) as another:
        assert another.submit(client.responded_at_s).result() == 0


def test_a_candle_without_a_number_or_a_time_does_not_lose_the_others(exchange: Exchange, venue: ExchangeVenue) -> None:
    opens = [(START + 600 + 60 * minute) * 1_000 for minute in range(4)]
    rows = [
        [opens[0], "1", "1", "1", "1", "1"],
        [opens[1], "1", "1", "1", "1", None],
        [None, "1", "1", "1", "1", "1"],
        [opens[3], "1", "1", "1", "1", "1"],
    ]
    exchange.fault = klines(Answer(body=json.dumps(rows).encode()))
    series = venue.bars(BTC, "1m", START + 600, START + 840)
    assert [(bar.closes_at_s - START - 600) // 60 for bar in series.bars if bar.close] == [1, 4]
