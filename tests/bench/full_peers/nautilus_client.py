"""The work on nautilus_trader: its back-test engine, with its risk engine and its execution engine, at one venue."""

import json
import sys
import time
from decimal import Decimal

import nautilus_trader
from crossing import MINUTE_S, START, TICKS, WARM, Crossing, names, rows
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import MakerTakerFeeModel
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

SECOND_NS = 1_000_000_000
BOX = Venue("BOX")


def instrument(name):
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol(name), BOX),
        raw_symbol=Symbol(name),
        base_currency=Currency.from_str("BTC"),
        quote_currency=USDT,
        price_precision=2,
        size_precision=0,
        price_increment=Price(0.01, 2),
        size_increment=Quantity(1, 0),
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
        margin_init=Decimal(0),
        margin_maint=Decimal(0),
        ts_event=0,
        ts_init=0,
    )


def type_of(name):
    return BarType.from_str(f"{name}.{BOX}-1-MINUTE-LAST-EXTERNAL")


def bars_of(number, name, minutes):
    kind, volume = type_of(name), Quantity(10_000_000, 0)
    return [
        Bar(kind, *(Price(ticks / TICKS, 2) for ticks in prices), volume, at * SECOND_NS, at * SECOND_NS)
        for at, *prices in rows(number, minutes + WARM)
    ]


class LongConfig(StrategyConfig, frozen=True):
    symbols: int
    last: int


class Long(Strategy):
    def on_start(self):
        self.crossings, self.long = {}, {}
        for name in names(self.config.symbols):
            kind = type_of(name)
            self.crossings[kind], self.long[kind] = Crossing(), False
            self.subscribe_bars(kind)
        self.first, self.last = (START + WARM * MINUTE_S) * SECOND_NS, self.config.last * SECOND_NS
        self.unit = Quantity(1, 0)

    def on_bar(self, bar):
        kind = bar.bar_type
        wanted = self.crossings[kind].is_long(round(bar.close.as_double() * TICKS))
        if self.first <= bar.ts_event < self.last and wanted != self.long[kind]:
            self.long[kind] = wanted
            side = OrderSide.BUY if wanted else OrderSide.SELL
            self.submit_order(self.order_factory.market(kind.instrument_id, side, self.unit))


def filled(event):
    """Return a fill as those of the other engines, which date it by the bar after the one that decided."""
    at = event.ts_event // SECOND_NS + MINUTE_S
    side = "buy" if event.order_side == OrderSide.BUY else "sell"
    return at, event.instrument_id.symbol.value, side, str(event.last_px), int(event.last_qty)


def main(symbols, minutes):
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(log_level="ERROR", bypass_logging=True)))
    engine.add_venue(
        venue=BOX,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USDT,
        starting_balances=[Money(150 * symbols, USDT)],
        fee_model=MakerTakerFeeModel(),
    )
    count = 0
    for number, name in enumerate(names(symbols)):
        engine.add_instrument(instrument(name))
        bars = bars_of(number, name, minutes)
        engine.add_data(bars, sort=False)
        count += len(bars)
    engine.sort_data()
    engine.add_strategy(Long(LongConfig(symbols=symbols, last=START + (WARM + minutes) * MINUTE_S)))
    began = time.process_time()
    engine.run()
    took = time.process_time() - began
    fills = [filled(event) for order in engine.cache.orders() for event in order.events if hasattr(event, "last_px")]
    print(json.dumps({"version": nautilus_trader.__version__, "cpu_s": took, "bars": count, "fills": fills}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
