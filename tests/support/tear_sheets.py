"""Tear sheets of made-up results, for tests of the page."""

import numpy as np

from fanfold.research import chart_series
from fanfold.research.chart_series import ChartLine
from fanfold.research.tear_sheet import (
    NO_VERDICT,
    CandleChart,
    EquityLines,
    Metric,
    MetricGroup,
    RollingSharpe,
    TearSheet,
    TextTable,
    TradeMark,
    Turnover,
)  # fmt: skip

START = 1_704_067_200  # 2024-01-01, midnight UTC


def tear_sheet(bars: int = 9_000, instruments: int = 2, trades: int = 200, title: str = "sma_cross") -> TearSheet:
    """Return the sheet of a random walk in hours."""
    at = START + 3_600 * np.arange(1, bars + 1)
    equity = 10_000 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.003, bars)))
    drawdown = chart_series.drawdown(equity)
    places = chart_series.places_to_draw([equity, drawdown], 500)
    sharpe, days = chart_series.rolling_sharpe(START, (equity[24::24] / equity[:-24:24] - 1).tolist())
    traded = np.linspace(0, bars - 1, trades).astype(int)
    turnover, span = chart_series.turnover(at, equity, 10_000, at[traded], np.full(trades, 2_000.0))
    return TearSheet(
        title=title,
        facts=["2024-01-01 to 2025-01-10, 1h bars", "from 10,000 USDT, fee 0.1 %"],
        currency="USDT",
        verdict=NO_VERDICT,
        metrics=[MetricGroup("Return", [Metric("Return", "12.3 %", "equity at the end over cash at the start")])],
        equity=EquityLines(
            at=at[places].tolist(),
            equity=chart_series.shown(equity[places]),
            drawdown=chart_series.shown(drawdown[places]),
            hold=chart_series.shown(equity[places] * 1.01),
        ),
        months=chart_series.months(at, equity, 10_000),
        sharpe=RollingSharpe(days=days, at=sharpe.at, values=sharpe.values),
        candles=[candle_chart(f"COIN{n}/USDT", at, traded) for n in range(instruments)],
        exposure=ChartLine(at[places].tolist(), [0.5] * len(places)),
        turnover=Turnover(span=span, at=turnover.at, values=turnover.values),
        tables=[TextTable("Instruments", ["Instrument", "Profit", "Fills"], [["COIN0/USDT", "-12.34", "1,204"]])],
        provenance=["data 3f2a", "code 77b1"],
    )


def candle_chart(instrument: str, at: np.ndarray, traded: np.ndarray) -> CandleChart:
    """Return the candles of a random walk, with a fill at each of the given places."""
    close = 40_000 * np.exp(np.cumsum(np.random.default_rng(11).normal(0, 0.004, len(at))))
    opened = np.append(close[:1], close[:-1])
    joined = chart_series.candles(at, (opened, np.maximum(opened, close), np.minimum(opened, close), close), 600)
    marks = [
        TradeMark(int(at[place]), "buy" if n % 2 == 0 else "sell", float(close[place]), 0.05)
        for n, place in enumerate(traded.tolist())
    ]
    return CandleChart(
        instrument=instrument, span="15 hours", at=joined.at, open=joined.open, high=joined.high, low=joined.low,
        close=joined.close, trades=marks, fills=len(marks) + 7,
    )  # fmt: skip
