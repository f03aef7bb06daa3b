"""The result of a back-test for people; docs/research.md defines each figure."""

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from fanfold.cli.output import share
from fanfold.cli.report_text import (
    NONE,
    SPARK_WIDTH,
    counts,
    drawdown_line,
    short_lines,
    sparkline,
    trip_lines,
)
from fanfold.codes import Code
from fanfold.money import money, places_of, profit
from fanfold.performance.ratios import EquityPoint
from fanfold.performance.texts import duration, length, moment
from fanfold.research.metric_texts import drawdown_notes
from fanfold.research.result import AccountMetrics, AccountResult, BacktestResult

LABEL = 14


def text_of(result: BacktestResult) -> str:
    """Return the summary of a back-test."""
    return "\n".join(f"{label:<{LABEL}}{value}" for label, value in _lines(result))


def _lines(result: BacktestResult) -> Iterator[tuple[str, str]]:
    minutes = (result.until - result.start) // 60
    yield "traded", f"{moment(result.start)} to {moment(result.until)} ({length(minutes)}), {result.fidelity}"
    for account in result.accounts.values():
        if len(result.accounts) > 1:
            yield "account", account.account
        yield from _account_lines(account)
    yield from (("note", note) for note in result.notes)
    yield from (("plain Python", f"{instance}: {why}") for instance, why in result.plain.items())
    hashes = result.provenance
    yield "made of", f"data {hashes.data[:12]}, desk {hashes.desk[:12]}, fanfold {hashes.version}"


def _account_lines(account: AccountResult) -> Iterator[tuple[str, str]]:
    metrics, currency = account.metrics, account.currency
    places = places_of(metrics.start)
    yield "", sparkline(_points(account), SPARK_WIDTH)
    yield "equity", f"{money(metrics.equity, places)} {currency}, from {money(metrics.start, places)}"
    earned = profit(metrics.equity - metrics.start, places)
    yield "return", f"{share(metrics.total_return, sign=True)}, profit {earned} {currency} after fees"
    held = metrics.buy_and_hold
    yield "buy and hold", share(held, sign=True) if held is not None else f"{NONE} (no price)"
    yield "drawdown", drawdown_line(metrics.drawdown)
    if metrics.drawdown is not None:
        yield "", f"the longest lasted {duration(metrics.drawdown_longest_s)}"
    yield from trip_lines(metrics.trips, metrics.fills, currency, places)
    yield from _ratio_lines(metrics)
    yield "exposure", f"{metrics.invested:.0%} of the time, {metrics.gross_exposure:.0%} of equity on average"
    yield "turnover", f"{metrics.turnover:,.1f} x equity, {metrics.fills:,} fills"
    costs = f"fees {money(metrics.fees, places)}, slippage {money(metrics.slippage, places)} {currency}"
    yield "costs", costs
    if account.orders is not None:
        yield "orders", f"{account.orders.num_rows:,} approved, with their ids in --json"
    codes = Counter({each["values"]: each["counts"] for each in account.refusals["code"].value_counts().to_pylist()})
    yield "refused", f"{codes.total():,}" + counts(codes)
    yield from short_lines(_short_on_spot(account))
    yield from (("stopped", line) for line in drawdown_notes(account))


def _short_on_spot(account: AccountResult) -> Counter[str]:
    """Count the orders of each strategy instance that would have been short on a spot account."""
    refusals = account.refusals
    short = refusals.filter(pc.equal(refusals["code"].cast(pa.string()), str(Code.SPOT_SHORT)))
    return Counter(short["instance"].cast(pa.string()).to_pylist())


def _ratio_lines(metrics: AccountMetrics) -> Iterator[tuple[str, str]]:
    days = f"annualised from {metrics.days:,} daily returns"
    for label, value in (("Sharpe", metrics.sharpe), ("Sortino", metrics.sortino)):
        yield label, f"{NONE} (of {metrics.days:,} daily returns)" if value is None else f"{value:.2f}, {days}"
    if metrics.volatility is not None:
        yield "volatility", f"{metrics.volatility:.1%} a year"
    if metrics.cagr is not None:
        calmar = NONE if metrics.calmar is None else f"{metrics.calmar:.2f}"
        yield "CAGR", f"{metrics.cagr:+.2%} a year, Calmar {calmar}"


def _points(account: AccountResult) -> list[EquityPoint]:
    """Return as many points of equity as a line shows."""
    count = account.equity.num_rows
    rows = account.equity.take(
        sorted({(number + 1) * count // SPARK_WIDTH - 1 for number in range(SPARK_WIDTH)} - {-1})
    )
    return [EquityPoint(int(row["at"].timestamp()), row["equity"]) for row in rows.to_pylist()]
