"""Candles as ccxt returns them, with numbers as strings, read into exact integers."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from fanfold.desk import Instrument
from fanfold.errors import VenueUnavailable
from fanfold.market.bars import Bar, Series
from fanfold.money import ZERO, decimals, exact

NUMBERS, HALF = 5, 3
log = logging.getLogger("fanfold")


class CcxtCandle(NamedTuple):
    """A candle as received: its close in epoch seconds, then its numbers to the last digit; all 0 if one is missing."""

    closes_at_s: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


def read(rows: Sequence[Any], length: int) -> list[CcxtCandle]:
    """Parse rows of opening time in ms, open, high, low, close, volume.

    A row that lacks a number is an empty candle, one without a time is left out: neither affects the other rows. Raises
    VenueUnavailable where no row has even half of its numbers, because then the format is another.
    """
    parsed = [candle for row in rows if (candle := _candle(row, length))]
    if len(parsed) < len(rows):
        log.warning("%d candles without a time are left out", len(rows) - len(parsed))
    if rows and (not parsed or max(len(_numbers(row)) for row in rows) < HALF):
        raise VenueUnavailable(f"gave a candle that is none: {rows[0]!r}")
    return parsed


def _candle(row: Any, length: int) -> CcxtCandle | None:
    try:
        closes_at_s = int(row[0]) // 1_000 + length
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    numbers = _numbers(row)
    return CcxtCandle(closes_at_s, *(numbers if len(numbers) == len(row) - 1 == NUMBERS else [ZERO] * NUMBERS))


def _numbers(row: Any) -> list[Decimal]:
    """Return the numbers after the time. Only text is accepted, because a float would have been rounded on its way."""
    numbers = []
    for figure in row[1:] if isinstance(row, Sequence) else ():
        with suppress(InvalidOperation):
            numbers += [number for number in [Decimal(figure)] if number.is_finite()] if isinstance(figure, str) else []
    return numbers


@exact
def series(instrument: str, timeframe: str, rules: Instrument, after: int, candles: Iterable[CcxtCandle]) -> Series:
    """Return the candles as a series, in their order; a candle finer than tick or lot makes the whole series finer."""
    ordered = list(candles)
    price_scale = decimals(rules.tick, *(price for candle in ordered for price in candle[1:5]))
    volume_scale = decimals(rules.lot, *(candle.volume for candle in ordered))
    return Series(
        instrument=instrument,
        timeframe=timeframe,
        price_scale=price_scale,
        volume_scale=volume_scale,
        after=after,
        bars=[_bar(candle, price_scale, volume_scale) for candle in ordered],
    )


def _bar(candle: CcxtCandle, price_scale: int, volume_scale: int) -> Bar:
    first, high, low, close = (int(price.scaleb(price_scale)) for price in candle[1:5])
    return Bar(candle.closes_at_s, first, high, low, close, int(candle.volume.scaleb(volume_scale)))
