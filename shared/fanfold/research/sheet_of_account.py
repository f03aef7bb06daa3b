"""The tear sheet of an account after a back-test."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.market.timeframes import DAY_S
from fanfold.performance.texts import moment
from fanfold.research import chart_series
from fanfold.research.chart_series import ChartLine, Times, Values
from fanfold.research.columns import IntegerBars, integer_bars
from fanfold.research.metric_texts import amount, drawdown_notes, metric_groups
from fanfold.research.result import AccountResult, BacktestResult
from fanfold.research.tear_sheet import (
    NO_VERDICT,
    BiasFindings,
    CandleChart,
    EquityLines,
    RollingSharpe,
    TearSheet,
    TextTable,
    TradeMark,
    Turnover,
)

# What fits into the bytes of a page: spans of a line, and candles and fills of all charts together.
BUCKETS = 300
CANDLES = 2_400
FILLS = 1_500
CHARTS_MAX = 40
REFUSALS_MAX = 20


def tear_sheet_of(
    result: BacktestResult,
    account: AccountResult,
    recordings: Sequence[Recording],
    title: str,
    verdict: BiasFindings = NO_VERDICT,
) -> TearSheet:
    """Return the sheet of one of the result's accounts; ``recordings`` are the bars that it traded."""
    at, start = _seconds(account.equity["at"]), float(account.metrics.start)
    equity, gross = _floats(account.equity["equity"]), _floats(account.equity["gross"])
    drawdown = chart_series.drawdown(equity)
    bars = {entry.instrument: integer_bars(entry, result.start - 1, result.until) for entry in recordings}
    places = chart_series.places_to_draw([equity, drawdown], BUCKETS)
    exposure = np.divide(gross, equity, out=np.full(len(equity), np.nan), where=equity > 0)
    return TearSheet(
        title=title,
        facts=_facts(result, account, recordings),
        currency=account.currency,
        verdict=verdict,
        metrics=metric_groups(account.metrics, account.currency),
        equity=EquityLines(
            at=at[places].tolist(),
            equity=chart_series.shown(equity[places]),
            drawdown=chart_series.shown(drawdown[places]),
            hold=chart_series.shown(start * _growth(at, list(bars.values()))[places]),
        ),
        months=chart_series.months(at, equity, start),
        sharpe=_sharpe(at, equity, start),
        candles=_candle_charts(account, bars, recordings),
        exposure=ChartLine(at[places].tolist(), chart_series.shown(exposure[places])),
        turnover=_turnover(account, at, equity, start),
        tables=[table for table in (_instruments(account), _refusals(account)) if table.rows],
        provenance=_provenance(result),
    )


def _facts(result: BacktestResult, account: AccountResult, recordings: Sequence[Recording]) -> list[str]:
    names = [entry.instrument for entry in recordings]
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    cash = f"{amount(account.metrics.start)} {account.currency}"
    return [
        f"{moment(result.start)} to {moment(result.until)} UTC, {len(account.equity):,} closes of {shown}",
        f"account {account.account}, {cash} at the start, {result.fidelity} fidelity",
        *drawdown_notes(account),
        *result.notes,
        *(f"{instance} ran as plain Python: {why}" for instance, why in result.plain.items()),
    ]


def _growth(at: Times, members: Sequence[IntegerBars]) -> Values:
    """Return what equal shares of the instruments are worth at each close, over their first closes."""
    grown, members = np.zeros(len(at)), [bars for bars in members if bars.time.size]
    for bars in members:
        newest = np.searchsorted(bars.time, at, side="right") - 1
        grown += bars.close[np.maximum(newest, 0)] / bars.close[0]
    return grown / len(members)


def _sharpe(at: Times, equity: Values, start: float) -> RollingSharpe:
    """Return the rolling ratio of the returns of whole UTC days."""
    nights = np.arange(-(-at[0] // DAY_S) * DAY_S, at[-1] + 1, DAY_S)
    newest = np.searchsorted(at, nights, side="right") - 1
    levels = np.where(newest < 0, start, equity[np.maximum(newest, 0)])
    before, after = levels[:-1], levels[1:]
    returns = np.divide(after, before, out=np.ones(len(before)), where=before > 0) - 1
    line, days = chart_series.rolling_sharpe(int(nights[0]) if len(nights) else 0, returns.tolist())
    return RollingSharpe(days=days, at=line.at, values=line.values)


def _candle_charts(
    account: AccountResult, bars: Mapping[str, IntegerBars], recordings: Sequence[Recording]
) -> list[CandleChart]:
    """Return the charts of the instruments that filled most often."""
    names = account.fills["instrument"].cast(pa.string())
    counts = {row["values"]: row["counts"] for row in names.value_counts().to_pylist()}
    shown = sorted(bars, key=lambda name: (-counts.get(name, 0), name))[:CHARTS_MAX]
    seconds = {entry.instrument: timeframes.seconds(entry.timeframe) for entry in recordings}
    return [
        _candle_chart(name, bars[name], seconds[name], account.fills.filter(pc.equal(names, name)), len(shown))
        for name in shown
    ]


def _candle_chart(name: str, bars: IntegerBars, length_s: int, fills: pa.Table, charts: int) -> CandleChart:
    columns = [column / 10.0**bars.price_scale for column in (bars.open, bars.high, bars.low, bars.close)]
    joined = chart_series.candles(bars.time, columns, CANDLES // charts)
    marks = [
        TradeMark(at, "buy" if quantity > 0 else "sell", price, abs(quantity))
        for at, quantity, price in zip(
            _seconds(fills["at"]).tolist(),
            _floats(fills["quantity"]).tolist(),
            _floats(fills["price"]).tolist(),
            strict=True,
        )
    ]
    return CandleChart(
        instrument=name, span=_span(joined.span * length_s), at=joined.at, open=joined.open, high=joined.high,
        low=joined.low, close=joined.close, trades=marks[-(FILLS // charts) :], fills=len(marks),
    )  # fmt: skip


def _span(seconds: int) -> str:
    """Return a length of time in the largest unit that divides it."""
    for unit, length in (("day", DAY_S), ("hour", 3_600), ("minute", 60)):
        if seconds % length == 0:
            return f"1 {unit}" if seconds == length else f"{seconds // length} {unit}s"
    return f"{seconds} seconds"


def _turnover(account: AccountResult, at: Times, equity: Values, start: float) -> Turnover:
    fills = account.fills
    notional = np.abs(_floats(fills["quantity"])) * _floats(fills["price"])
    line, span = chart_series.turnover(at, equity, start, _seconds(fills["at"]), notional)
    return Turnover(span=span, at=line.at, values=line.values)


def _instruments(account: AccountResult) -> TextTable:
    fills = account.fills.group_by("instrument").aggregate([("fee", "sum"), ("slippage", "sum"), ("at", "count")])
    trips = account.trips.group_by("instrument").aggregate([("profit", "sum"), ("profit", "count")])
    closed = {row["instrument"]: row for row in trips.to_pylist()}
    rows = [
        [
            row["instrument"],
            amount(closed[row["instrument"]]["profit_sum"]) if row["instrument"] in closed else "-",
            f"{closed[row['instrument']]['profit_count']:,}" if row["instrument"] in closed else "0",
            amount(row["fee_sum"]),
            amount(row["slippage_sum"]),
            f"{row['at_count']:,}",
        ]
        for row in sorted(fills.to_pylist(), key=lambda row: row["instrument"])
    ]
    headings = ["Instrument", f"Profit of round trips, {account.currency}", "Round trips", "Fees", "Slippage", "Fills"]
    return TextTable("Instruments", headings, rows)


def _refusals(account: AccountResult) -> TextTable:
    counted = account.refusals.group_by(["instance", "instrument", "code"]).aggregate([("at", "count")]).to_pylist()
    most = sorted(counted, key=lambda row: (-row["at_count"], row["instance"], row["instrument"]))[:REFUSALS_MAX]
    rows = [[row["instance"], row["instrument"], row["code"], f"{row['at_count']:,}"] for row in most]
    return TextTable("Refused orders", ["Strategy", "Instrument", "Code", "Times"], rows)


def _provenance(result: BacktestResult) -> list[str]:
    made_of = result.provenance
    return [
        f"Fanfold {made_of.version}. The same data, code and desk give the same result, to the byte.",
        f"data {made_of.data}, desk {made_of.desk}",
        *(f"code of {instance} {digest}" for instance, digest in made_of.code.items()),
    ]


def _seconds(column: pa.ChunkedArray) -> Times:
    seconds: Times = column.cast(pa.int64()).to_numpy()
    return seconds


def _floats(column: pa.ChunkedArray) -> Values:
    values: Values = column.cast(pa.float64()).to_numpy()
    return values
