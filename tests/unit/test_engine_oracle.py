"""The matching engine against lightmatchingengine, which others wrote: limit orders and cancels, trade by trade."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from fanfold.matching.engine import MatchingEngine
from fanfold.matching.order_book import BookOrder
from fanfold.records import Side

published = pytest.importorskip("lightmatchingengine.lightmatchingengine")
SYMBOL = "BTCUSDT"


def passive(trades: list[Any], taker_id: int) -> list[tuple[int, int, int]]:
    """The maker's half of each trade: order, price, quantity."""
    return [(trade.order_id, trade.trade_price, trade.trade_qty) for trade in trades if trade.order_id != taker_id]


@pytest.mark.parametrize("seed", range(20))
def test_limit_orders_and_cancels_trade_as_in_the_published_engine(seed: int) -> None:
    dice, engine, other = Random(seed), MatchingEngine(Decimal(1)), published.LightMatchingEngine()
    traded = 0
    for order_id in range(1, 501):
        side: Side = dice.choice(["buy", "sell"])
        price, quantity = dice.randint(90, 110), dice.randint(1, 20)
        order, trades = other.add_order(SYMBOL, price, quantity, 1 if side == "buy" else 2)
        assert order.order_id == order_id
        engine.submit(
            BookOrder(
                order_id=order_id,
                owner=f"owner {order_id}",
                side=side,
                quantity=Decimal(quantity),
                limit=Decimal(price),
            ),
            at_ms=order_id,
        )
        mine = [(trade.maker_id, int(trade.price), int(trade.quantity)) for trade in engine.take_trades()]
        assert mine == passive(trades, order_id)
        traded += len(mine)
        earlier = dice.randint(1, order_id)
        if dice.random() < 0.3 and engine.live(earlier):
            engine.cancel(earlier, at_ms=order_id)
            other.cancel_order(earlier, SYMBOL)
    assert traded > 300
