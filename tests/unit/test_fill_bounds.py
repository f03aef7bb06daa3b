"""The bounds of a fill on paper: the time of an order's life, its limit, and the cash that was reserved for it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from fanfold.matching import fills
from fanfold.matching.book import RestingOrder
from fanfold.matching.prices import CandlePrices, Quote
from fanfold.messages import OrderState
from support.paper_examples import DECIDED, MODEL, candle, met, order, price

WIDE = candle(1, "100", "110", "90")
LATER = candle(2, "100", "110", "90")


KINDS: list[dict[str, str]] = [
    {"kind": "market"},
    {"kind": "market", "time_in_force": "ioc"},
    {"kind": "limit", "limit_price": "105"},
    {"kind": "limit", "limit_price": "95"},
    {"kind": "limit", "limit_price": "105", "time_in_force": "ioc"},
    {"kind": "stop", "stop_price": "105"},
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", [WIDE, LATER])
def test_a_canceled_order_ends_before_the_next_price_that_is_looked_at(kind: dict[str, str], at: CandlePrices) -> None:
    canceled = RestingOrder(order=order(**kind), canceled_at=DECIDED + timedelta(seconds=30))
    (over,) = fills.resolve_all([canceled], [at], MODEL)
    assert (over.state, over.fills) == (OrderState.CANCELED, ())
    quote = Quote(Decimal(100), Decimal(101), DECIDED + timedelta(seconds=2))
    assert fills.take(canceled, quote, MODEL).state is OrderState.CANCELED


@pytest.mark.parametrize("kind", KINDS)
def test_a_bar_that_closed_by_the_decision_does_nothing_not_even_expire(kind: dict[str, str]) -> None:
    old = candle(0, "100", "110", "90")
    assert met(old, **kind) == fills.unchanged(RestingOrder(order=order(**kind)))
    assert met(old, expires_at=DECIDED - timedelta(days=1), **kind).state is OrderState.OPEN


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("late_s", [0.001, 1, 59.999])
def test_a_bar_under_way_at_the_decision_does_nothing(kind: dict[str, str], late_s: float) -> None:
    decided_at = DECIDED + timedelta(seconds=late_s)
    under_way = RestingOrder(order=order(decided_at=decided_at, **kind))
    assert fills.resolve_all([under_way], [WIDE], MODEL) == [fills.unchanged(under_way)]
    (then,) = fills.resolve_all([under_way], [WIDE, LATER], MODEL)
    assert [fill.at for fill in then.fills] == [DECIDED + timedelta(seconds=120)]


def test_a_limit_decided_inside_a_bar_arrives_with_the_next_and_takes_there() -> None:
    decided_at = DECIDED + timedelta(seconds=1)
    assert price(met(LATER, decided_at=decided_at, kind="limit", limit_price="105")) == (Decimal("100.2"), "taker")


@pytest.mark.parametrize("kind", [{"kind": "limit", "limit_price": "95"}, {"kind": "stop", "stop_price": "105"}])
def test_an_order_that_expires_inside_a_bar_meets_no_price_that_may_be_from_after(kind: dict[str, str]) -> None:
    ends = met(WIDE, expires_at=DECIDED + timedelta(seconds=59), **kind)
    assert (ends.state, ends.fills, ends.resting.triggered) == (OrderState.EXPIRED, (), False)
    assert met(WIDE, expires_at=DECIDED + timedelta(seconds=60), **kind).state is OrderState.FILLED


@pytest.mark.parametrize(
    ("kind", "paid"),
    [
        ({"kind": "market"}, "100.2"),
        ({"kind": "limit", "limit_price": "105"}, "100.2"),
        ({"kind": "stop", "stop_price": "95"}, "100.2"),
    ],
)
def test_an_order_that_expires_inside_a_bar_meets_its_open_and_what_is_left_ends(
    kind: dict[str, str], paid: str
) -> None:
    ends = met(candle(1, "100", "110", "90", volume="15"), expires_at=DECIDED + timedelta(seconds=1), **kind)
    assert (ends.state, ends.resting.filled) == (OrderState.EXPIRED, Decimal("1.5"))
    assert price(ends)[0] == Decimal(paid)


SPOT = replace(MODEL, spot=True)


@pytest.mark.parametrize("opens", ["101", "150", "1000"])
def test_a_purchase_on_spot_costs_no_more_than_was_reserved_for_it_and_the_rest_expires(opens: str) -> None:
    gap = candle(1, opens, opens, opens)
    (resolution,) = fills.resolve_all([RestingOrder(order=order(reserved="201"))], [gap], SPOT)
    cost = sum(fill.price * fill.quantity + fill.fee for fill in resolution.fills)
    lot = MODEL.lot * Decimal(opens) * Decimal("1.004")
    assert 201 - lot < cost <= 201
    assert (resolution.state, resolution.resting.spent) == (OrderState.EXPIRED, cost)


def test_a_purchase_that_fills_in_parts_spends_its_reservation_once() -> None:
    thin = [candle(n, "100", "110", "90", volume="12") for n in (1, 2)]
    (resolution,) = fills.resolve_all([RestingOrder(order=order(reserved="180"))], thin, SPOT)
    assert [fill.quantity for fill in resolution.fills] == [Decimal("1.2"), Decimal("0.59")]
    assert resolution.state is OrderState.EXPIRED


def test_a_sale_and_a_margin_account_are_not_bound_by_a_reservation() -> None:
    (sale,) = fills.resolve_all([RestingOrder(order=order(side="sell", reserved="0"))], [WIDE], SPOT)
    (margin,) = fills.resolve_all([RestingOrder(order=order(reserved="0"))], [WIDE], MODEL)
    assert (sale.state, margin.state) == (OrderState.FILLED, OrderState.FILLED)


def test_a_quote_fills_on_spot_what_the_reservation_pays_for() -> None:
    quote = Quote(Decimal(149), Decimal(150), DECIDED + timedelta(seconds=2))
    resolution = fills.take(RestingOrder(order=order(reserved="201")), quote, SPOT)
    assert (resolution.state, resolution.resting.filled) == (OrderState.EXPIRED, Decimal("1.33"))


@pytest.mark.parametrize(("side", "limit"), [("buy", "101.2"), ("sell", "99.9")])
def test_an_ioc_limit_takes_by_a_quote_within_its_limit_and_expires_beyond(side: str, limit: str) -> None:
    quote = Quote(Decimal(100), Decimal(101), DECIDED + timedelta(seconds=2))
    beyond = str(Decimal(limit) - MODEL.tick if side == "buy" else Decimal(limit) + MODEL.tick)
    taken, missed = (
        fills.take(
            RestingOrder(order=order(side=side, kind="limit", time_in_force="ioc", limit_price=at)), quote, MODEL
        )
        for at in (limit, beyond)
    )
    assert price(taken) == (Decimal(limit), "taker")
    assert (missed.state, missed.fills) == (OrderState.EXPIRED, ())


def test_a_second_quote_fills_under_a_trade_id_of_its_own() -> None:
    quote = Quote(Decimal(100), Decimal(101), DECIDED + timedelta(seconds=2))
    first, second = (
        fills.take(RestingOrder(order=order(), filled=Decimal(filled)), quote, MODEL).fills[0].trade_id
        for filled in (0, 1)
    )
    assert first != second
