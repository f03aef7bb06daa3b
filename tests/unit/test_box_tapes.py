"""The simulated exchange on recorded trades and order books: levels are taken, trades fill what rests."""

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold.desk import Instrument
from fanfold.exchange import server
from fanfold.exchange.box import Box
from fanfold.importers import tapes
from fanfold.market.tape import Tape, TapeBook, TapeEvent, TapeTrade
from support.box_client import NOW_MS, PLENTY, ask, limit, public

D = Decimal
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
RULES = Instrument(
    base="BTC", quote="USDT", tick=D("0.01"), lot=D("0.001"), notional_min=D(5), as_of="2026-03-01", source="test"
)
BOOK = TapeBook(
    NOW_MS - 500,
    ((D("99.99"), D(2)), (D("99.5"), D(3))),
    ((D("100.01"), D(1)), (D("100.5"), D(4)), (D("101"), D("0.0001"))),
)
MARKET: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}


def trade(after_ms: int, price: str, quantity: str = "1", taker: Any = "sell") -> TapeTrade:
    return TapeTrade(NOW_MS + after_ms, D(price), D(quantity), taker)


def box_of(*events: TapeEvent) -> Box:
    tape = Tape(instrument="BTC/USDT", events=sorted(events, key=lambda event: event.at_ms))
    deposits = {"USDT": D(100_000), "BTC": D(5)}
    return Box([tape], {"BTC/USDT": RULES}, deposits, seed=7, started_at_ms=NOW_MS, limits=PLENTY)


def levels(box: Box, side: str, now_ms: int = NOW_MS) -> list[tuple[Decimal, Decimal]]:
    return [(D(price), D(size)) for price, size in public(box, "depth", now_ms, symbol="BTCUSDT")[side]]


def state(box: Box, order: dict[str, Any], now_ms: int) -> tuple[str, Decimal]:
    known = ask(box, "GET", "order", now_ms, symbol="BTCUSDT", orderId=order["orderId"])
    return known["status"], D(known["executedQty"])


def test_the_recorded_levels_are_the_book_but_for_less_than_a_lot() -> None:
    box = box_of(BOOK)
    assert levels(box, "bids") == [(D("99.99"), D(2)), (D("99.5"), D(3))]
    assert levels(box, "asks") == [(D("100.01"), D(1)), (D("100.5"), D(4))]


def test_a_purchase_walks_the_recorded_levels_and_the_next_book_is_whole_again() -> None:
    box = box_of(BOOK, BOOK._replace(at_ms=NOW_MS + 100))
    order = ask(box, "POST", "order", **MARKET, quantity="3", newOrderRespType="FULL")
    assert [(D(fill["price"]), D(fill["qty"])) for fill in order["fills"]] == [(D("100.01"), D(1)), (D("100.5"), D(2))]
    assert levels(box, "asks") == [(D("100.5"), D(2))]
    box.advance(NOW_MS + 100)
    assert levels(box, "asks", NOW_MS + 100)[0] == (D("100.01"), D(1))


def test_an_order_that_rests_fills_from_at_most_half_of_a_trade_at_its_price_and_from_none_behind_it() -> None:
    box = box_of(BOOK, trade(1_000, "99.91"), trade(2_000, "99.90"), trade(3_000, "99.80", "9"))
    order = ask(box, "POST", "order", **limit("99.90", "2"))
    for after_ms, expected in [
        (1_000, ("NEW", D(0))),
        (2_000, ("PARTIALLY_FILLED", D("0.5"))),
        (3_000, ("FILLED", D(2))),
    ]:
        box.advance(NOW_MS + after_ms)
        assert state(box, order, NOW_MS + after_ms) == expected
    (first, *_) = ask(box, "GET", "myTrades", NOW_MS + 3_000, symbol="BTCUSDT")
    assert (first["isMaker"], D(first["price"])) == (True, D("99.90"))


def test_a_recorded_level_that_comes_to_an_order_fills_it_without_any_trade() -> None:
    lower = TapeBook(
        NOW_MS + 1_000, ((D("99.0"), D(1)),), ((D("99.4"), D("0.7")), (D("99.45"), D("0.1")), (D("99.6"), D(9)))
    )
    box = box_of(BOOK, lower)
    order = ask(box, "POST", "order", **limit("99.50", "2"))
    box.advance(NOW_MS + 1_000)
    assert state(box, order, NOW_MS + 1_000) == ("PARTIALLY_FILLED", D("0.8"))
    assert levels(box, "bids", NOW_MS + 1_000)[0] == (D("99.50"), D("1.2"))


def test_a_stop_is_triggered_by_a_recorded_trade() -> None:
    box = box_of(BOOK, trade(1_000, "98"))
    stop: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_LOSS",
        "quantity": "1",
        "stopPrice": "98.50",
    }
    order = ask(box, "POST", "order", **stop)
    box.advance(NOW_MS + 1_000)
    assert state(box, order, NOW_MS + 1_000) == ("FILLED", D(1))


def test_trades_alone_are_quoted_around_and_told_as_they_were() -> None:
    box = box_of(trade(-5_000, "100"), trade(-1_000, "100.10", "0.25", "buy"), trade(60_000, "101"))
    bid, ask_ = levels(box, "bids")[0][0], levels(box, "asks")[0][0]
    assert bid < D("100.10") < ask_
    rows = public(box, "trades", symbol="BTCUSDT")
    assert [(D(row["price"]), D(row["qty"]), row["isBuyerMaker"]) for row in rows] == [
        (D(100), D(1), True),
        (D("100.10"), D("0.25"), False),
    ]
    candles = public(box, "klines", symbol="BTCUSDT", interval="1m")
    assert [D(figure) for figure in candles[-1][1:6]] == [D(100), D("100.10"), D(100), D("100.10"), D("1.25")]


@given(
    st.lists(
        st.tuples(st.integers(0, 600_000), st.integers(1, 10**6), st.integers(1, 10**6), st.booleans()), min_size=1
    )
)
@settings(deadline=None)
def test_candles_have_the_prices_and_the_volume_of_the_trades(draw: list[tuple[int, int, int, bool]]) -> None:
    trades = [
        TapeTrade(NOW_MS - at, D(price) / 100, D(quantity) / 1_000, "buy" if buys else "sell")
        for at, price, quantity, buys in sorted(draw, reverse=True)
    ]
    rows = public(box_of(*trades), "klines", symbol="BTCUSDT", interval="1m", limit=20)
    assert sum((D(row[5]) for row in rows), D(0)) == sum((trade.quantity for trade in trades), D(0))
    assert (D(rows[0][1]), D(rows[-1][4])) == (trades[0].price, trades[-1].price)
    assert max(D(row[2]) for row in rows) == max(trade.price for trade in trades)
    opens = [row[0] for row in rows]
    assert opens == list(range(opens[0], opens[-1] + 60_000, 60_000))


def test_a_halt_trades_nothing_and_what_is_delisted_stands_still() -> None:
    box = box_of(BOOK, trade(1_000, "99"), BOOK._replace(at_ms=NOW_MS + 1_100), trade(2_000, "99"))
    order = ask(box, "POST", "order", **limit("99.50", "2"))
    box.exchange.listings["BTCUSDT"].status = "HALT"
    box.advance(NOW_MS + 1_500)
    assert state(box, order, NOW_MS + 1_500) == ("NEW", D(0))
    assert levels(box, "asks", NOW_MS + 1_500) == []
    box.exchange.delist("BTCUSDT", NOW_MS + 1_600)
    box.advance(NOW_MS + 2_500)
    assert len(box.exchange.trades) == 0


def test_a_coarser_tick_adds_levels_up_away_from_the_other_side() -> None:
    box = box_of(BOOK, BOOK._replace(at_ms=NOW_MS + 100))
    box.exchange.listings["BTCUSDT"].tick = D("0.5")
    box.advance(NOW_MS + 100)
    assert levels(box, "bids", NOW_MS + 100) == [(D("99.5"), D(5))]
    assert levels(box, "asks", NOW_MS + 100) == [(D("100.5"), D(5))]


def test_an_unmodified_ccxt_trades_on_a_tape() -> None:
    now_ms = int(time.time() * 1_000)
    tape = Tape(instrument="BTC/USDT", events=[BOOK._replace(at_ms=now_ms), trade(now_ms - NOW_MS + 60_000, "100")])
    with server.serve([tape], {"BTC/USDT": RULES}, deposits={"USDT": D(1_000)}) as served:
        options = {"fetchMarkets": {"types": ["spot"]}}
        exchange: Any = ccxt.binance({"apiKey": served.key, "secret": served.secret, "options": options})
        exchange.urls["api"].update(dict.fromkeys(("public", "private"), f"{served.origin}/api/v3"))
        exchange.urls["api"]["sapi"] = f"{served.origin}/sapi/v1"
        book = exchange.fetch_order_book("BTC/USDT")
        assert [book["bids"][0], book["asks"][0]] == [[99.99, 2.0], [100.01, 1.0]]
        bought = exchange.create_order("BTC/USDT", "market", "buy", 0.5)
        assert (bought["status"], bought["average"]) == ("closed", 100.01)


@pytest.mark.skipif(not DATA.is_dir(), reason="recorded market data is not beside the repository")
def test_six_recorded_minutes_of_trades_and_depth_is_traded_through() -> None:
    file = tapes.read(str(DATA / "ws_l2" / "hft_binance_spot_btcusdt_20240808.gz"))
    assert file is not None
    tape = file.tape
    trades = sum(isinstance(event, TapeTrade) for event in tape.events)
    assert (trades, len(tape.events)) == (9_757, 13_205)
    first, last = tape.events[0].at_ms, tape.events[-1].at_ms
    deposits = {"USDT": D(1_000_000)}
    box = Box([tape], {"BTC/USDT": file.instrument}, deposits, seed=7, started_at_ms=first, limits=PLENTY)
    for at_ms in range(first, last, 1_000):
        box.advance(at_ms)
        bids, asks = levels(box, "bids", at_ms), levels(box, "asks", at_ms)
        assert not bids or not asks or bids[0][0] < asks[0][0]
    rows = public(box, "klines", last, symbol="BTCUSDT", interval="1m", limit=20)
    assert sum(D(row[5]) for row in rows) == sum(
        (event.quantity for event in tape.events if isinstance(event, TapeTrade) and event.at_ms <= last), D(0)
    )
