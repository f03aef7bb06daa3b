"""The figures of a back-test by a fixed quantity, from its fills and its equity."""

from decimal import Decimal

import numpy as np

from fanfold.money import ratio
from fanfold.research.columns import IntegerBars
from fanfold.research.figures import TradedFigures, traded_figures
from fanfold.research.fixed_size import FixedSize
from fanfold.research.tape import FillField, ScanResult


def fixed_figures(
    result: ScanResult, bars: IntegerBars, terms: FixedSize, warm_up: int, length_s: int
) -> TradedFigures:
    """Return what was traded after ``warm_up`` bars, in which nothing may have been; a bar lasts ``length_s``."""
    worth, count = int(terms.lot.scaleb(result.scale - bars.price_scale)), bars.time.size
    at, lots = result.fills[:, FillField.AT], result.fills[:, FillField.LOTS]
    held = np.cumsum(np.bincount(at, lots, count).astype(np.int64))
    traded = traded_figures(
        result.fills,
        result.trips,
        bars.open[at],
        worth,
        closed=bars.time,
        equity=result.equity[warm_up:],
        gross=np.abs(held[warm_up:]) * bars.close[warm_up:] * worth,
        scale=result.scale,
        since=int(bars.time[warm_up]) - length_s,
        cash=int(terms.cash.scaleb(result.scale)),
        growth=[ratio(Decimal(int(bars.close[-1])), Decimal(int(bars.close[warm_up])))],
    )
    return traded._replace(closed=bars.time[warm_up:])
