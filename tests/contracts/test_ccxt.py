"""Behaviour of ccxt that adapters need: an exchange loads alone, numbers stay text, pages follow, rules are exact."""

import time
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent
from threading import Barrier

import pytest

from fanfold.desk import Instrument, VenueSettings
from fanfold.errors import VenueUnavailable
from fanfold.market.source import BarsRequest
from fanfold.matching.prices import Quote
from fanfold.venues.ccxt import installed
from fanfold.venues.ccxt.client import Client
from fanfold.venues.ccxt.venue import ExchangeVenue, catalogue
from support.exchange_server import START, Answer, Candle, Exchange, Query, serving
from support.python_processes import python

REPOSITORY = Path(__file__).resolve().parents[2]
RECORDINGS = REPOSITORY.parent / "shared" / "data" / "api_fixtures" / "ccxt_rs"
BTC = "BTC/USDT"
EXCHANGES = ["binance", "bybit", "okx", "kraken", "coinbase"]
recorded = pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"there are no recorded answers in {RECORDINGS}")


def connected(name: str, exchange: Exchange, origin: str) -> ExchangeVenue:
    symbols = [f"{exchange.base}/{exchange.quote}", *("/".join(pair) for pair in exchange.others)]
    venue = VenueSettings(kind="ccxt", exchange=name, symbols=symbols)
    rules = Instrument(
        base="",
        quote="",
        tick=Decimal(exchange.tick),
        lot=Decimal(exchange.lot),
        notional_min=Decimal(0),
        as_of="",
        source="",
    )
    return ExchangeVenue.connect(venue, dict.fromkeys(symbols, rules), origin)


def test_the_pinned_version_is_installed() -> None:
    assert version("ccxt") == installed.PINNED


def test_one_exchange_loads_alone_and_importing_all_of_ccxt_still_works() -> None:
    assert python(
        "-c",
        dedent("""
        import sys
        from fanfold.venues.ccxt import slim as slim_ccxt
        kind = slim_ccxt.load("kraken")
        print(len([name for name in sys.modules if name.startswith("ccxt")]) < 20, "ccxt.binance" in sys.modules)
        import ccxt
        print(ccxt.kraken is kind, ccxt.NetworkError is slim_ccxt.errors().NetworkError, len(ccxt.exchanges) > 90)
        print(slim_ccxt.load("okx") is ccxt.okx, ccxt.base.errors if hasattr(ccxt.base, "errors") else ccxt.errors)
    """),
    ).splitlines()[:2] == ["True False", "True True True"]


def test_the_whole_package_is_loaded_if_loading_one_exchange_fails() -> None:
    assert (
        python(
            "-c",
            dedent("""
        import sys
        from fanfold.venues.ccxt import installed, slim as slim_ccxt
        installed.PINNED = "0"
        kind = slim_ccxt.load("kraken")
        print("ccxt.binance" in sys.modules, sys.modules["ccxt"].kraken is kind)
    """),
        ).strip()
        == "True True"
    )


@recorded
@pytest.mark.parametrize("name", ["binance", "bybit", "okx"])
def test_one_exchange_loaded_alone_parses_recorded_answers_like_all_of_ccxt(name: str) -> None:
    program = str(Path(__file__).with_name("ccxt_parsing.py"))
    slim, whole = (python(program, how, name, str(RECORDINGS / name)) for how in ("slim", "whole"))
    assert slim == whole
    assert "69" in slim


def test_services_that_only_replay_never_load_ccxt() -> None:
    assert (
        python(
            "-c",
            dedent("""
        import sys, market_data_service.handler, execution_service.handler
        print([name for name in sys.modules if "ccxt" in name])
    """),
        ).strip()
        == "[]"
    )


@pytest.mark.parametrize("name", EXCHANGES)
def test_ccxt_never_retries_a_request_by_itself(name: str) -> None:
    assert not Client(name)._ccxt.options.get("maxRetriesOnFailure", 0)


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_digit_of_a_candle_arrives(name: str) -> None:
    exchange = Exchange(tick="0.01", lot="0.00000001")
    exact = ("69222.10", "123456789.000000000000123", "0.1", "0.30000000000000004", "9007199254740993.12345678")
    exchange.candles = [Candle(START, *exact), Candle(START + 60, *exact)]
    with serving(exchange) as origin:
        got = connected(name, exchange, origin).bars(BTC, "1m", START + 60, START + 120)
    (bar,) = got.bars
    assert (bar.closes_at_s, got.after) == (START + 120, START + 60)
    assert [got.price(ticks) for ticks in bar[1:5]] == [Decimal(text) for text in exact[:4]]
    assert got.volume(bar.volume) == Decimal(exact[4])


def test_json_numbers_keep_every_digit_too(exchange: Exchange, origin: str) -> None:
    body = b"[[1770523200000, 0.30000000000000004, 123456789.123456789123, 0.1, 1e-7, 5, 1770523259999]]"
    exchange.fault = lambda path, _query: Answer(body=body) if path.endswith("klines") else None
    got = connected("binance", exchange, origin).bars(BTC, "1m", START, START + 60)
    digits = ["0.30000000000000004", "123456789.123456789123", "0.1", "1e-7"]
    assert [got.price(ticks) for ticks in got.bars[0][1:5]] == [Decimal(text) for text in digits]


@pytest.mark.parametrize("name", EXCHANGES)
def test_rules_are_exact_and_dated(name: str) -> None:
    exchange = Exchange(tick="0.01", lot="0.00000001")
    with serving(exchange) as origin:
        instrument = catalogue(name, [BTC], "2026-02-08", origin)[BTC]
    assert (instrument.base, instrument.quote, instrument.tick, instrument.lot) == (
        "BTC",
        "USDT",
        Decimal("0.01"),
        Decimal("1e-8"),
    )
    assert instrument.notional_min == {"okx": 0, "kraken": Decimal("0.5"), "coinbase": 1}.get(name, 5)
    assert instrument.amount_min == Decimal("1e-8")
    assert instrument.amount_max == {"binance": 9_000, "bybit": 100}.get(name, 0)
    assert (instrument.source, instrument.as_of) == (f"{name} via ccxt 4.5.90", "2026-02-08")


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_quote_is_the_best_bid_and_ask(name: str) -> None:
    exchange = Exchange()
    exchange.touch = ("69383.05000001", "69383.06")
    with serving(exchange) as origin:
        got = connected(name, exchange, origin).quote(BTC)
    assert got == Quote(Decimal("69383.05000001"), Decimal("69383.06"), got.at)
    assert abs(got.at.timestamp() - time.time()) < 60


@pytest.mark.parametrize("name", EXCHANGES)
def test_two_hours_in_small_pages_leave_no_gap(name: str, exchange: Exchange, origin: str) -> None:
    exchange.page = 50
    got = connected(name, exchange, origin).bars(BTC, "1m", START + 120, START + 7_200)
    assert [bar.closes_at_s for bar in got.bars] == list(range(START + 180, START + 7_201, 60))
    assert got.after == START + 120


def test_a_page_shorter_than_requested_is_not_taken_for_the_last(exchange: Exchange, origin: str) -> None:
    exchange.page = 200
    exchange.candles = [Candle(START + 60 * at, "1", "1", "1", "1", "1") for at in range(950)]
    got = connected("binance", exchange, origin).bars(BTC, "1m", START + 60, START + 950 * 60)
    assert len(got.bars) == 949
    assert exchange.count("klines") == 5


def test_the_forming_candle_is_left_out_and_order_does_not_matter(exchange: Exchange, origin: str) -> None:
    venue = connected("binance", exchange, origin)
    expected = venue.bars(BTC, "1m", START + 300, START + 600)
    assert expected.bars[-1].closes_at_s == START + 600
    exchange.backwards = True
    assert venue.bars(BTC, "1m", START + 300, START + 600) == expected


def test_minutes_without_a_trade_do_not_end_the_paging(exchange: Exchange, origin: str) -> None:
    del exchange.candles[8:12]
    got = connected("kraken", exchange, origin).bars(BTC, "1m", START + 600, START + 900)
    assert (got.after, got.bars[0].closes_at_s) == (START + 480, START + 780)


def test_the_720_newest_bars_of_kraken_are_not_taken_for_the_whole_history(exchange: Exchange, origin: str) -> None:
    exchange.candles = [Candle(START + 60 * at, "1", "1", "1", "1", "1") for at in range(1_000)]
    got = connected("kraken", exchange, origin).bars(BTC, "1m", START + 60 * 100, START + 60 * 300)
    assert got.bars[0].closes_at_s == START + 60 * 281
    assert got.after == got.bars[0].closes_at_s - 60


def test_a_young_market_has_nothing_before_its_first_bar(exchange: Exchange, origin: str) -> None:
    got = connected("binance", exchange, origin).bars(BTC, "1m", START - 6_000, START + 600)
    assert (got.after, len(got.bars)) == (0, 10)


def test_instruments_are_asked_for_side_by_side(exchange: Exchange, origin: str) -> None:
    exchange.others = [(f"COIN{number}", "USDT") for number in range(15)]
    venue = connected("binance", exchange, origin)
    # Nobody is answered before another one asks: one after the other they would wait in vain.
    two = Barrier(2, timeout=20)

    def paired(path: str, _query: Query) -> None:
        if path.endswith("klines"):
            two.wait()

    exchange.fault = paired
    symbols = [BTC, *(f"{base}/USDT" for base, _ in exchange.others)]
    answers = venue.bars_of([BarsRequest(symbol, "1m", START + 600, START + 660) for symbol in symbols])
    assert [answer.instrument for answer in answers if not isinstance(answer, VenueUnavailable)] == symbols
