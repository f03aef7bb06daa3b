"""The figures of a back-test, from integers: the points that count are picked, and ``performance`` measures them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from fanfold.market.timeframes import DAY_S
from fanfold.money import ZERO, exact, ratio
from fanfold.performance import ratios
from fanfold.performance.measuring import TripStatistics
from fanfold.performance.ratios import EquityPoint
from fanfold.research.columns import Integers
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


@exact
def metrics_of(traded: TradedFigures) -> AccountMetrics:
    """Measure an account; docs/research.md has the conventions."""
    curve = Curve(traded)
    returns = ratios.daily_returns(curve.points(curve.midnights()))
    ends = curve.points(np.array([curve.at.size - 1]))
    cagr, fall = ratios.cagr(ends), ratios.max_drawdown(curve.points(curve.turns()))
    mean = _sum(traded.equity) // max(traded.equity.size, 1)
    above = traded.equity > 0
    exposure = np.divide(traded.gross, traded.equity, out=np.zeros(traded.equity.size), where=above)
    return AccountMetrics(
        start=curve.amount(traded.cash),
        equity=curve.amount(traded.equity[-1]),
        total_return=ratio(curve.amount(traded.equity[-1] - traded.cash), curve.amount(traded.cash)),
        cagr=cagr,
        volatility=ratios.volatility(returns),
        sharpe=ratios.sharpe(returns),
        sortino=ratios.sortino(returns),
        calmar=ratios.calmar(cagr, fall),
        drawdown=fall,
        drawdown_longest_s=curve.longest_fall_s(),
        trips=_trips(traded, curve),
        fees=curve.amount(traded.fills[:, FillField.FEE].sum()),
        slippage=curve.amount(traded.paid_over.sum()),
        turnover=ratio(Decimal(_sum(traded.notional)), Decimal(mean)) if mean > 0 else ZERO,
        invested=float((traded.gross > 0).mean()),
        gross_exposure=float(exposure.mean()),
        buy_and_hold=ratio(sum(traded.growth, ZERO), Decimal(len(traded.growth))) - 1 if traded.growth else None,
        fills=len(traded.fills),
        days=len(returns),
    )


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

    def amount(self, figure: int | np.int64) -> Decimal:
        """Return a figure of money as a decimal."""
        return Decimal(int(figure)).scaleb(-self._scale)

    def points(self, places: Integers) -> list[EquityPoint]:
        """Return the first point, and those at places."""
        kept = np.unique(np.append(0, places))
        figures = zip(self.at[kept].tolist(), self._equity[kept].tolist(), strict=True)
        return [EquityPoint(at, self.amount(figure)) for at, figure in figures]

    def midnights(self) -> Integers:
        """Return the last point by each midnight, and the last of all."""
        nights = np.arange(-(-self.at[0] // DAY_S) * DAY_S, self.at[-1] + 1, DAY_S)
        return np.append(np.searchsorted(self.at, nights, side="right") - 1, self.at.size - 1)

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


def _trips(traded: TradedFigures, curve: Curve) -> TripStatistics:
    profits = traded.trips[:, TripField.PROFIT]
    won, lost = int(profits[profits > 0].sum()), -int(profits[profits < 0].sum())
    count = Decimal(profits.size)
    return TripStatistics(
        round_trips=profits.size,
        win_rate=ratio(Decimal(int((profits > 0).sum())), count) if profits.size else None,
        profit_factor=ratio(Decimal(won), Decimal(lost)) if lost else None,
        expectancy=ratio(curve.amount(won - lost), count) if profits.size else None,
        best=curve.amount(profits.max()) if profits.size else None,
        worst=curve.amount(profits.min()) if profits.size else None,
        average_held_s=round(int(traded.held_s.sum()) / profits.size) if profits.size else None,
    )
