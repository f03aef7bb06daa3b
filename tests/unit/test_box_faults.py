"""Each fault of the simulated exchange: what the caller gets, and what the exchange then holds."""

from typing import Any

import pytest

from fanfold.errors import BadInput
from fanfold.exchange.box import Box
from fanfold.exchange.faults import FAULTS, LAG_MS, PAUSE_MS, ArmedFault, Delivery, FaultInjector
from support.box_client import NOW_MS, ask, limit, make_box, read, signed

LOW = "50000.00"


@pytest.fixture
def box() -> Box:
    return make_box(("BTC/USDT", "ETH/USDT"))


def arm(box: Box, fault: str, **more: Any) -> FaultInjector:
    injector = FaultInjector(box, "none", seed=3)
    injector.armed.append(ArmedFault(fault=fault, **more))
    return injector


def place(injector: FaultInjector, now_ms: int = NOW_MS, name: str = "mine", price: str = LOW) -> Delivery:
    order = limit(price, newClientOrderId=name)
    return injector.deliver(signed(injector.box, "POST", "order", now_ms, **order), now_ms)


@pytest.mark.parametrize(
    ("fault", "how", "status", "orders"),
    [
        ("reply_lost_before", "lost", 0, 0),
        ("reply_lost_after", "lost", 200, 1),
        ("late_arrival", "lost", 0, 0),
        ("server_error_after", "whole", 503, 1),
        ("empty_answer", "whole", 200, 1),
        ("truncated_answer", "half", 200, 1),
        ("html_403", "whole", 403, 0),
        ("duplicate_reject", "whole", 400, 1),
        ("fill_before_ack", "whole", 200, 1),
        ("query_lag", "whole", 200, 1),
    ],
)
def test_a_fault_decides_the_response_and_whether_the_order_was_accepted(
    box: Box, fault: str, how: str, status: int, orders: int
) -> None:
    injector = arm(box, fault)
    delivery = place(injector)
    assert (delivery.how, delivery.answer.status, len(box.exchange.orders)) == (how, status, orders)
    (entry,) = injector.journal
    assert (entry["fault"], entry["client_order_id"]) == (fault, "mine")
    assert place(injector, name="next").answer.status == 200


@pytest.mark.parametrize(
    ("fault", "code", "status"), [("unexpected_response", -1006, 400), ("backend_timeout", -1007, 408)]
)
def test_an_unknown_outcome_may_be_accepted_or_not(fault: str, code: int, status: int) -> None:
    held = set()
    for seed in range(12):
        box = make_box()
        injector = FaultInjector(box, "none", seed)
        injector.armed.append(ArmedFault(fault=fault))
        answer = place(injector).answer
        assert (answer.status, read(answer)["code"]) == (status, code)
        held.add(len(box.exchange.orders))
    assert held == {0, 1}


def test_a_late_request_arrives_inside_its_window_or_is_refused() -> None:
    arrived = set()
    for seed in range(30):
        box = make_box()
        injector = FaultInjector(box, "none", seed)
        injector.armed.append(ArmedFault(fault="late_arrival"))
        place(injector)
        assert ask(box, "GET", "order", symbol="BTCUSDT", origClientOrderId="mine")["code"] == -2013
        for at_ms in range(NOW_MS, NOW_MS + 6_000, 50):
            injector.advance(at_ms)
        arrived.add(injector.journal[-1]["status"])
        assert len(box.exchange.orders) == (injector.journal[-1]["status"] == 200)
    assert arrived == {200, 400}


def test_a_lagging_query_shows_the_order_only_later(box: Box) -> None:
    place(arm(box, "query_lag"))
    assert ask(box, "GET", "order", symbol="BTCUSDT", origClientOrderId="mine")["code"] == -2013
    assert ask(box, "GET", "openOrders", symbol="BTCUSDT") == []
    later = NOW_MS + LAG_MS
    assert ask(box, "GET", "order", later, symbol="BTCUSDT", origClientOrderId="mine")["status"] == "NEW"


def test_a_fill_is_reported_after_the_cancel(box: Box) -> None:
    injector = arm(box, "fill_after_cancel", method="DELETE")
    place(injector)
    cancel = signed(box, "DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine")
    answer = read(injector.deliver(cancel, NOW_MS).answer)
    assert (answer["status"], answer["executedQty"]) == ("CANCELED", "0.00000000")
    assert ask(box, "GET", "myTrades", symbol="BTCUSDT") == []
    later = NOW_MS + LAG_MS
    (trade,) = ask(box, "GET", "myTrades", later, symbol="BTCUSDT")
    order = ask(box, "GET", "order", later, symbol="BTCUSDT", origClientOrderId="mine")
    assert (trade["qty"], order["executedQty"], order["status"]) == ("0.00500000", "0.00500000", "CANCELED")


def test_an_outage_refuses_requests_until_it_ends(box: Box) -> None:
    injector = arm(box, "maintenance")
    down = place(injector).answer
    assert (down.status, down.content_type, len(box.exchange.orders)) == (503, "text/html", 0)
    assert place(injector, NOW_MS + PAUSE_MS).answer.status == 200


def test_a_storm_of_limits_is_429_then_418(box: Box) -> None:
    injector = arm(box, "rate_limit_storm")
    statuses = [place(injector, NOW_MS + n).answer.status for n in range(12)]
    assert statuses == [429] * 10 + [418] * 2
    assert box.exchange.orders == {}


def test_a_clock_that_is_off_refuses_timestamps(box: Box) -> None:
    injector = arm(box, "clock_skew")
    assert read(place(injector).answer).get("code") in {-1021, None}
    codes = {read(place(injector, NOW_MS + n, f"o{n}").answer).get("code") for n in range(3)}
    assert read(place(injector, NOW_MS + PAUSE_MS, "later").answer)["status"] == "NEW"
    assert codes in ({-1021}, {None})


def test_a_halted_symbol_refuses_orders_until_it_resumes(box: Box) -> None:
    injector = arm(box, "symbol_halt", method="GET", path="/api/v3/account")
    injector.deliver(signed(box, "GET", "account"), NOW_MS)
    (halted,) = [listing for listing in box.exchange.listings.values() if listing.status == "HALT"]
    order = limit(LOW) | {"symbol": halted.symbol, "type": "MARKET"}
    del order["price"], order["timeInForce"]
    assert ask(box, "POST", "order", **order) == {"code": -1013, "msg": "Market is closed."}
    injector.advance(NOW_MS + PAUSE_MS)
    assert halted.status == "TRADING"


def test_tick_and_lot_become_coarser_once(box: Box) -> None:
    before = {listing.symbol: listing.lot for listing in box.exchange.listings.values()}
    injector = arm(box, "precision_change", count=5)
    for n in range(5):
        place(injector, NOW_MS + n, f"o{n}")
    changed = [listing for listing in box.exchange.listings.values() if listing.lot != before[listing.symbol]]
    assert [listing.lot / before[listing.symbol] for listing in changed] == [10]


def test_a_delisted_symbol_takes_its_orders_along(box: Box) -> None:
    ask(box, "POST", "order", **limit("2000.00", symbol="ETHUSDT", newClientOrderId="old"))
    injector = arm(box, "delisting")
    place(injector)
    (old,) = [order for order in box.exchange.orders.values() if order.client_order_id == "old"]
    assert (old.order.status, old.expiry_reason) == ("expired", "EXCHANGE_CANCELED")
    assert ask(box, "POST", "order", **limit("2000.00") | {"symbol": "ETHUSDT"})["code"] == -1121
    assert box.exchange.wallets.balance("account", "USDT").locked == 500


def storm(seed: int) -> list[tuple[Any, ...]]:
    box = make_box(("BTC/USDT", "ETH/USDT"))
    injector = FaultInjector(box, "storm", seed)
    for n in range(1_500):
        at_ms = NOW_MS + n * 20
        place(injector, at_ms, f"o{n}", "60000.00")
        cancel = signed(box, "DELETE", "order", at_ms, symbol="BTCUSDT", origClientOrderId=f"o{n}")
        injector.deliver(cancel, at_ms)
    names = [order.client_order_id for order in box.exchange.orders.values()]
    assert len(names) == len(set(names))
    assert box.exchange.wallets.total("USDT") == 100_000
    return [
        (entry["at_ms"], entry["fault"], entry["client_order_id"], entry.get("status")) for entry in injector.journal
    ]


def test_a_storm_is_its_seed_and_draws_from_nearly_all() -> None:
    journal = storm(7)
    assert journal == storm(7)
    assert journal != storm(8)
    assert len({fault for _, fault, _, _ in journal}) > len(FAULTS) - 5


def test_an_unknown_plan_is_refused(box: Box) -> None:
    with pytest.raises(BadInput, match="there is no fault plan 'rain'; choose none, storm, or one fault"):
        FaultInjector(box, "rain", 1)


def test_an_armed_fault_of_a_market_waits_for_a_request_of_it_and_befalls_that_market(box: Box) -> None:
    for symbol, other in (("BTCUSDT", "ETHUSDT"), ("ETHUSDT", "BTCUSDT")):
        injector = arm(box, "symbol_halt", symbol=symbol)
        injector.deliver(signed(box, "POST", "order", **limit(LOW) | {"symbol": other}), NOW_MS)
        assert injector.journal == []
        injector.deliver(signed(box, "POST", "order", **limit(LOW) | {"symbol": symbol}), NOW_MS)
        assert [entry["fault"] for entry in injector.journal] == ["symbol_halt"]
        assert box.exchange.listings[symbol].status == "HALT"
        injector.advance(NOW_MS + PAUSE_MS)
        assert box.exchange.listings[symbol].status == "TRADING"
