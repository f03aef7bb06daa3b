"""The desk's own verbs over an exchange on loopback: polls go on where they can, and market orders fill at once."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from execution_service.match import OrderMatcher
from fanfold import desk
from fanfold.desk import Desk
from fanfold.errors import VenueUnavailable
from fanfold.ledger.account_books import AccountBooks
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.store import Excerpt
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.market import bars
from fanfold.market.bars import Series
from fanfold.market.source import Noted
from fanfold.matching.fills import Resolution
from fanfold.matching.paper import PaperVenue
from fanfold.messages import (
    BarsClosed,
    BarsRequested,
    ExecutionReport,
    Message,
    Order,
    OrdersApproved,
    OrderState,
    TradingState,
)
from fanfold.signals.fold import Fold
from fanfold.simulation.book import MemoryBook
from fanfold.venues.ccxt.venue import ExchangeVenue, catalogue
from market_data_service.poll import Poller
from support.exchange_server import START, Answer, Exchange, Query

BTC, ETH = "BTC/USDT", "ETH/USDT"
SYMBOLS = [BTC, ETH]
DOWN = Answer(500, b"{}")


class Market:
    """Market-data over the exchange, with a clock to turn, cursors in memory and a list for a bus."""

    def __init__(self, live: Desk, origin: str) -> None:
        self.venue = ExchangeVenue.connect(live.venues["live"], live.instruments, origin)
        self.published: list[BarsClosed] = []
        self.now = START
        self.cursors: dict[tuple[str, str], Series] = {}
        self.poller = Poller(live, lambda _name: self.venue, self, self, lambda: datetime.fromtimestamp(self.now, UTC))

    def read(self, _venue: str) -> Noted:
        return Noted(self.cursors, 0)

    def write(self, _venue: str, noted: Noted) -> None:
        self.cursors = dict(noted.cursors)

    def publish(self, messages: Iterable[Message]) -> None:
        self.published += [message for message in messages if isinstance(message, BarsClosed)]

    def poll(self, minute: int) -> BarsClosed:
        self.now = START + 60 * minute + 2
        self.poller.poll()
        return self.published[-1]


@pytest.fixture
def live(exchange: Exchange, origin: str) -> Desk:
    exchange.others = [("ETH", "USDT")]
    raw: dict[str, Any] = {
        "venues": {"live": {"kind": "ccxt", "exchange": "binance", "symbols": SYMBOLS}},
        "accounts": {"main": {"venue": "live", "currency": "USDT", "cash": "10000"}},
        "strategies": {
            f"cross-{timeframe}": {
                "strategy": "sma_cross",
                "params": {"fast": 2, "slow": 3},
                "instruments": SYMBOLS,
                "timeframe": timeframe,
                "allocation": "0.5",
                "account": "main",
            }
            for timeframe in ("1m", "5m")
        },
        "limits": {"main": {"order_notional_max": "5000", "position_notional_max": "9000"}},
        "instruments": catalogue("binance", SYMBOLS, "2026-02-08", origin),
    }
    return desk.build(
        raw | {"instruments": {name: as_table(rule) for name, rule in raw["instruments"].items()}}, "test"
    )


def as_table(rules: desk.Instrument) -> dict[str, object]:
    return {name: getattr(rules, name) for name in rules.__struct_fields__}


@pytest.fixture
def market(live: Desk, origin: str) -> Market:
    return Market(live, origin)


def down(symbols: Sequence[str]) -> Any:
    ids = [symbol.replace("/", "") for symbol in symbols]
    return lambda path, query: DOWN if path.endswith("klines") and query["symbol"] in ids else None


def closes_of(message: BarsClosed) -> dict[tuple[str, str], list[int]]:
    return {
        (series.instrument, series.timeframe): [bar.closes_at_s for bar in series.bars]
        for series in bars.unpack(message.frames)
    }


def test_a_fold_follows_a_live_venue_without_a_gap(live: Desk, market: Market) -> None:
    fold = Fold(live, "live")
    for minute in range(60, 72):
        targets, gaps = fold.accept(bars.unpack(market.poll(minute).frames), START + 60 * minute)
        assert gaps == []
    assert {target.instrument for _, target in targets} == set(SYMBOLS)


def test_an_instrument_that_fails_is_left_out_reported_and_caught_up_later(
    exchange: Exchange, live: Desk, market: Market
) -> None:
    fold = Fold(live, "live")
    fold.accept(bars.unpack(market.poll(60).frames), START + 3_600)
    exchange.fault = down([ETH])
    message = market.poll(61)
    assert closes_of(message) == {(BTC, "1m"): [START + 61 * 60]}
    assert [(defect.instrument, defect.defect, defect.count, defect.closes_at_s) for defect in message.defects] == [
        (ETH, "unavailable", 1, START + 61 * 60)
    ]
    exchange.fault = down([])
    later = market.poll(62)
    assert closes_of(later)[ETH, "1m"] == [START + 61 * 60, START + 62 * 60]
    assert fold.accept(bars.unpack([*message.frames, *later.frames]), START + 62 * 60)[1] == []


def test_a_poll_without_any_answer_names_the_unavailable_venue(exchange: Exchange, market: Market) -> None:
    market.poll(60)
    exchange.fault = down(SYMBOLS)
    with pytest.raises(VenueUnavailable, match=r"venue live: binance at 127.*HTTP 500"):
        market.poll(61)
    exchange.fault = down([])
    assert closes_of(market.poll(62))[BTC, "1m"] == [START + 61 * 60, START + 62 * 60]


def test_requested_bars_are_published_as_far_as_the_venue_has_them(exchange: Exchange, market: Market) -> None:
    exchange.fault = down([ETH])
    at = datetime.fromtimestamp(START + 3_600, UTC)
    market.poller.on_bars_requested(
        BarsRequested(
            id="w",
            cause="c",
            at=at,
            venue="live",
            timeframe="1m",
            instruments=SYMBOLS,
            since_s=START + 600,
            until_s=START + 720,
        )
    )
    assert closes_of(market.published[-1]) == {(BTC, "1m"): [START + 660, START + 720]}


class Ledger:
    """Books everything and keeps what is told."""

    def __init__(self) -> None:
        self.booked: list[Resolution] = []
        self.reports: list[ExecutionReport] = []

    def trading_state(self, _account: str) -> OrderPermissions:
        return OrderPermissions(TradingState.ACTIVE)

    def excerpt(self, _account: str, _resolutions: Sequence[Resolution]) -> Excerpt:
        books = AccountBooks(account=None, positions={})
        return Excerpt(books, OrderPermissions(TradingState.ACTIVE), orders={}, trades={})

    def records(self, _order_ids: Sequence[str]) -> dict[str, OrderRecord]:
        return {}

    def book(
        self, _account: str, resolutions: Sequence[Resolution], report: ExecutionReport, _excerpt: Excerpt | None = None
    ) -> list[ExecutionReport]:
        self.booked += resolutions
        return [report]

    def publish(self, held: Sequence[ExecutionReport], others: Sequence[ExecutionReport]) -> None:
        self.reports += [*held, *others]


def order() -> Order:
    decided = datetime.now(UTC) - timedelta(seconds=1)
    return Order(
        order_id="o",
        client_order_id="c",
        signal_id="s",
        account="main",
        venue="live",
        instance="cross-1m",
        instrument=BTC,
        side="buy",
        kind="market",
        quantity=Decimal(2),
        reference_price=Decimal(100),
        reserved=Decimal(210),
        decided_at=decided,
        expires_at=decided + timedelta(seconds=60),
    )


def test_a_market_order_fills_by_the_quote_as_soon_as_it_is_placed(
    exchange: Exchange, live: Desk, market: Market
) -> None:
    exchange.touch = ("99.50", "100.50")
    paper, ledger = PaperVenue(live, MemoryBook(), market.venue.quote), Ledger()
    matcher = OrderMatcher(live, ledger, paper)  # type: ignore[arg-type]
    placed = order()
    paper.place(placed)
    message = OrdersApproved(id="m", cause="c", at=placed.decided_at, account="main", orders=[placed])
    matcher.take(message)
    matcher.take(message)
    (done,) = ledger.booked
    assert (done.state, done.fills[0].quantity) == (OrderState.FILLED, 2)
    assert done.fills[0].price == Decimal("100.52"), "the ask, one basis point of slippage, up to the next tick"
    assert [report.matched for report in ledger.reports] == [False]


def test_an_order_waits_if_there_is_no_quote(exchange: Exchange, live: Desk, market: Market) -> None:
    book, ledger = MemoryBook(), Ledger()
    paper = PaperVenue(live, book, market.venue.quote)
    placed = order()
    paper.place(placed)

    def no_quotes(path: str, _query: Query) -> Answer | None:
        return DOWN if path.endswith("bookTicker") else None

    exchange.fault = no_quotes
    message = OrdersApproved(id="m", cause="c", at=placed.decided_at, account="main", orders=[placed])
    matcher = OrderMatcher(live, ledger, paper)  # type: ignore[arg-type]
    matcher.take(message)
    assert (len(book.read("main").resting), ledger.booked) == (1, [])
    exchange.fault = lambda _path, _query: None
    matcher.take(message)
    assert [done.state for done in ledger.booked] == [OrderState.FILLED]
