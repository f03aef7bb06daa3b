"""Bars whose figures take all the room that there is."""

from fanfold.market.bars import FIGURE_MAX, Bar, Series
from support.core_desk import START

HUGE = FIGURE_MAX


def wild(name: str, count: int, figure: int = HUGE) -> Series:
    """Bars whose figures take all the room that there is."""
    rows = [Bar(START + 60 * n, figure, figure, 1, figure - n, figure) for n in range(1, count + 1)]
    return Series(instrument=name, timeframe="1m", price_scale=18, volume_scale=18, after=START, bars=rows)
