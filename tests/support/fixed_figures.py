"""The figures of a back-test by a fixed quantity, from its fills and its equity."""

from decimal import Decimal

import numpy as np

from fanfold.money import ratio
from fanfold.research.columns import IntegerBars
from fanfold.research.figures import TradedFigures
from fanfold.research.fixed_size import FixedSize
from fanfold.research.tape import FillField, ScanResult, TripField


def fixed_figures(
    result: ScanResult, bars: IntegerBars, terms: FixedSize, warm_up: int, length_s: int
) -> TradedFigures:
    """Return what was traded after ``warm_up`` bars, in which nothing may have been; a bar lasts ``length_s``."""
    worth = int(terms.lot.scaleb(result.scale - bars.price_scale))
    fills, trips, count = result.fills, result.trips, bars.time.size
    at, lots = fills[:, FillField.AT], fills[:, FillField.LOTS]
    held = np.cumsum(np.bincount(at, lots, count).astype(np.int64))
    times = bars.time[at]
    return TradedFigures(
        scale=result.scale,
        since=int(bars.time[warm_up]) - length_s,
        cash=int(terms.cash.scaleb(result.scale)),
        closed=bars.time[warm_up:],
        equity=result.equity[warm_up:],
        gross=np.abs(held[warm_up:]) * bars.close[warm_up:] * worth,
        fills=fills,
        notional=np.abs(lots) * fills[:, FillField.PRICE] * worth,
        paid_over=lots * (fills[:, FillField.PRICE] - bars.open[at]) * worth,
        trips=trips,
        held_s=times[trips[:, TripField.CLOSED]] - times[trips[:, TripField.OPENED]],
        growth=[ratio(Decimal(int(bars.close[-1])), Decimal(int(bars.close[warm_up])))],
    )
