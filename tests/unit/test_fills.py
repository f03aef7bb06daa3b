"""The rules of docs/paper-venue.md, each by example: the spread is 20 basis points, slippage 10."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fanfold import ids
from fanfold.errors import BadInput
from fanfold.matching import fills
from fanfold.matching.book import RestingOrder
from fanfold.matching.prices import CandlePrices, FillModel, Quote
from fanfold.messages import OrderState
from support.paper_examples import DECIDED, MODEL, T, bar, candle, desk, met, order, price, series

WIDE = candle(1, "100", "110", "90")
LATER = candle(2, "100", "110", "90")


@pytest.mark.parametrize(("side", "paid"), [("buy", "100.2"), ("sell", "99.8")])
def test_a_market_order_fills_at_the_open_worsened_by_half_the_spread_and_slippage(side: str, paid: str) -> None:
    resolution = met(WIDE, side=side)
    assert price(resolution) == (Decimal(paid), "taker")
    assert (resolution.state, resolution.resting.filled) == (OrderState.FILLED, Decimal(2))


@pytest.mark.parametrize(("side", "paid"), [("buy", "100.4"), ("sell", "99.8")])
def test_a_price_between_two_ticks_goes_to_the_worse(side: str, paid: str) -> None:
    assert price(met(candle(1, "100.1", "110", "90"), side=side)) == (Decimal(paid), "taker")


def test_a_sale_under_one_tick_fills_at_the_open_and_not_for_nothing() -> None:
    assert price(met(candle(1, "0.1", "0.1", "0.1"), side="sell")) == (Decimal("0.1"), "taker")


@pytest.mark.parametrize(
    ("side", "limit", "at"),
    [("buy", "90", WIDE), ("buy", "90.05", WIDE), ("sell", "110", WIDE), ("sell", "109.95", WIDE)],
)
def test_a_limit_that_is_only_touched_does_not_fill(side: str, limit: str, at: CandlePrices) -> None:
    assert met(at, kind="limit", side=side, limit_price=limit).state is OrderState.OPEN


@pytest.mark.parametrize(("side", "limit"), [("buy", "90.1"), ("sell", "109.9")])
def test_a_limit_that_the_bar_trades_beyond_by_a_tick_fills_at_it_as_maker(side: str, limit: str) -> None:
    assert price(met(WIDE, kind="limit", side=side, limit_price=limit)) == (Decimal(limit), "maker")


@pytest.mark.parametrize(("side", "limit", "paid"), [("buy", "105", "100.2"), ("sell", "95", "99.8")])
def test_a_limit_that_arrives_beyond_the_open_takes(side: str, limit: str, paid: str) -> None:
    assert price(met(WIDE, kind="limit", side=side, limit_price=limit)) == (Decimal(paid), "taker")


@pytest.mark.parametrize(("side", "limit"), [("buy", "105"), ("sell", "95")])
def test_a_post_only_order_that_would_take_is_canceled_with_the_reason(side: str, limit: str) -> None:
    resolution = met(WIDE, kind="limit", side=side, limit_price=limit, post_only=True)
    assert (resolution.state, resolution.fills) == (OrderState.CANCELED, ())
    assert resolution.resting.reason == "it is post-only, and would have taken"


@pytest.mark.parametrize(("side", "limit"), [("buy", "90.1"), ("sell", "109.9")])
def test_a_post_only_order_that_rests_fills_as_maker(side: str, limit: str) -> None:
    assert price(met(WIDE, kind="limit", side=side, limit_price=limit, post_only=True)) == (Decimal(limit), "maker")


@pytest.mark.parametrize(("side", "limit"), [("buy", "100.1"), ("sell", "99.9")])
def test_a_limit_that_takes_is_never_worse_than_its_price(side: str, limit: str) -> None:
    assert price(met(WIDE, kind="limit", side=side, limit_price=limit)) == (Decimal(limit), "taker")


def test_a_sale_for_one_tick_takes_for_nothing_is_below() -> None:
    flat, one_tick = candle(1, "0.1", "0.1", "0.1"), {"kind": "limit", "limit_price": "0.1", "time_in_force": "ioc"}
    assert price(met(flat, side="sell", **one_tick)) == (Decimal("0.1"), "taker")
    assert met(flat, **one_tick).state is OrderState.EXPIRED


@pytest.mark.parametrize(("side", "limit"), [("buy", "105"), ("sell", "95")])
def test_a_limit_that_a_later_bar_opens_beyond_fills_at_its_price_and_no_better(side: str, limit: str) -> None:
    assert price(met(LATER, kind="limit", side=side, limit_price=limit)) == (Decimal(limit), "maker")


@pytest.mark.parametrize(("side", "stop", "paid"), [("buy", "110", "110.3"), ("sell", "90", "89.8")])
def test_a_stop_that_is_touched_fills_at_its_price_worsened(side: str, stop: str, paid: str) -> None:
    assert price(met(WIDE, kind="stop", side=side, stop_price=stop)) == (Decimal(paid), "taker")


@pytest.mark.parametrize(("side", "stop"), [("buy", "110.1"), ("sell", "89.9")])
def test_a_stop_that_is_not_touched_waits(side: str, stop: str) -> None:
    for time_in_force in ("gtc", "ioc"):
        waits = met(WIDE, kind="stop", side=side, stop_price=stop, time_in_force=time_in_force)
        assert (waits.state, waits.fills, waits.resting.triggered) == (OrderState.OPEN, (), False)


@pytest.mark.parametrize(("side", "stop", "paid"), [("buy", "95", "100.2"), ("sell", "105", "99.8")])
def test_a_stop_that_the_bar_opens_beyond_fills_at_the_open_worsened(side: str, stop: str, paid: str) -> None:
    assert price(met(WIDE, kind="stop", side=side, stop_price=stop)) == (Decimal(paid), "taker")


def test_what_a_triggered_stop_leaves_is_a_market_order() -> None:
    stop = RestingOrder(order=order(kind="stop", stop_price="105"))
    bars = [candle(1, "100", "110", "90", volume="15"), candle(2, "80", "81", "79")]
    (resolution,) = fills.resolve_all([stop], bars, MODEL)
    assert [(fill.price, fill.quantity) for fill in resolution.fills] == [
        (Decimal("105.3"), Decimal("1.5")),
        (Decimal("80.2"), Decimal("0.5")),
    ]


def test_a_stop_that_triggers_in_a_bar_without_room_fills_in_the_next() -> None:
    full = candle(1, "100", "110", "90", volume="0.05")
    (resolution,) = fills.resolve_all([RestingOrder(order=order(kind="stop", stop_price="105"))], [full], MODEL)
    assert (resolution.state, resolution.fills, resolution.resting.triggered) == (OrderState.OPEN, (), True)


PAIR: dict[str, Any] = {"kind": "stop", "reduce_only": True}


@pytest.mark.parametrize(
    ("side", "stop", "profit", "paid"),
    [
        ("sell", "95", "105", ("94.8", "taker")),
        ("buy", "105", "95", ("105.3", "taker")),
        ("sell", "89", "105", ("105", "maker")),
        ("buy", "111", "95", ("95", "maker")),
        ("sell", None, "105", ("105", "maker")),
        ("buy", None, "95", ("95", "maker")),
    ],
    ids=["both are touched: sale", "both are touched: purchase", "profit: sale", "profit: purchase", "alone", "bought"],
)
def test_of_a_pair_the_stop_comes_first_and_the_profit_fills_at_its_price_as_maker(
    side: str, stop: str | None, profit: str, paid: tuple[str, str]
) -> None:
    resolution = met(WIDE, **PAIR, side=side, stop_price=stop, profit_price=profit)
    assert price(resolution) == (Decimal(paid[0]), paid[1])
    assert resolution.state is OrderState.FILLED


@pytest.mark.parametrize(("side", "profit"), [("sell", "110"), ("buy", "90")])
def test_a_profit_that_is_only_touched_or_has_no_room_rests_on(side: str, profit: str) -> None:
    beyond = "109" if side == "sell" else "91"
    for at, level in ((WIDE, profit), (candle(1, "100", "110", "90", "0.05"), beyond)):
        resolution = met(at, **PAIR, side=side, profit_price=level)
        assert (resolution.state, resolution.fills, resolution.resting.triggered) == (OrderState.OPEN, (), False)


def test_a_profit_that_a_bar_opens_beyond_fills_at_its_price_and_no_better() -> None:
    assert price(met(WIDE, **PAIR, side="sell", profit_price="97")) == (Decimal(97), "maker")


def test_what_a_profit_leaves_is_a_market_order() -> None:
    pair = RestingOrder(order=order(**PAIR, side="sell", quantity="3", stop_price="80", profit_price="105"))
    (first,) = fills.resolve_all([pair], [candle(1, "100", "110", "90", "20")], MODEL)
    assert (first.state, first.resting.triggered, price(first)) == (OrderState.PARTIAL, True, (Decimal(105), "maker"))
    (second,) = fills.resolve_all([first.resting], [LATER], MODEL)
    assert (second.state, price(second)) == (OrderState.FILLED, (Decimal("99.8"), "taker"))


def test_what_is_over_the_participation_stays_for_the_next_bar_in_whole_lots() -> None:
    resting = [RestingOrder(order=order())]
    thin = candle(1, "100", "110", "90", volume="12.399")
    (first,) = fills.resolve_all(resting, [thin], MODEL)
    assert (first.state, first.resting.filled) == (OrderState.PARTIAL, Decimal("1.23"))
    (both,) = fills.resolve_all(resting, [thin, LATER], MODEL)
    assert (both.state, [fill.quantity for fill in both.fills]) == (
        OrderState.FILLED,
        [Decimal("1.23"), Decimal("0.77")],
    )


def test_what_an_ioc_order_does_not_take_at_once_expires() -> None:
    partial = met(candle(1, "100", "110", "90", volume="15"), time_in_force="ioc")
    assert (partial.state, partial.resting.filled) == (OrderState.EXPIRED, Decimal("1.5"))
    assert met(candle(1, "100", "100", "100", volume="0"), time_in_force="ioc").state is OrderState.EXPIRED


def test_an_ioc_limit_takes_on_arrival_or_expires_and_never_makes() -> None:
    resting = met(WIDE, kind="limit", limit_price="95", time_in_force="ioc")
    assert (resting.state, resting.fills) == (OrderState.EXPIRED, ())
    assert price(met(LATER, kind="limit", limit_price="105", time_in_force="ioc")) == (Decimal("100.2"), "taker")


@pytest.mark.parametrize("kind", ["market", "limit", "stop"])
def test_a_bar_without_volume_fills_nothing_and_triggers_nothing(kind: str) -> None:
    prices = {"limit": {"limit_price": "105"}, "stop": {"stop_price": "105"}}.get(kind, {})
    nothing = met(candle(1, "100", "110", "90", volume="0"), kind=kind, **prices)
    assert (nothing.state, nothing.fills, nothing.resting.triggered) == (OrderState.OPEN, (), False)


def test_an_order_that_expires_at_the_open_never_fills_and_one_a_second_later_does() -> None:
    expires_at = DECIDED + timedelta(seconds=60)
    assert met(LATER, expires_at=expires_at).state is OrderState.EXPIRED
    assert met(LATER, expires_at=expires_at + timedelta(seconds=1)).state is OrderState.FILLED


def test_orders_share_a_bar_in_the_order_of_their_arrival() -> None:
    resting = [RestingOrder(order=order(name)) for name in ("z", "a", "m")]
    shares = fills.resolve_all(resting, [candle(1, "100", "110", "90", volume="30")], MODEL)
    assert [share.resting.filled for share in shares] == [2, 1, 0]
    assert [resolution.state for resolution in shares] == [OrderState.FILLED, OrderState.PARTIAL, OrderState.OPEN]


def test_an_order_that_arrives_later_changes_nothing_for_those_before() -> None:
    bars = [candle(1, "100", "110", "90", volume="13"), candle(2, "100", "110", "90", volume="13")]
    early, late = RestingOrder(order=order("z")), RestingOrder(order=order("a"))
    assert fills.resolve_all([early, late], bars, MODEL)[0] == fills.resolve_all([early], bars, MODEL)[0]


@pytest.mark.parametrize(
    ("changes", "fee"),
    [
        ({"quantity": "0.00000007"}, "0.00000001"),
        ({"quantity": "2"}, "0.20040000"),
        ({"quantity": "2", "kind": "limit", "limit_price": "95"}, "0.09500000"),
    ],
)
def test_a_fee_is_of_its_side_of_the_schedule_and_rounded_up(changes: dict[str, str], fee: str) -> None:
    assert met(WIDE, **changes).fills[0].fee == Decimal(fee)


def test_a_fill_is_named_by_its_order_and_bar_and_dated_by_the_close() -> None:
    (fill,) = met(WIDE).fills
    assert fill.trade_id == ids.derive("trade", "c-o1", T + 60)
    assert fill.at == DECIDED + timedelta(seconds=60)


@pytest.mark.parametrize(("side", "paid"), [("buy", "101.2"), ("sell", "99.9")])
def test_a_quote_fills_all_at_the_touch_and_the_slippage(side: str, paid: str) -> None:
    quote = Quote(Decimal(100), Decimal(101), DECIDED + timedelta(seconds=2))
    resolution = fills.take(RestingOrder(order=order(side=side), filled=Decimal("0.5")), quote, MODEL)
    (fill,) = resolution.fills
    assert (fill.price, fill.quantity, fill.at, resolution.state) == (
        Decimal(paid),
        Decimal("1.5"),
        quote.at,
        OrderState.FILLED,
    )


def test_a_quote_from_before_the_decision_fills_nothing_and_one_after_the_end_expires() -> None:
    resting = RestingOrder(order=order())
    early = Quote(Decimal(100), Decimal(101), DECIDED - timedelta(seconds=1))
    late = Quote(Decimal(100), Decimal(101), resting.order.expires_at)
    assert fills.take(resting, early, MODEL) == fills.unchanged(resting)
    assert fills.take(resting, late, MODEL).state is OrderState.EXPIRED


@pytest.mark.parametrize(("kind", "prices"), [("limit", {}), ("stop", {}), ("limit", {"limit_price": "0"})])
def test_an_order_without_the_price_of_its_kind_is_wrong_input(kind: str, prices: dict[str, str]) -> None:
    with pytest.raises(BadInput, match=f"{kind} order o1 has the price"):
        fills.check(order(kind=kind, **prices))


def test_a_candle_is_a_bar_in_money_with_the_time_that_it_opened() -> None:
    minute = series(bar(1, ticks=1000, lots=250))
    assert fills.candle(minute, minute.bars[0]) == candle(1, "100", "101", "99", volume="2.5")


def test_a_model_takes_its_rates_from_the_account_and_its_steps_from_the_instrument() -> None:
    account, instrument = desk().accounts["main"], desk().instruments["BTC/USDT"]
    model = FillModel.of(replace(account, taker_bps=Decimal(7)), instrument)
    rates = (model.taker_bps, model.maker_bps, model.spread_bps, model.slippage_bps)
    assert rates == tuple(map(Decimal, (7, 10, 2, 1)))
    assert (model.participation_max, model.tick, model.lot) == (Decimal("0.1"), Decimal("0.1"), Decimal("0.01"))
    assert [FillModel.of(replace(account, kind=kind), instrument).spot for kind in ("spot", "margin")] == [True, False]
