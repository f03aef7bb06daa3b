"""Rows of trials as Arrow: one schema for every strategy, so that files of many sweeps are one table.

Amounts are exact decimals, shares and ratios floats, times UTC. A trial that could not be traded has an ``error``, and
no figures. ``params`` is a JSON object in the order of the strategy's Params.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from math import isnan
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from fanfold.research.result import AccountMetrics
from fanfold.research.sweeping.sweep_job import Configuration, TrialBatch

AMOUNT = pa.decimal128(38, 18)
TIME = pa.timestamp("s", tz="UTC")
_AMOUNTS = ("start", "equity", "fees", "slippage", "best", "worst")
_RATIOS = ("total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "drawdown", "turnover", "invested",
           "gross_exposure", "buy_and_hold", "win_rate", "profit_factor", "expectancy")  # fmt: skip
_COUNTS = ("fills", "round_trips", "average_held_s", "drawdown_longest_s", "days")
_TIMES = ("drawdown_peak", "drawdown_low", "drawdown_recovered")
# What trials are ranked by.
FIGURES = (*_AMOUNTS, *_RATIOS, *_COUNTS)
# Those that are shown as percentages, and as lengths of time.
SHARES = frozenset(
    {"total_return", "cagr", "volatility", "drawdown", "invested", "gross_exposure", "buy_and_hold", "win_rate"}
)
LENGTHS = frozenset({"average_held_s", "drawdown_longest_s"})


class TrialHashes(NamedTuple):
    """The hashes of the bars, the step and the desk of a trial; see ``research.result.Provenance``."""

    data: str
    code: str
    desk: str
    version: str


@cache
def row_schema() -> pa.Schema:
    """Return the columns of a row; it stands for every strategy."""
    return pa.schema(
        [
            *((name, pa.string()) for name in ("strategy", "params", "instruments", "timeframe", "error")),
            *((name, pa.int64()) for name in ("trial", *_COUNTS)),
            *((name, AMOUNT) for name in ("quantity", *_AMOUNTS)),
            *((name, pa.float64()) for name in _RATIOS),
            *((name, TIME) for name in ("since", "until", *_TIMES)),
            *((name, pa.string()) for name in TrialHashes._fields),
        ]
    )


def row_of(batch: TrialBatch, place: int, outcome: AccountMetrics | str, hashes: TrialHashes) -> dict[str, Any]:
    """Return the row of a batch's trial: its figures, or the reason why there are none."""
    (instance,) = batch.desk.strategies.values()
    return {
        "trial": batch.first + place,
        "strategy": instance.strategy,
        "params": params_text(batch.configurations[place]),
        "instruments": ",".join(batch.market),
        "timeframe": instance.timeframe,
        "since": batch.window.since,
        "until": batch.window.until,
        "quantity": batch.terms.quantity,
        **({"error": outcome} if isinstance(outcome, str) else figures_of(outcome)),
        **hashes._asdict(),
    }


def params_text(configuration: Configuration) -> str:
    return msgspec.json.encode(configuration).decode()


def figures_of(metrics: AccountMetrics) -> dict[str, Any]:
    """Return the figures of a row, ratios as the floats nearest to them."""
    trips, fall = metrics.trips, metrics.drawdown
    return {
        "start": metrics.start,
        "equity": metrics.equity,
        "fees": metrics.fees,
        "slippage": metrics.slippage,
        "best": trips.best,
        "worst": trips.worst,
        "total_return": _float(metrics.total_return),
        "cagr": _float(metrics.cagr),
        "volatility": _float(metrics.volatility),
        "sharpe": _float(metrics.sharpe),
        "sortino": _float(metrics.sortino),
        "calmar": _float(metrics.calmar),
        "drawdown": None if fall is None else _float(fall.share),
        "turnover": _float(metrics.turnover),
        "invested": _float(metrics.invested),
        "gross_exposure": _float(metrics.gross_exposure),
        "buy_and_hold": _float(metrics.buy_and_hold),
        "win_rate": _float(trips.win_rate),
        "profit_factor": _float(trips.profit_factor),
        "expectancy": _float(trips.expectancy),
        "fills": metrics.fills,
        "round_trips": trips.round_trips,
        "average_held_s": trips.average_held_s,
        "drawdown_longest_s": metrics.drawdown_longest_s,
        "days": metrics.days,
        "drawdown_peak": None if fall is None else fall.peak,
        "drawdown_low": None if fall is None else fall.low,
        "drawdown_recovered": None if fall is None else fall.recovered,
    }


def _float(value: Any) -> float | None:
    """Return the float nearest to a ratio; None for one that there is not, or that was not measured."""
    if value is None:
        return None
    number = float(value)
    return None if isnan(number) else number


def table_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows as a table of row_schema."""
    columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in row_schema()]
    return pa.Table.from_arrays(columns, schema=row_schema())
