"""One example a message, all of one chain: a bar, the target that it led to, the order, its fill."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from fanfold.codes import Code
from fanfold.market.bars import Frame
from fanfold.messages import (
    BarsClosed,
    BarsRequested,
    CommandReceived,
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

AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
POLL = "poll/paper/1769860800"
_FRAME = Frame(
    timeframe="1m",
    first_close_s=1_769_860_800,
    instruments=["BTC/USDT"],
    price_scale=[2],
    volume_scale=[5],
    gap=[1],
    counts=[1],
    step=[0],
    open=[6_400_000],
    high=[1_500],
    low=[700],
    close=[1_200],
    volume=[123_456],
)
_ORDER = Order(
    order_id="o-5b1c",
    client_order_id="c-77e0",
    signal_id="s-41d9",
    account="main",
    venue="paper",
    instance="trend",
    instrument="BTC/USDT",
    side="buy",
    kind="market",
    quantity=Decimal("0.01500"),
    reference_price=Decimal("64012.00"),
    reserved=Decimal("969.79"),
    decided_at=AT + timedelta(seconds=2),
    expires_at=AT + timedelta(minutes=2),
)
_FILL = Fill(
    trade_id="t-90aa",
    order_id="o-5b1c",
    client_order_id="c-77e0",
    account="main",
    venue="paper",
    instance="trend",
    instrument="BTC/USDT",
    side="buy",
    price=Decimal("64018.41"),
    quantity=Decimal("0.01500"),
    fee=Decimal("0.96027615"),
    liquidity="taker",
    at=AT + timedelta(minutes=1),
)
_HOLDING = PositionSnapshot(
    instance="trend",
    instrument="BTC/USDT",
    quantity=Decimal("0.01500"),
    cost=Decimal("960.27615"),
    realised=Decimal(0),
    fees=Decimal("0.96027615"),
    version=1,
)
_FILLED = OrderUpdate(
    order_id="o-5b1c",
    client_order_id="c-77e0",
    instance="trend",
    instrument="BTC/USDT",
    state=OrderState.FILLED,
    filled=Decimal("0.01500"),
)

EXAMPLES: tuple[Message, ...] = (
    BarsClosed(id="b-1f00", cause=POLL, at=AT, venue="paper", frames=[_FRAME]),
    BarsRequested(
        id="w-3c21",
        cause="b-1f00",
        at=AT,
        venue="paper",
        timeframe="1m",
        instruments=["ETH/USDT"],
        since_s=1_769_860_500,
        until_s=1_769_860_740,
    ),
    Targets(
        id="g-8a52",
        cause="b-1f00",
        at=AT,
        account="main",
        poll_id=POLL,
        targets=[Target(signal_id="s-41d9", instance="trend", instrument="BTC/USDT", timeframe="1m", weight=1.0)],
    ),
    LegStatus(
        id="l-6e13",
        cause="b-1f00",
        at=AT,
        account="main",
        statuses=[LegState(instance="pairs", instrument="ETH/USDT", code=LegCode.WARMING_UP, detail="81 of 120 bars")],
    ),
    OrdersApproved(id="a-02bd", cause="g-8a52", at=AT, account="main", orders=[_ORDER]),
    OrdersRefused(
        id="r-6f7e",
        cause="g-8a52",
        at=AT,
        account="main",
        refusals=[Refusal(order=_ORDER, code=Code.ORDER_NOTIONAL, detail="notional 960.18 is over the limit 500")],
    ),
    TradingStateChanged(
        id="h-d4c8",
        cause="h-d4c8",
        at=AT,
        account="main",
        state=TradingState.REDUCE_ONLY,
        reason="venue maintenance",
        actor="ops",
    ),
    CommandReceived(
        id="c-91aa", cause="chat/telegram/10000", at=AT, actor="chat/anna", text="/halt main venue is down"
    ),
    ExecutionReport(
        id="e-b3f9",
        cause="b-1f01",
        at=AT + timedelta(minutes=1),
        account="main",
        venue="paper",
        matched=True,
        poll_id="poll/paper/1769860860",
        updates=[_FILLED],
        fills=[_FILL],
        positions=[_HOLDING],
        cash=Decimal("99038.76357385"),
        version=7,
    ),
)
