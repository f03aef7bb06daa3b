"""Candles as ccxt hands them over, with numbers as strings, read into exact integers."""

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from fanfold.bars import Bar, Series
from fanfold.desk import Instrument
from fanfold.money import exact
from fanfold.refusals import VenueUnavailable


class Candle(NamedTuple):
    """A candle as told: its close in epoch seconds, then its numbers to the last digit."""

    closes_at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


def read(row: Sequence[Any], length: int) -> Candle:
    """A row of opening time in ms, open, high, low, close, volume. Raises VenueUnavailable for anything else."""
    try:
        opens_ms, *figures = row
        # A float would have been rounded on its way, so only what was text is believed.
        numbers = [Decimal(figure) for figure in figures if isinstance(figure, str)]
        first, high, low, close, volume = (number for number in numbers if number.is_finite())
        return Candle(int(opens_ms) // 1_000 + length, first, high, low, close, volume)
    except (TypeError, ValueError, InvalidOperation) as wrong:
        raise VenueUnavailable(f"gave a candle that is none: {row!r}") from wrong


@exact
def series(instrument: str, timeframe: str, rules: Instrument, after: int, candles: Iterable[Candle]) -> Series:
    """The candles as a series, in their order; one that is finer than tick or lot makes the whole series finer."""
    told = list(candles)
    price_scale = scale(rules.tick, *(price for one in told for price in one[1:5]))
    volume_scale = scale(rules.lot, *(one.volume for one in told))
    return Series(
        instrument=instrument,
        timeframe=timeframe,
        price_scale=price_scale,
        volume_scale=volume_scale,
        after=after,
        bars=[_bar(one, price_scale, volume_scale) for one in told],
    )


def _bar(candle: Candle, price_scale: int, volume_scale: int) -> Bar:
    first, high, low, close = (int(price.scaleb(price_scale)) for price in candle[1:5])
    return Bar(candle.closes_at, first, high, low, close, int(candle.volume.scaleb(volume_scale)))


def scale(*numbers: Decimal) -> int:
    """Decimal places that write every number exactly.

    >>> scale(Decimal("0.010"), Decimal("100"))
    2
    """
    return max(0, *(-_exponent(number) for number in numbers))


def _exponent(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent
