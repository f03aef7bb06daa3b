"""The simulated exchange and the books must agree: each disagreement is named."""

from decimal import Decimal
from typing import Any

import pytest

from fanfold.cli.box_checks import compare, lines, unbooked

D = Decimal
AGREED = {"BTC": (D("0.999"), D("0.999")), "USDT": (D(10), D(10))}


def approved(name: str, state: str) -> dict[str, Any]:
    return {"client_order_id": name, "state": state}


def placed(*names: str) -> list[dict[str, Any]]:
    """Return orders as the exchange lists them: none is one of a pair."""
    row = {"symbol": "BTCUSDT", "orderListId": -1}
    return [row | {"clientOrderId": name, "orderId": number} for number, name in enumerate(names)]


def test_agreement_is_reported_with_the_faults_that_it_survived() -> None:
    journal = [{"fault": "html_403"}, {"fault": "reply_lost_after"}, {"fault": "html_403"}]
    orders = [approved("a", "FILLED"), approved("b", "STALE"), approved("c", "EXPIRED")]
    compared = compare(orders, placed("a", "c"), AGREED, journal)
    assert compared.violations == []
    first, second, third = lines(compared)
    assert first.endswith("3 injected: 2 html 403, 1 reply lost after")
    assert second.endswith("2 orders of 3 approved; the others never came there: 1 STALE")
    assert "nothing doubled, lost or unexplained" in third


@pytest.mark.parametrize(
    ("orders", "at_exchange", "held", "says"),
    [
        ([approved("a", "FILLED")], placed("a", "a"), AGREED, "order a is 2 times at the exchange"),
        ([], placed("a"), AGREED, "order a was never approved"),
        ([approved("a", "STALE")], placed("a"), AGREED, "order a is STALE and at the exchange"),
        ([approved("a", "REJECTED")], placed("a"), AGREED, "order a is REJECTED and at the exchange"),
        ([approved("a", "OPEN")], placed(), AGREED, "order a is OPEN and not at the exchange"),
        ([], placed(), {"BTC": (D(1), D(2))}, "the books have 1 BTC, the exchange 2"),
    ],
)
def test_a_disagreement_is_a_violation(
    orders: list[dict[str, Any]], at_exchange: list[dict[str, Any]], held: dict[str, tuple[Decimal, Decimal]], says: str
) -> None:
    compared = compare(orders, at_exchange, held, [])
    assert compared.violations == [says]
    assert f"VIOLATION     {says}" in lines(compared)


def test_an_order_that_the_exchange_did_not_report_is_compared_by_its_trades() -> None:
    trade = {
        "symbol": "BTCUSDT", "orderId": 7, "isBuyer": False, "qty": "0.5", "quoteQty": "30000", "commission": "30",
        "commissionAsset": "USDT",
    }  # fmt: skip
    at_exchange = [{"clientOrderId": name, "symbol": "BTCUSDT", "orderId": 7 + n} for n, name in enumerate("ab")]
    trades = [trade, trade | {"orderId": 8}, trade | {"symbol": "ETHUSDT"}]
    pairs = {"BTCUSDT": ("BTC", "USDT"), "ETHUSDT": ("ETH", "USDT")}
    orders = [approved("a", "SUBMITTING"), approved("b", "FILLED"), approved("c", "SUBMITTING")]
    assert unbooked(orders, at_exchange, trades, pairs) == {"BTC": D("-0.5"), "USDT": D(29_970)}
    assert unbooked(orders[1:], at_exchange, trades, pairs) == {}
