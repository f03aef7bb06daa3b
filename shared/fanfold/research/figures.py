"""The figures of a back-test, from integers: the points that count are picked, and ``performance`` measures them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from fanfold.market.timeframes import DAY_S
from fanfold.money import ZERO, exact, ratio
from fanfold.performance import ratios
from fanfold.performance.measuring import TripStatistics
from fanfold.performance.ratios import Drawdown, EquityPoint
from fanfold.research.columns import Integers
from fanfold.research.daily_ratios import DailyRatios, daily_ratios
from fanfold.research.result import AccountMetrics
from fanfold.research.tape import FillField, TripField


class TradedFigures(NamedTuple):
    """The trading of an account, in integers: money of ``scale`` decimals, times in epoch seconds.

    ``closed`` has the time of each close, ``held_s`` how long each round trip was open; ``growth`` is the last close of
    each instrument over its first. ``paid_over`` is what fills cost over the open of their bars.
    """

    scale: int
    since: int
    cash: int
    closed: Integers
    equity: Integers
    gross: Integers
    fills: Integers
    notional: Integers
    paid_over: Integers
    trips: Integers
    held_s: Integers
    growth: Sequence[Decimal]


def traded_figures(
    fills: Integers,
    trips: Integers,
    opens: Integers,
    worth: Integers | int,
    *,
    closed: Integers,
    equity: Integers,
    gross: Integers,
    scale: int,
    since: int,
    cash: int,
    growth: Sequence[Decimal],
) -> TradedFigures:
    """Return what an account traded, of fills, the opens of their bars, and the worth of a lot at a price of a tick."""
    lots, price = fills[:, FillField.LOTS], fills[:, FillField.PRICE]
    times = closed[fills[:, FillField.AT]]
    return TradedFigures(
        scale=scale,
        since=since,
        cash=cash,
        closed=closed,
        equity=equity,
        gross=gross,
        fills=fills,
        notional=np.abs(lots) * price * worth,
        paid_over=lots * np.subtract(price, opens) * worth,
        trips=trips,
        held_s=times[trips[:, TripField.CLOSED]] - times[trips[:, TripField.OPENED]],
        growth=growth,
    )


class TripSums(NamedTuple):
    """Round trips: their number, that of winners, what those won and others lost, the best, the worst, their time."""

    number: int
    won_count: int
    won: int
    lost: int
    best: int
    worst: int
    held_s: int


class TradedSums(NamedTuple):
    """All that the metrics of an account are made of, in integers as in TradedFigures.

    ``daily`` has the ratios of daily returns; ``held`` is the number of ``closes`` with a position, ``equity_sum`` of
    all closes, ``gross_exposure`` a mean of shares, and no number where it was not measured.
    """

    scale: int
    since: int
    until: int
    cash: int
    equity: int
    daily: DailyRatios
    fall: Drawdown | None
    longest_fall_s: int
    closes: int
    held: int
    gross_exposure: float
    equity_sum: int
    fills: int
    notional: int
    paid_over: int
    fees: int
    trips: TripSums
    growth: Sequence[Decimal]


@exact
def metrics_of(traded: TradedFigures) -> AccountMetrics:
    """Measure an account; docs/research.md has the conventions."""
    return metrics_from(sums_of(traded))


def sums_of(traded: TradedFigures) -> TradedSums:
    """Sum up the trading of an account."""
    curve, above = Curve(traded), traded.equity > 0
    exposure = np.divide(traded.gross, traded.equity, out=np.zeros(traded.equity.size), where=above)
    return TradedSums(
        scale=traded.scale,
        since=traded.since,
        until=int(curve.at[-1]),
        cash=traded.cash,
        equity=int(traded.equity[-1]),
        daily=daily_ratios(curve.levels()),
        fall=ratios.max_drawdown(curve.points(curve.turns())),
        longest_fall_s=curve.longest_fall_s(),
        closes=traded.equity.size,
        held=int((traded.gross > 0).sum()),
        gross_exposure=float(exposure.mean()),
        equity_sum=_sum(traded.equity),
        fills=len(traded.fills),
        notional=_sum(traded.notional),
        paid_over=int(traded.paid_over.sum()),
        fees=int(traded.fills[:, FillField.FEE].sum()),
        trips=_trip_sums(traded),
        growth=traded.growth,
    )


@exact
def metrics_from(sums: TradedSums) -> AccountMetrics:
    """Return the metrics of an account that was summed up."""
    start, equity = (_amount(figure, sums.scale) for figure in (sums.cash, sums.equity))
    growth = ratios.cagr([EquityPoint(sums.since, start), EquityPoint(sums.until, equity)])
    mean = sums.equity_sum // max(sums.closes, 1)
    return AccountMetrics(
        start=start,
        equity=equity,
        total_return=ratio(equity - start, start),
        cagr=growth,
        volatility=sums.daily.volatility,
        sharpe=sums.daily.sharpe,
        sortino=sums.daily.sortino,
        calmar=ratios.calmar(growth, sums.fall),
        drawdown=sums.fall,
        drawdown_longest_s=sums.longest_fall_s,
        trips=_trips(sums.trips, sums.scale),
        fees=_amount(sums.fees, sums.scale),
        slippage=_amount(sums.paid_over, sums.scale),
        turnover=ratio(Decimal(sums.notional), Decimal(mean)) if mean > 0 else ZERO,
        invested=sums.held / max(sums.closes, 1),
        gross_exposure=sums.gross_exposure,
        buy_and_hold=ratio(sum(sums.growth, ZERO), Decimal(len(sums.growth))) - 1 if sums.growth else None,
        fills=sums.fills,
        days=sums.daily.days,
    )


def _amount(figure: int, scale: int) -> Decimal:
    """Return a figure of money as a decimal."""
    return Decimal(figure).scaleb(-scale)


def _sum(figures: Integers) -> int:
    """Return the sum of figures, which itself may fit into no 64 bits."""
    return (int((figures >> 32).sum()) << 32) + int((figures & 0xFFFFFFFF).sum())


class Curve:
    """The equity of an account as integers, the cash before the first bar in front."""

    def __init__(self, traded: TradedFigures) -> None:
        self._scale = traded.scale
        self.at = np.concatenate([[traded.since], traded.closed])
        self._equity = np.concatenate([[traded.cash], traded.equity])
        self._peaks = np.maximum.accumulate(self._equity)

    def points(self, places: Integers) -> list[EquityPoint]:
        """Return the first point, and those at places."""
        kept = np.unique(np.append(0, places))
        figures = zip(self.at[kept].tolist(), self._equity[kept].tolist(), strict=True)
        return [EquityPoint(at, _amount(figure, self._scale)) for at, figure in figures]

    def midnights(self) -> Integers:
        """Return the last point by each midnight, and the last of all."""
        nights = np.arange(-(-self.at[0] // DAY_S) * DAY_S, self.at[-1] + 1, DAY_S)
        return np.append(np.searchsorted(self.at, nights, side="right") - 1, self.at.size - 1)

    def levels(self) -> Integers:
        """Return the equity at each midnight."""
        levels: Integers = self._equity[self.midnights()[:-1]]
        return levels

    def turns(self) -> Integers:
        """Return the points by which a deepest fall is told: of each fall its peak, its low and its end."""
        level = self._equity == self._peaks
        begins = np.flatnonzero(level[:-1] & ~level[1:])
        ends = np.searchsorted(np.flatnonzero(level), begins, side="right")
        levels = np.append(np.flatnonzero(level), self.at.size - 1)
        lows = [low + int(self._equity[low : end + 1].argmin()) for low, end in zip(begins, levels[ends], strict=True)]
        return np.concatenate([begins, np.array(lows, np.int64), levels[ends]])

    def longest_fall_s(self) -> int:
        """Return the longest time from a peak to the return to it, or to the end."""
        tops = np.append(np.flatnonzero(self._equity == self._peaks), self.at.size)
        closes = np.append(self.at, self.at[-1])
        apart = np.diff(tops) > 1
        return int((closes[tops[1:]] - closes[tops[:-1]])[apart].max(initial=0))


def _trip_sums(traded: TradedFigures) -> TripSums:
    profits = traded.trips[:, TripField.PROFIT]
    won = profits > 0
    return TripSums(
        number=profits.size,
        won_count=int(won.sum()),
        won=int(profits[won].sum()),
        lost=-int(profits[~won].sum()),
        best=int(profits.max()) if profits.size else 0,
        worst=int(profits.min()) if profits.size else 0,
        held_s=int(traded.held_s.sum()),
    )


def _trips(sums: TripSums, scale: int) -> TripStatistics:
    count = Decimal(sums.number)
    return TripStatistics(
        round_trips=sums.number,
        win_rate=ratio(Decimal(sums.won_count), count) if sums.number else None,
        profit_factor=ratio(Decimal(sums.won), Decimal(sums.lost)) if sums.lost else None,
        expectancy=ratio(_amount(sums.won - sums.lost, scale), count) if sums.number else None,
        best=_amount(sums.best, scale) if sums.number else None,
        worst=_amount(sums.worst, scale) if sums.number else None,
        average_held_s=round(sums.held_s / sums.number) if sums.number else None,
    )
