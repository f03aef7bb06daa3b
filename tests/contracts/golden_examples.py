"""One example of every message version, with every field set. Golden files were written of them, once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from fanfold.codes import Code
from fanfold.market import bars
from fanfold.market.bars import Bar, Series
from fanfold.messages import (
    BarsClosed,
    BarsRequested,
    CommandReceived,
    DataDefect,
    ExecutionReport,
    Fill,
    LegCode,
    LegState,
    LegStatus,
    Message,
    Order,
    OrdersApproved,
    OrdersRefused,
    OrderState,
    OrderUpdate,
    PositionSnapshot,
    Refusal,
    Target,
    Targets,
    TradingState,
    TradingStateChanged,
)

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CLOSE = int(AT.timestamp())
ORDER = Order(
    order_id="o1",
    client_order_id="c1",
    signal_id="s1",
    account="main",
    venue="binance",
    instance="trend",
    instrument="BTC/USDT",
    side="buy",
    kind="limit",
    quantity=Decimal("0.10"),
    limit_price=Decimal("64000.50"),
    stop_price=Decimal(63000),
    time_in_force="ioc",
    reduce_only=True,
    reference_price=Decimal("64001.00"),
    reserved=Decimal("6500.12345678"),
    decided_at=AT + timedelta(microseconds=1500),
    expires_at=AT + timedelta(minutes=5),
)
FILL = Fill(
    trade_id="t1",
    order_id="o1",
    client_order_id="c1",
    account="main",
    venue="binance",
    instance="trend",
    instrument="BTC/USDT",
    side="buy",
    price=Decimal("64000.50"),
    quantity=Decimal("0.10"),
    fee=Decimal("6.40005"),
    liquidity="taker",
    at=AT,
)
UPDATE = OrderUpdate(
    order_id="o1",
    client_order_id="c1",
    instance="trend",
    instrument="BTC/USDT",
    state=OrderState.FILLED,
    filled=Decimal("0.10"),
    reason="none",
)
HOLDING = PositionSnapshot(
    instance="trend",
    instrument="BTC/USDT",
    quantity=Decimal("0.10"),
    cost=Decimal("6400.05"),
    realised=Decimal(-1),
    fees=Decimal("6.40005"),
    version=7,
)
SERIES = [
    Series(
        instrument=name,
        timeframe=timeframe,
        price_scale=2,
        volume_scale=3,
        after=CLOSE - 2 * length,
        bars=[Bar(CLOSE - length, 100, 120, 90, 110, 5), Bar(CLOSE, 110, 111, 80, 81, 0)],
    )
    for timeframe, length in (("1m", 60), ("1h", 3_600))
    for name in ("BTC/USDT", "ETH/USDT")
]
EXAMPLES: list[Message] = [
    BarsClosed(
        id="b1",
        cause="poll/binance/1",
        at=AT,
        venue="binance",
        part=1,
        parts=2,
        requested=True,
        frames=bars.pack(SERIES),
        defects=[
            DataDefect(
                instrument="BTC/USDT", timeframe="1m", defect="gap", action="reported", count=2, closes_at_s=CLOSE
            )
        ],
    ),
    BarsRequested(
        id="w1",
        cause="b1",
        at=AT,
        venue="binance",
        timeframe="1m",
        instruments=["BTC/USDT"],
        since_s=CLOSE - 600,
        until_s=CLOSE,
    ),
    Targets(
        id="t1",
        cause="b1",
        at=AT,
        account="main",
        poll_id="poll/binance/1",
        part=2,
        parts=2,
        targets=[
            Target(signal_id="s1", instance="trend", instrument="BTC/USDT", timeframe="1m", weight=-0.30000000000000004)
        ],
    ),
    LegStatus(
        id="l1",
        cause="b1",
        at=AT,
        account="main",
        statuses=[
            LegState(
                instance="trend", instrument="BTC/USDT", code=LegCode.FAULT, detail="ValueError: math domain error"
            )
        ],
    ),
    OrdersApproved(id="a1", cause="t1", at=AT, account="main", orders=[ORDER]),
    OrdersRefused(
        id="r1",
        cause="t1",
        at=AT,
        account="main",
        refusals=[Refusal(order=ORDER, code=Code.STALE_SIGNAL, detail="600 s is over 120 s")],
    ),
    TradingStateChanged(
        id="h1",
        cause="operator/ann",
        at=AT,
        account="main",
        state=TradingState.REDUCE_ONLY,
        reason="drill",
        actor="ann",
    ),
    CommandReceived(
        id="c1", cause="chat/telegram/10000", at=AT, actor="chat/ann", text="/halt main drill", denied="Not allowed"
    ),
    ExecutionReport(
        id="e1",
        cause="b1",
        at=AT,
        account="main",
        venue="binance",
        matched=True,
        poll_id="poll/binance/1",
        part=1,
        parts=2,
        updates=[UPDATE],
        fills=[FILL],
        positions=[HOLDING],
        cash=Decimal("3593.54995"),
        version=8,
    ),
]
