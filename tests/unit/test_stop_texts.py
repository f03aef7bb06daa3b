"""An operator sees which orders are stops, at which prices, and why they rest."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fanfold.cli.commands import orders, why

STOP: dict[str, Any] = {
    "order_id": "a" * 32, "client_order_id": "b" * 26, "side": "sell", "kind": "stop", "quantity": Decimal("5.5980"),
    "instrument": "ETH/USDT", "limit_price": Decimal("3423.05"), "stop_price": Decimal("3492.91"), "reduce_only": True,
    "instance": "trend", "account": "main", "state": "OPEN", "code": "", "reason": "",
    "decided_at": datetime(2026, 1, 3, 0, 4, 2, tzinfo=UTC),
}  # fmt: skip
TARGETS = {
    "kind": "Targets", "weight": None, "at": datetime(2026, 1, 3, 0, 4, tzinfo=UTC), "stream": "main", "seq": 14,
    "message_id": "m", "cause": "poll",
}  # fmt: skip


def test_a_stop_is_told_with_both_of_its_prices_and_its_reason() -> None:
    order, because, *_ = why._text(STOP, [], [TARGETS])
    assert "sell 5.598 ETH/USDT at stop 3492.91 with limit 3423.05, instance trend" in order
    assert because.strip() == "because trend wanted a stop or a trail: it rests at the venue"


def test_a_stop_with_a_profit_beside_it_is_told_with_that_too() -> None:
    order, *_ = why._text(STOP | {"profit_price": Decimal("3700.00")}, [], [TARGETS])
    assert "at stop 3492.91 with limit 3423.05 or profit 3700, instance trend" in order


@pytest.mark.parametrize(
    ("prices", "text"),
    [
        ({"limit_price": Decimal("3500.10"), "stop_price": None}, "at limit 3500.1,"),
        ({"stop_price": None}, "at limit 3423.05,"),
    ],
)
def test_another_order_is_told_as_before(prices: dict[str, Any], text: str) -> None:
    order, because, *_ = why._text(STOP | {"kind": "limit"} | prices, [], [TARGETS])
    assert text in order
    assert because.strip().startswith("because its protection was reached or the account was to be flat")


@pytest.mark.parametrize(("kind", "side"), [("stop", "sell stop"), ("limit", "sell")])
def test_the_table_of_orders_says_which_are_stops(kind: str, side: str) -> None:
    assert orders._row(STOP | {"kind": kind}, {STOP["order_id"]: "aaaa"})["side"] == side
