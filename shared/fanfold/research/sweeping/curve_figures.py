"""The figures of a trial from the sums of its curve."""

from decimal import Decimal

from fanfold.money import ratio
from fanfold.performance.ratios import Drawdown
from fanfold.research.daily_ratios import DailyRatios
from fanfold.research.figures import TradedSums, TripSums, metrics_from
from fanfold.research.quantity_sums import CurveSum, QuantitySums
from fanfold.research.result import AccountMetrics
from fanfold.research.sweeping.swept_bars import SweptBars


def metrics_of_curve(
    sums: QuantitySums, daily: DailyRatios, swept: SweptBars, scale: int, cash: int, gross_exposure: float
) -> AccountMetrics:
    """Return the figures of a trial that began with ``cash``, in money of ``scale`` decimals."""
    bars, valued = swept.bars, swept.valued
    curve, trips, (worth, notional) = sums.curve.tolist(), sums.trips.tolist(), sums.rough.tolist()
    traded = TradedSums(
        scale=scale,
        since=valued.since,
        until=int(bars.time[-1]),
        cash=cash,
        equity=curve[CurveSum.EQUITY],
        daily=daily,
        fall=_fall(curve, swept),
        longest_fall_s=curve[CurveSum.LONGEST_S],
        closes=bars.time.size - valued.first,
        held=curve[CurveSum.HELD_BARS],
        gross_exposure=gross_exposure,
        equity_sum=_unwrapped(curve[CurveSum.WORTH], worth),
        fills=curve[CurveSum.FILLS],
        notional=_unwrapped(curve[CurveSum.NOTIONAL], notional),
        paid_over=curve[CurveSum.PAID_OVER],
        fees=curve[CurveSum.FEES],
        trips=TripSums(*trips),
        growth=[ratio(Decimal(int(bars.close[-1])), Decimal(int(bars.close[valued.first])))],
    )
    return metrics_from(traded)


def _fall(curve: list[int], swept: SweptBars) -> Drawdown | None:
    peak, low = curve[CurveSum.FALL_PEAK], curve[CurveSum.FALL_LOW]
    if not peak:
        return None
    ended = curve[CurveSum.FALL_END]
    return Drawdown(
        share=ratio(Decimal(peak - low), Decimal(peak)),
        peak=_at(curve[CurveSum.FALL_PEAK_AT], swept),
        low=_at(curve[CurveSum.FALL_LOW_AT], swept),
        recovered=None if ended < 0 else _at(ended, swept),
    )


def _at(bar: int, swept: SweptBars) -> int:
    """Return the close of a bar, or when the account began."""
    return int(swept.bars.time[bar]) if bar >= swept.valued.first else swept.valued.since


def _unwrapped(wrapped: int, rough: float) -> int:
    """Return a sum of which the lower 64 bits are known, and the rest roughly."""
    return wrapped + round((rough - wrapped) / 2.0**64) * 2**64
