"""Laws of the fill model for every order and every bar."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from fanfold.matching import fills
from fanfold.matching import prices as matching
from fanfold.matching.book import RestingOrder
from fanfold.matching.prices import CandlePrices
from fanfold.messages import Order, OrderState
from support.paper_examples import DECIDED, MODEL, T, order

TICKS = st.integers(900, 1100)
WORSE = MODEL.spread_bps / 2 + MODEL.slippage_bps


def tick(count: int) -> Decimal:
    return Decimal(count).scaleb(-1)


@st.composite
def candles(draw: st.DrawFn) -> list[CandlePrices]:
    """Up to six bars in a row, the first of them over before the decision."""
    rows = draw(st.lists(st.tuples(TICKS, TICKS, TICKS, st.integers(0, 5_000)), max_size=6))
    return [
        CandlePrices(
            T + 60 * n - 60, T + 60 * n, tick(a), tick(max(a, b, c)), tick(min(a, b, c)), Decimal(v).scaleb(-2)
        )
        for n, (a, b, c, v) in enumerate(rows)
    ]


@st.composite
def placed(draw: st.DrawFn, name: str = "o1") -> Order:
    fields: dict[str, Any] = {
        "side": draw(st.sampled_from(["buy", "sell"])),
        "kind": draw(st.sampled_from(["market", "limit", "stop"])),
        "time_in_force": draw(st.sampled_from(["gtc", "gtc", "ioc"])),
        "quantity": str(Decimal(draw(st.integers(1, 900))).scaleb(-2)),
        "decided_at": DECIDED + timedelta(seconds=draw(st.sampled_from([0, 0, 1, 59, 60, 90]))),
        "expires_at": DECIDED + timedelta(seconds=draw(st.sampled_from([61, 120, 150, 300, 300]))),
    }
    prices = {"limit": "limit_price", "stop": "stop_price"}
    if fields["kind"] in prices:
        fields[prices[fields["kind"]]] = str(tick(draw(TICKS)))
    return order(name, **fields)


@st.composite
def crowds(draw: st.DrawFn) -> list[RestingOrder]:
    return [RestingOrder(order=draw(placed(f"o{n}"))) for n in range(draw(st.integers(1, 4)))]


@given(crowd=crowds(), bars=candles())
def test_no_price_is_better_than_the_bar_had(crowd: list[RestingOrder], bars: list[CandlePrices]) -> None:
    by_close = {bar.closes_at_s: bar for bar in bars}
    for resolution in fills.resolve_all(crowd, bars, MODEL):
        for fill in resolution.fills:
            bar = by_close[int(fill.at.timestamp())]
            assert fill.price >= bar.low if fill.side == "buy" else fill.price <= bar.high


@given(crowd=crowds(), bars=candles())
def test_a_limit_is_never_worse_than_its_price(crowd: list[RestingOrder], bars: list[CandlePrices]) -> None:
    for resolution in fills.resolve_all(crowd, bars, MODEL):
        limit = resolution.resting.order.limit_price
        if limit is not None:
            better = [fill.price <= limit if fill.side == "buy" else fill.price >= limit for fill in resolution.fills]
            assert all(better)


@given(crowd=crowds(), bars=candles())
def test_an_order_fills_what_it_says_and_never_beyond_its_quantity(
    crowd: list[RestingOrder], bars: list[CandlePrices]
) -> None:
    for resolution in fills.resolve_all(crowd, bars, MODEL):
        resting = resolution.resting
        assert sum(fill.quantity for fill in resolution.fills) == resting.filled <= resting.order.quantity
        assert all(fill.quantity > 0 and fill.price > 0 and fill.fee > 0 for fill in resolution.fills)
        assert (resolution.state is OrderState.FILLED) == (resting.filled == resting.order.quantity)


@given(crowd=crowds(), bars=candles())
def test_all_orders_together_take_no_more_than_their_share_of_a_bar(
    crowd: list[RestingOrder], bars: list[CandlePrices]
) -> None:
    taken = [fill for resolution in fills.resolve_all(crowd, bars, MODEL) for fill in resolution.fills]
    for bar in bars:
        of_bar = sum(fill.quantity for fill in taken if int(fill.at.timestamp()) == bar.closes_at_s)
        assert of_bar <= bar.volume * MODEL.participation_max


@given(crowd=crowds(), bars=candles())
def test_every_fill_is_after_the_decision_and_has_its_own_trade_id(
    crowd: list[RestingOrder], bars: list[CandlePrices]
) -> None:
    taken = [fill for resolution in fills.resolve_all(crowd, bars, MODEL) for fill in resolution.fills]
    assert all(fill.at.timestamp() > T for fill in taken)
    assert len({fill.trade_id for fill in taken}) == len(taken)


@given(crowd=crowds(), bars=candles())
def test_no_order_meets_a_price_from_before_its_decision_or_after_its_end(
    crowd: list[RestingOrder], bars: list[CandlePrices]
) -> None:
    by_close = {bar.closes_at_s: bar for bar in bars}
    for resolution in fills.resolve_all(crowd, bars, MODEL):
        order = resolution.resting.order
        for fill in resolution.fills:
            bar = by_close[int(fill.at.timestamp())]
            assert order.decided_at.timestamp() <= bar.opens_at < order.expires_at.timestamp()
            if bar.closes_at_s > order.expires_at.timestamp():
                assert fill.price in {matching.worsened(order.side, bar.open, WORSE, MODEL.tick), order.limit_price}


@given(crowd=crowds(), bars=candles(), reserved=st.integers(0, 1_000))
def test_a_purchase_on_spot_never_costs_more_than_was_reserved(
    crowd: list[RestingOrder], bars: list[CandlePrices], reserved: int
) -> None:
    spot = replace(MODEL, spot=True)
    bound = [replace(order, order=replace(order.order, reserved=Decimal(reserved))) for order in crowd]
    for resolution in fills.resolve_all(bound, bars, spot):
        cost = sum((fill.price * fill.quantity + fill.fee for fill in resolution.fills), Decimal(0))
        assert resolution.resting.spent == cost
        assert cost <= reserved or resolution.resting.order.side == "sell"


@given(crowd=crowds(), bars=candles(), cut=st.integers(0, 6))
def test_bars_at_once_or_in_two_parts_give_the_same(
    crowd: list[RestingOrder], bars: list[CandlePrices], cut: int
) -> None:
    whole = fills.resolve_all(crowd, bars, MODEL)
    first = fills.resolve_all(crowd, bars[:cut], MODEL)
    live = [resolution for resolution in first if resolution.state in {OrderState.OPEN, OrderState.PARTIAL}]
    then = {
        resolution.resting.order.order_id: resolution
        for resolution in fills.resolve_all([resolution.resting for resolution in live], bars[cut:], MODEL)
    }
    for resolution, early in zip(whole, first, strict=True):
        late = then.get(resolution.resting.order.order_id)
        assert resolution.fills == early.fills + (late.fills if late else ())
        assert resolution.state == (late.state if late else early.state)


@given(small=placed(), more=st.integers(1, 500), bars=candles())
def test_a_larger_order_fills_no_less_and_pays_no_better(small: Order, more: int, bars: list[CandlePrices]) -> None:
    large = replace(small, quantity=small.quantity + Decimal(more).scaleb(-2))
    (few,) = fills.resolve_all([RestingOrder(order=small)], bars, MODEL)
    (many,) = fills.resolve_all([RestingOrder(order=large)], bars, MODEL)
    assume(few.fills)
    assert many.resting.filled >= few.resting.filled
    for fill, other in zip(few.fills, many.fills, strict=False):
        assert (fill.price, fill.liquidity, fill.trade_id) == (other.price, other.liquidity, other.trade_id)
        assert other.quantity >= fill.quantity
        assert other.fee >= fill.fee
