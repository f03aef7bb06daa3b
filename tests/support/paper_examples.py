"""Orders, fills, bars and a desk to test the trading domain with."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from fanfold.desk import Account, Desk, Instrument, VenueSettings
from fanfold.market.bars import Bar, Series
from fanfold.matching import fills
from fanfold.matching.book import RestingOrder
from fanfold.matching.fills import Resolution
from fanfold.matching.prices import CandlePrices, FillModel
from fanfold.messages import Fill, Order

SYMBOL = "BTC/USDT"
DECIDED = datetime(2024, 1, 1, tzinfo=UTC)
T = int(DECIDED.timestamp())
MODEL = FillModel(
    taker_bps=Decimal(10),
    maker_bps=Decimal(5),
    spread_bps=Decimal(20),
    slippage_bps=Decimal(10),
    participation_max=Decimal("0.1"),
    tick=Decimal("0.1"),
    lot=Decimal("0.01"),
)


def order(name: str = "o1", **changes: object) -> Order:
    """A market buy of 2 BTC/USDT decided at T with 5 minutes to live, changed as told; figures may be text."""
    fields: dict[str, Any] = {
        "order_id": name,
        "client_order_id": f"c-{name}",
        "signal_id": "s",
        "account": "main",
        "venue": "replay",
        "instance": "trend",
        "instrument": SYMBOL,
        "side": "buy",
        "kind": "market",
        "quantity": "2",
        "reference_price": "100",
        "reserved": "201",
        "decided_at": DECIDED,
        "expires_at": DECIDED + timedelta(seconds=300),
    }
    return msgspec.convert(fields | changes, Order)


def fill(side: str, quantity: str, price: str, fee: str = "0", trade_id: str = "t1") -> Fill:
    return Fill(
        trade_id=trade_id,
        order_id="o1",
        client_order_id="c-o1",
        account="main",
        venue="replay",
        instance="trend",
        instrument=SYMBOL,
        side="buy" if side == "buy" else "sell",
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Decimal(fee),
        liquidity="taker",
        at=DECIDED,
    )


def candle(minute: int, opens: str, high: str, low: str, volume: str = "1000") -> CandlePrices:
    """The bar of one minute that closes ``minute`` minutes after T."""
    closes_at_s = T + 60 * minute
    return CandlePrices(closes_at_s - 60, closes_at_s, Decimal(opens), Decimal(high), Decimal(low), Decimal(volume))


def met(at: CandlePrices, **changes: Any) -> Resolution:
    """The resolution of one order alone in a bar."""
    (resolution,) = fills.resolve_all([RestingOrder(order=order(**changes))], [at], MODEL)
    return resolution


def price(resolution: Resolution) -> tuple[Decimal, str]:
    (fill,) = resolution.fills
    return fill.price, fill.liquidity


def series(*bars: Bar, instrument: str = SYMBOL, timeframe: str = "1m") -> Series:
    """Bars in ticks of 0.1 and lots of 0.01."""
    return Series(instrument=instrument, timeframe=timeframe, price_scale=1, volume_scale=2, after=0, bars=list(bars))


def bar(minute: int, ticks: int = 1000, lots: int = 100_000) -> Bar:
    """A bar about one price: it opens and closes there and spans ten ticks to either side."""
    return Bar(T + 60 * minute, ticks, ticks + 10, ticks - 10, ticks, lots)


def desk() -> Desk:
    rules = Instrument(
        base="BTC",
        quote="USDT",
        tick=Decimal("0.1"),
        lot=Decimal("0.01"),
        notional_min=Decimal(5),
        as_of="2024-01-01",
        source="test",
    )
    account = Account(venue="replay", currency="USDT", cash=Decimal(10_000))
    return Desk(
        venues={"replay": VenueSettings(kind="replay", symbols=[SYMBOL, "ETH/USDT"])},
        accounts={"main": account, "other": account},
        strategies={},
        limits={},
        instruments={SYMBOL: rules, "ETH/USDT": rules},
    )
