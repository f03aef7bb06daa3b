"""Trade with nautilus_trader's adapter of Binance, and start again over an order that rests.

A process each, because a process logs for one trading node alone.
"""

import json
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal

from calls import Calls, settings
from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.config import InstrumentProviderConfig, LiveExecEngineConfig, LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.trading.strategy import Strategy

PAIR = InstrumentId.from_str("BTCUSDT.BINANCE")
BARS = BarType.from_str("BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL")
DATA = ("quotes", "trades", "book", "history")
# Long enough for a minute's candle to close.
FIRST_S, AGAIN_S = 65, 8


class Trades(Strategy):
    """Buy at market, then rest a limit and a stop-limit, and cancel the stop; on another start, cancel what rests."""

    def __init__(self, node, *, again):
        super().__init__()
        self.node, self.again = node, again
        self.events, self.seen = [], set()
        self.limit = self.stop_limit = None

    def on_start(self):
        self.subscribe_quote_ticks(PAIR)
        self.subscribe_trade_ticks(PAIR)
        self.subscribe_order_book_deltas(PAIR)
        self.subscribe_bars(BARS)
        now = self.clock.utc_now()
        self.request_bars(BARS, start=now - timedelta(hours=1))
        if self.again:
            self.events += [f"reconciled {order.status_string()}" for order in self.cache.orders_open()]
            for order in self.cache.orders_open():
                self.cancel_order(order)
        else:
            self.submit_order(self.order_factory.market(PAIR, OrderSide.BUY, self.size("0.01")))
        seconds = AGAIN_S if self.again else FIRST_S
        self.clock.set_time_alert("end", now + timedelta(seconds=seconds), lambda _: self.node.stop())

    def size(self, text):
        return self.cache.instrument(PAIR).make_qty(Decimal(text))

    def price(self, last, share):
        return self.cache.instrument(PAIR).make_price(last * share)

    def on_order_filled(self, event):
        if self.limit is None and not self.again:
            last, size = float(event.last_px), self.size("0.005")
            self.limit = self.order_factory.limit(PAIR, OrderSide.BUY, size, self.price(last, 0.9))
            self.stop_limit = self.order_factory.stop_limit(
                PAIR, OrderSide.SELL, size, self.price(last, 0.89), self.price(last, 0.9)
            )
            self.submit_order(self.limit)
            self.submit_order(self.stop_limit)

    def on_order_accepted(self, event):
        if self.stop_limit is not None and event.client_order_id == self.stop_limit.client_order_id:
            self.cancel_order(self.stop_limit)

    def on_order_event(self, event):
        self.events.append(type(event).__name__)

    def on_quote_tick(self, _tick):
        self.seen.add("quotes")

    def on_trade_tick(self, _tick):
        self.seen.add("trades")

    def on_order_book_deltas(self, _deltas):
        self.seen.add("book")

    def on_bar(self, _bar):
        self.seen.add("bars")

    def on_historical_data(self, _data):
        self.seen.add("history")


def run(exchange, *, again):
    """Run a node until its strategy ends it; return what the strategy saw."""
    common = {
        "api_key": exchange.ed25519_key, "api_secret": exchange.ed25519_secret, "account_type": BinanceAccountType.SPOT,
        "base_url_http": exchange.origin, "instrument_provider": InstrumentProviderConfig(load_all=True),
    }  # fmt: skip
    config = TradingNodeConfig(
        trader_id=TraderId("BOX-001"),
        logging=LoggingConfig(log_level="OFF", log_level_file="INFO", log_directory=exchange.folder),
        exec_engine=LiveExecEngineConfig(reconciliation=True),
        data_clients={BINANCE: BinanceDataClientConfig(**common, base_url_ws=exchange.socket)},
        exec_clients={BINANCE: BinanceExecClientConfig(**common, base_url_ws=f"{exchange.socket}/ws-api/v3")},
        timeout_connection=30.0,
        timeout_disconnection=5.0,
        timeout_post_stop=2.0,
    )
    node = TradingNode(config=config)
    strategy = Trades(node, again=again)
    node.trader.add_strategy(strategy)
    node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
    node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
    node.build()
    try:
        node.run()
    finally:
        node.dispose()
    return {"events": strategy.events, "seen": sorted(strategy.seen)}


def start(mode):
    """Return what a node in a process of its own saw."""
    command = [sys.executable, __file__, sys.argv[1], mode]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    calls, first, second = Calls(), start("first"), start("again")
    counts = {name: first["events"].count(name) for name in first["events"]}
    for name, least in {"OrderAccepted": 3, "OrderFilled": 1, "OrderCanceled": 1}.items():
        calls.check(name, holds=counts.get(name, 0) >= least)
    for name in (*DATA, "bars"):
        calls.check(name, holds=name in first["seen"])
    calls.check("start over an order that rests", holds=second["events"] == ["reconciled ACCEPTED"])
    for name in DATA:
        calls.check(f"{name} after another start", holds=name in second["seen"])
    calls.report()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps(run(settings(), again=sys.argv[2] == "again")))
    else:
        main()
