"""The figures of an account as a page shows them, each with its definition."""

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from fanfold.codes import Code
from fanfold.performance.texts import brief, moment
from fanfold.research.result import AccountMetrics, AccountResult
from fanfold.research.tear_sheet import Metric, MetricGroup

NONE = "-"


def metric_groups(metrics: AccountMetrics, currency: str) -> list[MetricGroup]:
    """Return all figures in groups; a dash stands where there is too little to say one."""
    return [_return(metrics, currency), _risk(metrics), _trades(metrics, currency), _costs(metrics, currency)]


def amount(value: Decimal | float | None) -> str:
    """Return an amount of money, rounded for people."""
    return NONE if value is None else f"{value:,.2f}"


def share(value: Decimal | float | None) -> str:
    """Return a share as a percentage."""
    return NONE if value is None else f"{value:.2%}".replace("%", " %")


def drawdown_notes(account: AccountResult) -> list[str]:
    """Return since when its drawdown kept an account from entries, and how to trade on, where it did."""
    of_drawdown = account.refusals.filter(pc.equal(account.refusals["code"].cast(pa.string()), Code.DRAWDOWN))
    if not of_drawdown.num_rows:
        return []
    since = moment(int(pc.min(of_drawdown["at"]).as_py().timestamp()))
    refused = f"drawdown_max of {account.account} refused {of_drawdown.num_rows:,} entries from {since} on"
    return [f"{refused}, as it does live until someone re-arms it; --ignore-loss-limits trades on"]


def _return(metrics: AccountMetrics, currency: str) -> MetricGroup:
    return MetricGroup(
        "Return",
        [
            Metric("Return", share(metrics.total_return), "equity at the end over cash at the start, less 1"),
            Metric(f"Equity, {currency}", amount(metrics.equity), "cash and positions at the last closes"),
            Metric("CAGR", share(metrics.cagr), "compound growth a year of 365 days; from 30 days on"),
            Metric("Buy and hold", share(metrics.buy_and_hold), "equal shares of the instruments, without fees"),
        ],
    )


def _risk(metrics: AccountMetrics) -> MetricGroup:
    fall = metrics.drawdown
    return MetricGroup(
        "Risk",
        [
            Metric(
                "Drawdown", share(-fall.share if fall else Decimal(0)), "deepest fall from a peak, as a share of it"
            ),
            Metric("Longest drawdown", brief(metrics.drawdown_longest_s), "from a peak to the return to it"),
            Metric("Volatility", share(metrics.volatility), "deviation of daily returns, a year"),
            Metric("Sharpe", _ratio(metrics.sharpe), "mean over deviation of daily returns, a year; risk-free rate 0"),
            Metric("Sortino", _ratio(metrics.sortino), "mean over downside deviation of daily returns, a year"),
            Metric("Calmar", _ratio(metrics.calmar), "CAGR over the deepest drawdown"),
            Metric("Time invested", share(metrics.invested), "closes at which a position was open"),
            Metric("Exposure", share(metrics.gross_exposure), "mean of positions over equity"),
        ],
    )


def _trades(metrics: AccountMetrics, currency: str) -> MetricGroup:
    trips = metrics.trips
    held = NONE if trips.average_held_s is None else brief(trips.average_held_s)
    return MetricGroup(
        "Trades",
        [
            Metric("Round trips", f"{trips.round_trips:,}", "quantities that one order closed"),
            Metric("Won", share(trips.win_rate), "round trips with a profit"),
            Metric("Profit factor", _ratio(trips.profit_factor), "profits over losses"),
            Metric(f"Expectancy, {currency}", amount(trips.expectancy), "mean profit of a round trip"),
            Metric(f"Best, {currency}", amount(trips.best)),
            Metric(f"Worst, {currency}", amount(trips.worst)),
            Metric("Held", held, "mean time from the oldest lot's fill to the closing fill"),
        ],
    )


def _costs(metrics: AccountMetrics, currency: str) -> MetricGroup:
    return MetricGroup(
        "Costs",
        [
            Metric("Fills", f"{metrics.fills:,}"),
            Metric(f"Fees, {currency}", amount(metrics.fees)),
            Metric(f"Slippage, {currency}", amount(metrics.slippage), "paid over the opens of the bars of the fills"),
            Metric("Turnover", _ratio(metrics.turnover), "what was traded over mean equity"),
        ],
    )


def _ratio(value: Decimal | float | None) -> str:
    return NONE if value is None else f"{value:,.2f}"
