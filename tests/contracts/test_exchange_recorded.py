"""Answers of the simulated exchange beside answers that were recorded from Binance: keys and types are the same."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.box_client import ask, limit, make_box, public

RECORDED = (
    Path(__file__).resolve().parents[3]
    / "shared"
    / "data"
    / "api_fixtures"
    / "nautilus"
    / "binance"
    / "spot"
    / "http_json"
)
# Conditional in Binance's documents, or of features that the box does not have.
CONDITIONAL = {"icebergQty", "preventedMatchId", "preventedQuantity", "tradeGroupId", "strategyId", "strategyType"}
pytestmark = pytest.mark.skipif(not RECORDED.exists(), reason="no recorded answers beside the repository")


def shape(value: Any) -> Any:
    """The keys and types of a document; of a list, of its first entry."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items() if key not in CONDITIONAL}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def answers() -> dict[str, Any]:
    box = make_box()
    last = box.exchange.last("BTCUSDT")
    assert last is not None
    market: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    bought = ask(box, "POST", "order", **market)
    resting = ask(box, "POST", "order", **limit(f"{last * Decimal('0.9'):.2f}"))
    named = {"symbol": "BTCUSDT", "orderId": resting["orderId"]}
    return {
        "new_order_full_response": bought,
        "order_response": ask(box, "GET", "order", **named),
        "open_orders_response": ask(box, "GET", "openOrders", symbol="BTCUSDT"),
        "all_orders_response": ask(box, "GET", "allOrders", symbol="BTCUSDT"),
        "account_trades_response": ask(box, "GET", "myTrades", symbol="BTCUSDT"),
        "account_response": ask(box, "GET", "account"),
        "cancel_order_response": ask(box, "DELETE", "order", **named),
        "depth_response": public(box, "depth", symbol="BTCUSDT"),
        "trades_response": public(box, "trades", symbol="BTCUSDT"),
        "klines_response": public(box, "klines", symbol="BTCUSDT", interval="1m"),
        "ticker_24hr_response": public(box, "ticker/24hr", symbol="BTCUSDT"),
        "ticker_price_response": public(box, "ticker/price", symbol="BTCUSDT"),
        "book_ticker_response": public(box, "ticker/bookTicker", symbol="BTCUSDT"),
    }


@pytest.mark.parametrize("name", answers())
def test_an_answer_has_the_keys_and_types_that_were_recorded(name: str) -> None:
    recorded = json.loads((RECORDED / f"{name}.json").read_text())
    ours = answers()[name]
    if isinstance(recorded, list) and recorded and isinstance(recorded[0], dict) and isinstance(ours, dict):
        recorded = recorded[0]
    theirs, mine = shape(recorded), shape(ours)
    if isinstance(theirs, list) and isinstance(mine, list) and isinstance(theirs[0], dict):
        theirs, mine = theirs[0], mine[0]
    if isinstance(theirs, list):
        assert mine == theirs
    else:
        assert {key: mine.get(key) for key in theirs} == theirs
