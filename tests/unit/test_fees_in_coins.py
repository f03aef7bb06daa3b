"""A fee that the venue keeps of the quantity counts once, and alike, wherever fills are summed up."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.ledger import positions
from fanfold.messages import Fill, Side
from fanfold.money import exact
from fanfold.performance.equity import equity_curve
from fanfold.performance.round_trips import round_trips

AT = datetime(2026, 3, 1, tzinfo=UTC)
D = Decimal
COINS = st.decimals("0.00001", "0.01", places=5)


def fill(minute: int, side: Side, quantity: str | Decimal, price: str | Decimal, coins: str | Decimal = "0") -> Fill:
    name = f"o{minute}"
    return Fill(
        trade_id=f"t{minute}", account="main", venue="v", instance="trend", instrument="BTC/USDT", side=side,
        price=D(price), quantity=D(quantity), fee=D(0), liquidity="taker", at=AT + timedelta(minutes=minute),
        fee_base=D(coins), order_id=name, client_order_id=name,
    )  # fmt: skip


def test_a_round_trip_pays_the_coins_of_its_entry() -> None:
    trades = [fill(1, "buy", "1", "100", "0.001"), fill(2, "sell", "0.999", "110")]
    (trip,) = round_trips(trades)
    assert (trip.quantity, trip.fees) == (D("0.999"), D("0.1"))
    assert trip.profit == D("0.999") * 10 - D("0.1")
    assert positions.fold(trades).quantity == 0
    assert sum(map(positions.cash_flow, trades)) == D("-100") + D("0.999") * 110


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_an_equity_curve_is_worth_what_is_held_after_the_fee(side: Side) -> None:
    start = int(AT.timestamp())
    curve = equity_curve(start, D(1_000), [fill(1, side, "1", "100", "0.001")], {start + 60: {"BTC/USDT": D(120)}})
    signed = D(1) if side == "buy" else D(-1)
    assert curve.points[-1].equity == 1_000 - signed * 100 + (signed - D("0.001")) * 120


@given(st.lists(st.tuples(st.booleans(), COINS, st.integers(50, 150), COINS), min_size=1, max_size=20))
@exact
def test_profit_less_fees_is_what_cash_and_coins_have_become(trades: list[tuple[bool, Decimal, int, Decimal]]) -> None:
    fills = [
        fill(at, "buy" if buys else "sell", 100 * quantity, D(price), coins)
        for at, (buys, quantity, price, coins) in enumerate(trades)
    ]
    position, mark = positions.fold(fills), D(77)
    held = sum(map(positions.received, fills), D(0))
    worth = sum(map(positions.cash_flow, fills), D(0)) + held * mark
    assert position.quantity == held
    assert worth == position.realised + position.unrealised(mark) - position.fees
    assert position.fees == sum(map(positions.fee_of, fills), D(0))
