"""Texts of the command line as values; one that is none is told of by the parser."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from decimal import Decimal

# A minute a day; what is slower would seem to stand.
SLOWEST = 1e-5
PORT_MAX = 65_535


def moment(text: str) -> int:
    """Epoch seconds of a time in ISO 8601, UTC unless it says otherwise."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise ArgumentTypeError(f"{text!r} is not an ISO 8601 time such as 2026-03-24T00:00") from wrong
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def count(text: str) -> int:
    """A whole number above zero."""
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def port(text: str) -> int:
    """A TCP port; 0 takes any that is free."""
    if not text.isdecimal() or int(text) > PORT_MAX:
        raise ArgumentTypeError(f"{text!r} is not a port from 0 to {PORT_MAX}")
    return int(text)


def money(text: str) -> Decimal:
    """An amount above zero."""
    try:
        found = Decimal(text)
    except ArithmeticError as wrong:
        raise ArgumentTypeError(f"{text!r} is not an amount such as 2.5") from wrong
    if not found.is_finite() or found <= 0:
        raise ArgumentTypeError(f"{text!r} is not an amount above zero")
    return found


def speed(text: str) -> str | float:
    """``max``, ``live``, or simulated minutes a second."""
    if text in {"max", "live"}:
        return text
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not SLOWEST <= found < float("inf"):
        raise ArgumentTypeError(f"{text!r} is not max, live, or minutes a second, at least {SLOWEST}")
    return found
