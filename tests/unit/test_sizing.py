from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.market.bars import Bar, Series, pack
from fanfold.messages import Side
from fanfold.money import CASH_STEP, EXACT, ceil_to, exact
from fanfold.risk import exposure, sizing
from fanfold.risk.exposure import Exposure, Mark, marked, own_closes
from fanfold.risk.policy import PositionPolicy, prepare
from fanfold.risk.sizing import NoOrder
from fanfold.risk.valuation import valuation
from support.risk_desk import AT, BTC, ETH, book, desk, held, mark

D = Decimal
LEG = PositionPolicy(
    shares=1,
    spot=False,
    collar=D("0.02"),
    fee=D("0.001"),
    band=D("0.1"),
    volatility=0.0,
    bars_per_year=525_600.0,
    order="market",
    order_ttl_s=300,
    tick=D("0.01"),
    lot=D("0.001"),
    notional_min=D(5),
)
CAPITAL = D(1000)
change, desired = exact(sizing.change), exact(sizing.desired)


def leg(**changes: object) -> PositionPolicy:
    return msgspec.structs.replace(LEG, **changes)


@pytest.mark.parametrize(
    ("weight", "terms", "quantity"),
    [
        (1.0, LEG, "3.333"),
        (-1.0, LEG, "-3.333"),
        (0.1, LEG, "0.333"),
        (0.0, LEG, "0"),
        (0.0001, LEG, "0"),
        (1.0, leg(shares=2), "1.666"),
        (1.0, leg(spot=True, collar=D("0.25"), fee=D(0)), "2.666"),
        (1.0, leg(spot=True, collar=D("0.02"), fee=D("0.001")), "3.264"),
        (1.0, leg(lot=D(1)), "3"),
        (1.0, leg(lot=D("0.5")), "3"),
    ],
)
def test_a_weight_becomes_its_share_of_equity_in_whole_lots_towards_zero(
    weight: float, terms: PositionPolicy, quantity: str
) -> None:
    assert desired(weight, terms, CAPITAL, mark("300")) == D(quantity)


def test_an_instance_that_lost_more_than_all_wants_nothing_rather_than_the_opposite() -> None:
    assert desired(1.0, LEG, D(-50), mark("300")) == 0


@given(
    weight=st.floats(-1, 1),
    equity=st.decimals("0", "1e9", places=8),
    price=st.decimals("0.00001", "1e6", places=5),
    lot=st.sampled_from([D("0.00001"), D("0.03"), D(1)]),
)
def test_the_size_is_the_exact_quotient_cut_at_the_lot(
    weight: float, equity: Decimal, price: Decimal, lot: Decimal
) -> None:
    quantity = desired(weight, leg(lot=lot), equity, Mark(price=price, closes_at_s=0))
    exactly = Fraction(D(repr(weight))) * Fraction(equity) / Fraction(price)
    assert Fraction(quantity) / Fraction(lot) == int(exactly / Fraction(lot))


@pytest.mark.parametrize(
    ("realised", "weight", "expected"),
    [(0.5, 1.0, 1.0), (1.0, 1.0, 0.5), (1.0, -0.5, -0.25), (0.1, 0.9, 1.0), (0.1, -0.9, -1.0), (0.0, 0.0, 0.0)],
)
def test_a_volatility_target_scales_the_weight_and_never_beyond_one(
    realised: float, weight: float, expected: float
) -> None:
    terms = leg(volatility=0.5)
    assert sizing.scaled(weight, terms, realised**2 / terms.bars_per_year) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("wanted", "position", "expected"),
    [
        ("10", held("0"), D(10)),
        ("10", held("8"), D(2)),
        ("10", held("8", "2"), NoOrder.ON_TARGET),
        ("10", held("8", "-2"), D(4)),
        ("10", held("9"), NoOrder.ON_TARGET),
        ("10", held("8.999"), D("1.001")),
        ("0.9", held("0"), D("0.9")),
        ("0.04", held("0"), NoOrder.TOO_SMALL),
        ("0.9", held("0.01"), D("0.89")),
        ("0", held("0.9"), D("-0.9")),
        ("-0.1", held("0.1"), D("-0.2")),
        ("0", held("0.04"), NoOrder.DUST),
        ("0", held("0.0001"), NoOrder.DUST),
        ("0", held("0"), NoOrder.ON_TARGET),
        ("-10", held("10"), D(-20)),
    ],
    ids=[
        "entry",
        "top up",
        "already on its way",
        "less is on its way",
        "on the band",
        "over the band",
        "a small entry has no band",
        "an entry below the minimum",
        "an entry from dust",
        "a small close",
        "a small flip",
        "dust",
        "less than a lot",
        "nothing",
        "a flip in one order",
    ],
)
def test_the_next_order_is_what_is_missing_outside_the_band(
    wanted: str, position: Exposure, expected: Decimal | NoOrder
) -> None:
    assert change(D(wanted), position, LEG, CAPITAL, D(100)) == expected


def test_the_band_is_a_share_of_the_legs_part_of_equity() -> None:
    assert change(D("1.5"), held("1"), leg(shares=2), CAPITAL, D(100)) is NoOrder.ON_TARGET
    assert change(D("1.501"), held("1"), leg(shares=2), CAPITAL, D(100)) == D("0.501")


@pytest.mark.parametrize(
    ("wanted", "position", "expected"),
    [
        ("0.9", held("0"), NoOrder.TOO_SMALL),
        ("1.5", held("1"), NoOrder.ON_TARGET),
        ("0", held("0.9"), NoOrder.DUST),
        ("9", held("0"), D(4)),
        ("9", held("6"), D(3)),
        ("-9", held("0"), D(-4)),
    ],
)
def test_no_order_is_under_the_venues_least_amount_nor_over_its_most(
    wanted: str, position: Exposure, expected: Decimal | NoOrder
) -> None:
    terms = leg(amount_min=D(1), amount_max=D("4.0005"), band=D(0))
    assert change(D(wanted), position, terms, CAPITAL, D(100)) == expected


@pytest.mark.parametrize(
    ("free", "expected"),
    [("2000", D(10)), ("1021.02", D("9.999")), ("1000", D("9.794")), ("969", D(10)), ("0", D(10)), ("-5", D(10))],
)
def test_a_spot_buy_is_cut_to_the_cash_where_that_pays_most_of_it(free: str, expected: Decimal) -> None:
    spot = leg(spot=True)
    assert exact(sizing.affordable)(D(10), D(free), spot, D(100)) == expected
    assert exact(sizing.affordable)(D(10), D(free), LEG, D(100)) == D(10)


@pytest.mark.parametrize(
    ("side", "reference", "tick", "limit"),
    [
        ("buy", "100", "0.01", "102"),
        ("sell", "100", "0.01", "98"),
        ("buy", "100.005", "0.01", "102"),
        ("sell", "100.005", "0.01", "98.01"),
        ("buy", "0.05", "0.01", "0.06"),
        ("sell", "0.05", "0.01", "0.04"),
        ("sell", "0.01", "0.01", "0.01"),
        ("buy", "0.000000015", "0.00000001", "0.00000002"),
    ],
)
def test_an_order_at_market_has_the_end_of_its_band_as_limit(side: Side, reference: str, tick: str, limit: str) -> None:
    assert exact(sizing.limit_of)(side, leg(tick=D(tick)), D(reference)) == D(limit)


@given(
    quantity=st.decimals("0.001", "1000", places=3),
    reference=st.decimals("0.00000001", "100000", places=8),
    tick=st.sampled_from([D("0.00000001"), D("0.01"), D(1)]),
)
def test_a_fill_within_the_band_never_costs_more_than_was_reserved(
    quantity: Decimal, reference: Decimal, tick: Decimal
) -> None:
    spot = leg(spot=True, tick=tick)
    limit = exact(sizing.limit_of)("buy", spot, reference)
    fee = exact(ceil_to)(EXACT.multiply(EXACT.multiply(quantity, limit), spot.fee), CASH_STEP)
    paid = EXACT.add(EXACT.multiply(quantity, limit), fee)
    assert paid <= exact(sizing.reservation)(quantity, spot, reference)


def test_an_adjustment_below_the_venues_minimum_is_no_order_and_no_dust() -> None:
    assert change(D("1.04"), held("1"), leg(band=D(0)), CAPITAL, D(100)) is NoOrder.ON_TARGET


def test_limit_prices_do_not_cross_the_reference() -> None:
    terms = leg(order="limit", tick=D("0.5"))
    assert sizing.price_of("buy", terms, D("10.3")) == D(10)
    assert sizing.price_of("sell", terms, D("10.3")) == D("10.5")
    assert sizing.price_of("buy", LEG, D("10.3")) == D("10.3")


def test_a_reservation_covers_collar_and_fee_and_is_rounded_up() -> None:
    spot = prepare(desk()).terms("spot").legs["s", BTC]
    assert (spot.spot, spot.collar, spot.fee) == (True, D("0.02"), D("0.001"))
    # A tick above 0.03 is more than 2 % above it.
    assert exact(sizing.reservation)(D("0.001"), spot, D("0.03")) == D("0.00004005")
    assert exact(sizing.reservation)(D("0.001"), spot, D("300")) == D("0.30630601")


def test_a_leg_of_a_cross_sectional_instance_is_sized_on_all_of_its_equity() -> None:
    each = prepare(desk()).terms("margin").legs["m", BTC]
    whole = prepare(desk({"strategy": "pairs"})).terms("margin").legs["m", BTC]
    assert (each.shares, whole.shares) == (2, 1)


@pytest.mark.parametrize(
    ("position", "quantity", "reduces"),
    [
        (held("2"), "-2", True),
        (held("2"), "-2.001", False),
        (held("-2"), "2", True),
        (held("2"), "0.001", False),
        (held("0"), "-1", False),
        (held("2", "-1"), "-1", True),
        (held("2", "-1"), "-1.001", False),
        (held("2", "1"), "-2", True),
        (held("2", "1"), "-3", False),
    ],
)
def test_a_reduction_does_not_cross_zero_however_live_orders_fill(
    position: Exposure, quantity: str, *, reduces: bool
) -> None:
    assert position.reduces(D(quantity)) is reduces


def test_a_mark_only_moves_forward() -> None:
    newer = exposure.mark(mark("100"), int(AT.timestamp()) + 60, D(110), 60)
    assert (newer.price, newer.closes_at_s) == (D(110), int(AT.timestamp()) + 60)
    assert newer.variance == pytest.approx(0.01)
    for closes_at_s in (newer.closes_at_s, newer.closes_at_s - 60):
        assert exposure.mark(newer, closes_at_s, D(1), 60) is newer


def test_a_return_over_missing_bars_is_spread_over_them() -> None:
    assert exposure.mark(mark("100"), int(AT.timestamp()) + 240, D(110), 60).variance == pytest.approx(0.0025)


def test_the_estimated_variance_approaches_that_of_the_returns() -> None:
    moving = mark("100")
    for step in range(1, 3000):
        moving = exposure.mark(moving, moving.closes_at_s + 60, D(101) if step % 2 else D(100), 60)
    assert moving.variance == pytest.approx(0.0001, rel=0.02)


def test_a_price_of_zero_does_not_spoil_the_variance() -> None:
    start = Mark(price=D(100), closes_at_s=0, variance=0.01)
    after = exposure.mark(exposure.mark(start, 60, D(0), 60), 120, D(100), 60)
    assert after == Mark(price=D(100), closes_at_s=120, variance=0.01)


def test_only_series_of_the_venues_timeframe_are_marked() -> None:
    def series(timeframe: str, close: int) -> Series:
        bars = [Bar(60, 1, close, 1, close, 1)]
        return Series(instrument=BTC, timeframe=timeframe, price_scale=2, volume_scale=0, after=0, bars=bars)

    closes = own_closes(pack([series("5m", 7), series("1m", 1234)]), "1m")
    assert marked({}, closes, "1m") == {BTC: Mark(price=D("12.34"), closes_at_s=60)}


@given(
    start=st.decimals("0", "1e6", places=8),
    trades=st.lists(
        st.tuples(
            st.sampled_from([BTC, ETH]),
            st.decimals("-9", "9", places=3),
            st.decimals("1", "9").map(lambda price: EXACT.create_decimal(f"{price:.2f}")),
        )
    ),
)
def test_equity_is_the_capital_with_the_results_of_its_instances(
    start: Decimal, trades: list[tuple[str, Decimal, Decimal]]
) -> None:
    """Cash and positions on one side, sub-ledgers on the other: the same money."""
    legs: dict[exposure.PositionKey, Exposure] = {}
    cash = start
    for symbol, quantity, price in trades:
        before = legs.get(("m", symbol), Exposure())
        left, cost = before.quantity + quantity, before.cost + quantity * price
        # A closed leg has no lots left: what they cost more than they brought is realised.
        realised, cost = (before.realised - cost, D(0)) if left == 0 else (before.realised, cost)
        legs["m", symbol] = msgspec.structs.replace(
            before, quantity=left, cost=cost, realised=realised, fees=before.fees + 1
        )
        cash -= quantity * price + 1
    snapshot = book(cash=cash, held=legs)
    value = valuation(snapshot)
    assert value.equity == start + value.profits.get("m", D(0))
