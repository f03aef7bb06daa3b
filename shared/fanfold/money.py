"""Exact decimal arithmetic for everything that is money."""

from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    getcontext,
    setcontext,
)
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

ZERO = Decimal(0)
# Fees are charged in whole units of this size, as venues book them.
CASH_STEP = Decimal("1e-8")

# Wide enough for a product of two figures of 38 digits, as many as a record keeps, with a rate; what needs more raises.
EXACT = Context(prec=100, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, FloatOperation])
# Only for a figure that is rounded to a step right after: a division, a weight.
ROUGH = Context(prec=40, rounding=ROUND_DOWN, traps=[InvalidOperation, DivisionByZero, Overflow, FloatOperation])


def exact(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function under a context that raises instead of rounding; the caller's context comes back after it."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        before = getcontext()
        # Most are called by functions that are exact themselves.
        if before is EXACT:
            return function(*args, **kwargs)
        # Not localcontext, which takes three times as long: it copies the context at each call.
        setcontext(EXACT)
        try:
            return function(*args, **kwargs)
        finally:
            setcontext(before)

    return guarded


def ratio(numerator: Decimal, denominator: Decimal) -> Decimal:
    """Return a quotient to 40 digits, for limits and reports; never for booked cash."""
    return ROUGH.divide(numerator, denominator)


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of step that is not above value.

    >>> floor_to(Decimal("0.12345"), Decimal("0.001"))
    Decimal('0.123')
    """
    return _multiple(value, step, ROUND_FLOOR)


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of step that is not below value."""
    return _multiple(value, step, ROUND_CEILING)


def truncate_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the multiple of step next to value on the side of zero.

    >>> truncate_to(Decimal("-0.12345"), Decimal("0.001"))
    Decimal('-0.123')
    """
    return _multiple(value, step, ROUND_DOWN)


def decimals(*values: Decimal) -> int:
    """Return the decimal places that write every value exactly.

    >>> decimals(Decimal("0.010"), Decimal("100"))
    2
    """
    return max([0, *(-int(value.normalize().as_tuple().exponent) for value in values)])


def _multiple(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    return ROUGH.multiply(ROUGH.divide(value, step).to_integral_value(rounding), step)


def decimal_of(value: float) -> Decimal:
    """Return the shortest decimal that reads back as this float: 0.1 becomes 0.1, not its binary tail."""
    return Decimal(repr(value))


def amount(value: Decimal) -> str:
    """Return an amount in plain digits.

    >>> amount(Decimal("1.500")), amount(Decimal("1E+3")), amount(Decimal("-0.00"))
    ('1.5', '1000', '0')
    """
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def money(value: Decimal, places: int = 2) -> str:
    """Return an amount for people, rounded; a rounded zero has no sign."""
    text = f"{value:,.{places}f}"
    return text.lstrip("-") if not text.strip("-0.,") else text


def profit(value: Decimal, places: int = 2) -> str:
    """Return a profit or a loss with its sign.

    >>> profit(Decimal("12.346")), profit(Decimal(-1200)), profit(Decimal("-0.001"))
    ('+12.35', '-1,200.00', '0.00')
    """
    text = money(value, places)
    return f"+{text}" if value > 0 and text.strip("0.,") else text


def places_of(size: Decimal) -> int:
    """Return the decimal places in which money of this size is read: cents, or satoshis where it is few bitcoin."""
    return 2 if abs(size) >= 1_000 else 8
