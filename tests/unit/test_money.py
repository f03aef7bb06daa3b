"""Money: exact or refused, rounded only at a step, and always to the side that was asked for."""

from decimal import Decimal, FloatOperation, Inexact, getcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold import money

D = Decimal
AMOUNTS = st.builds(lambda digits, scale: D(digits).scaleb(-scale), st.integers(-(10**20), 10**20), st.integers(0, 12))
STEPS = st.builds(lambda digits, scale: D(digits).scaleb(-scale), st.integers(1, 1_000), st.integers(0, 10))


@given(AMOUNTS, STEPS)
def test_rounding_gives_the_next_multiple_on_its_side(value: Decimal, step: Decimal) -> None:
    below, above, inner = money.floor_to(value, step), money.ceil_to(value, step), money.truncate_to(value, step)
    whole = Fraction(value) / Fraction(step)
    assert Fraction(below) == whole.__floor__() * Fraction(step)
    assert Fraction(above) == whole.__ceil__() * Fraction(step)
    assert inner == (below if value >= 0 else above)


@given(st.lists(AMOUNTS, min_size=1, max_size=20))
def test_sums_are_exact(amounts: list[Decimal]) -> None:
    total = money.exact(lambda: sum(amounts, money.ZERO))()
    assert Fraction(total) == sum(map(Fraction, amounts))


def test_an_inexact_result_is_refused_and_the_callers_context_restored() -> None:
    before = getcontext().prec
    with pytest.raises(Inexact):
        money.exact(lambda: D(1) / D(3))()
    with pytest.raises(FloatOperation):
        money.exact(lambda: D(1) < 0.5)()
    assert getcontext().prec == before


def test_a_product_of_two_figures_of_38_digits_and_a_rate_is_exact() -> None:
    figure, rate = D("31771580373692041.078305519897304236"), D("0.0012")
    product = money.exact(lambda: figure * -figure * rate)()
    assert Fraction(product) == -(Fraction(figure) ** 2) * Fraction(rate)


def test_a_ratio_is_rounded_towards_zero() -> None:
    assert money.ratio(D(2), D(3)) == D("0." + "6" * 40)
    assert money.ratio(D(-2), D(3)) == D("-0." + "6" * 40)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_decimal_of_a_float_reads_back_as_it(value: float) -> None:
    assert float(money.decimal_of(value)) == value
    assert money.decimal_of(0.1) == D("0.1")
