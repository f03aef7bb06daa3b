"""Back-tests and verdicts as rows of the library of runs."""

from collections.abc import Mapping
from hashlib import blake2s
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from fanfold import __version__
from fanfold.desk import Desk, StrategyInstance
from fanfold.research.result import BacktestResult
from fanfold.research.sweeping.trial_rows import figures_of, table_of
from fanfold.strategy import contract

if TYPE_CHECKING:
    from fanfold.research.bias_lab.judging import StrategyVerdict


def backtest_run(result: BacktestResult) -> str:
    """Return the id of a back-test: that of what it was made of."""
    return f"back-test-{_digest([result.provenance, result.start, result.until, result.fidelity])}"


def verdict_run(verdict: "StrategyVerdict") -> str:
    """Return the id of a verdict, that of all that it says."""
    return f"verdict-{_digest(verdict)}"


def _digest(value: Any) -> str:
    return blake2s(msgspec.json.encode(value, order="sorted"), digest_size=8).hexdigest()


def backtest_rows(result: BacktestResult, traded: Desk) -> pa.Table:
    """Return a row an account; of several instances ``params`` is an object of theirs by instance."""
    rows = []
    for number, (name, account) in enumerate(result.accounts.items()):
        own = {key: instance for key, instance in traded.strategies.items() if instance.account == name}
        row = {
            "trial": number,
            **_strategies(own),
            "since": result.start,
            "until": result.until,
            **figures_of(account.metrics),
            "data": result.provenance.data,
            "code": ",".join(result.provenance.code[key] for key in own),
            "desk": result.provenance.desk,
            "version": result.provenance.version,
        }
        rows.append(row)
    return table_of(rows)


def _strategies(instances: Mapping[str, StrategyInstance]) -> dict[str, str]:
    """Return what was traded: strategies, params, instruments and timeframes."""
    params = {
        name: contract.bind(each.strategy, each.params, len(each.instruments)).params._asdict()
        for name, each in instances.items()
    }
    (only, *more) = params.values()
    symbols = dict.fromkeys(symbol for each in instances.values() for symbol in each.instruments)
    return {
        "strategy": ",".join(dict.fromkeys(each.strategy for each in instances.values())),
        "params": msgspec.json.encode(params if more else only).decode(),
        "instruments": ",".join(symbols),
        "timeframe": ",".join(dict.fromkeys(each.timeframe for each in instances.values())),
    }


def verdict_rows(verdict: "StrategyVerdict") -> pa.Table:
    """Return the row of a verdict, which has no figures of an account."""
    row = {
        "trial": 0,
        "strategy": verdict.strategy,
        "params": msgspec.json.encode(verdict.params).decode(),
        "instruments": ",".join(verdict.instruments),
        "since": verdict.since,
        "until": verdict.until,
        "version": __version__,
    }
    return table_of([row])
