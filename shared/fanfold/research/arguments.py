"""Arguments of the functions of research, checked: data files, and numbers and times, exact and within their bounds."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from fanfold.errors import BadInput
from fanfold.money import ZERO
from fanfold.research.tape import LIMIT

# All of a price, in basis points.
WHOLE_BPS = Decimal(10_000)
# The year 2100, after which no file has a bar.
LATEST_S = 4_102_444_800
Number = Decimal | int | float | str
Moment = int | str | datetime
Files = Sequence[str | Path] | str | Path


def files_of(data: Files) -> list[str]:
    """Return the names of one file, or of several; an empty tuple is no data.

    Raises BadInput for a table of bars, which is no file, and for another empty sequence: a search that found nothing.
    """
    # The names of a frame's columns would be taken for files otherwise.
    if not isinstance(data, str | Path | Sequence | Iterator):
        raise BadInput(
            f"data is a {type(data).__name__}; it must name files: write the bars to one, such as "
            'bars.to_parquet("BTCUSDT-1m.parquet"), and name that'
        )
    named = [data] if isinstance(data, str | Path) else list(data)
    if not named and data != ():
        raise BadInput("data names no file; leave it out to trade the seeded market")
    for file in named:
        if not isinstance(file, str | Path):
            raise BadInput(f"data has a {type(file).__name__}; it must have names of files")
    return [str(file) for file in named]


def number_of(name: str, value: Number) -> Decimal:
    """Return a number as it is written: 0.1 is a tenth. Raises BadInput for what is no finite one."""
    try:
        number = Decimal(str(value))
    except ArithmeticError as wrong:
        raise BadInput(f"{name} is {value!r}; it must be a number") from wrong
    if not number.is_finite():
        raise BadInput(f"{name} is {value}; it must be a finite number")
    return number


def positive(name: str, value: Number) -> Decimal:
    """Return a number above zero."""
    number = number_of(name, value)
    if number <= ZERO:
        raise BadInput(f"{name} is {value}; it must be above zero")
    return number


def fee_of(value: Number) -> Decimal:
    """Return a fee in basis points; below zero it is a rebate."""
    number = number_of("fee_bps", value)
    if abs(number) > WHOLE_BPS:
        raise BadInput(f"fee_bps is {value}; it must be within {WHOLE_BPS:,}: it is in basis points, and 10 are 0.1 %")
    return number


def exact_share(name: str, share: Fraction, step: int = 1) -> tuple[int, int]:
    """Return a share as numerator and denominator, by which compiled code multiplies exactly.

    A fee is rounded to ``step`` units of money. Raises BadInput where the product of the three does not fit into 64
    bits, as for a third that is written with ten digits.
    """
    of, by = share.as_integer_ratio()
    if abs(of) * by * step > LIMIT:
        raise BadInput(
            f"{name} has more decimals than fit into 64 bits, as {float(share * 10_000)} basis points: round it to "
            "three decimals of a basis point"
        )
    return of, by


def slippage_of(value: Number, half_spread: Decimal = ZERO) -> Decimal:
    """Return a slippage in basis points, with which and half a spread a sale still has a price."""
    number = number_of("slippage_bps", value)
    if not ZERO <= number < WHOLE_BPS - half_spread:
        raise BadInput(
            f"slippage_bps is {value}; it must be from 0 to below {WHOLE_BPS - half_spread:,}, where a sale would get "
            "nothing: it is in basis points, and 10 are 0.1 %"
        )
    return number


def seconds_of(name: str, value: Moment | None) -> int | None:
    """Return a time in epoch seconds; a text or a datetime is of UTC unless it names another zone."""
    if value is None:
        return None
    if isinstance(value, Integral) and not isinstance(value, bool):
        return _epoch_seconds(name, int(value))
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as wrong:
        raise BadInput(
            f"{name} is {value!r}; it must be whole epoch seconds, or a time such as 2026-03-24T00:00"
        ) from wrong
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _epoch_seconds(name: str, seconds: int) -> int:
    if not 0 <= seconds < LATEST_S:
        raise BadInput(f"{name} is {seconds}; it must be epoch seconds, not milliseconds, from 1970 on")
    return seconds


def mapping_of(name: str, value: Mapping[str, Any] | None, example: str) -> Mapping[str, Any]:
    """Return names with their values; None is none. Raises BadInput, with an example, for what is no mapping."""
    if value is not None and not isinstance(value, Mapping):
        raise BadInput(f"{name} is {value!r}; it must be names with their values, such as {example}")
    return value or {}


def whole(name: str, value: int, least: int) -> int:
    """Return a whole number that is not below another."""
    if isinstance(value, bool) or not isinstance(value, Real | Decimal) or value != value // 1 or value < least:
        raise BadInput(f"{name} is {value!r}; it must be a whole number from {least} up")
    return int(value)
