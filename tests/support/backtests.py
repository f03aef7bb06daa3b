"""Desks for back-tests on the seeded market, and what came of them fast and through the production verbs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from fanfold import desk
from fanfold.desk import Desk
from fanfold.market.recording import Recording
from fanfold.research.account_market import History
from fanfold.research.account_result import run_account
from fanfold.research.result import AccountResult
from fanfold.risk.policy import prepare
from fanfold.simulation import market
from fanfold.simulation.full_run import FullRun, full_run

START = 1_767_225_600  # 2026-01-01, midnight UTC
ALL = ["BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT"]
ACCOUNT = "main"


class Outcome(NamedTuple):
    """Fills and refusals, each in order of time, and the equity at each close with bars."""

    fills: list[tuple[Any, ...]]
    refusals: list[tuple[Any, ...]]
    equity: dict[int, Any]


def instance(strategy: str, instruments: Sequence[str] = ALL, timeframe: str = "1m", **changes: Any) -> dict[str, Any]:
    fixed = {"strategy": strategy, "instruments": list(instruments), "timeframe": timeframe, "account": ACCOUNT}
    return {**fixed, "allocation": "0.5", **changes}


def desk_of(strategies: dict[str, Any], limits: dict[str, Any] | None = None, **account: Any) -> Desk:
    """A desk of one account with 100,000 at the seeded market."""
    terms = {"venue": "market", "kind": "margin", "currency": "USDT", "cash": "100000", "maker_bps": "8"}
    bounds = {"order_notional_max": "90000", "position_notional_max": "90000"}
    tables = {
        "venues": {"market": {"kind": "replay", "symbols": ALL}},
        "accounts": {ACCOUNT: {**terms, **account}},
        "strategies": strategies,
        "limits": {ACCOUNT: {**bounds, **(limits or {})}},
        "instruments": {name: msgspec.to_builtins(rules) for name, rules in market.catalogue().items()},
    }
    return desk.build(tables, "test")


def bars(seed: int, minutes: int) -> list[Recording]:
    return [Recording.of(series) for series in market.market(seed, ALL, minutes, START)]


def fast_result(
    traded: Desk, recordings: Sequence[Recording], start: int, until: int, *, plain: bool = False
) -> AccountResult:
    """The result of the compiled scan; of a ``plain`` one some steps run as plain Python."""
    history = History({recording.instrument: recording for recording in recordings}, start, until)
    run = run_account(traded, ACCOUNT, prepare(traded), history, 0)
    assert bool(run.plain) == plain
    return run.result()


def fast(traded: Desk, recordings: Sequence[Recording], start: int, until: int, *, plain: bool = False) -> Outcome:
    """The outcome of the compiled scan."""
    result = fast_result(traded, recordings, start, until, plain=plain)
    fills = [
        (_s(row["at"]), row["instance"], row["instrument"], row["quantity"], row["price"], row["fee"])
        for row in result.fills.to_pylist()
    ]
    refusals = [(_s(row["at"]), row["instance"], row["instrument"], row["code"]) for row in result.refusals.to_pylist()]
    return Outcome(fills, refusals, {_s(row["at"]): row["equity"] for row in result.equity.to_pylist()})


def full(traded: Desk, recordings: Sequence[Recording], start: int, until: int) -> Outcome:
    """The outcome of the production verbs."""
    return outcome_of(full_run(traded, recordings, start, until))


def outcome_of(run: FullRun) -> Outcome:
    fills = [
        (_s(fill.at), fill.instance, fill.instrument, fill.quantity * (1 if fill.side == "buy" else -1), fill.price,
         fill.fee)
        for fill in run.fills
    ]  # fmt: skip
    refusals = [
        (_s(each.order.decided_at), each.order.instance, each.order.instrument, str(each.code)) for each in run.refusals
    ]
    return Outcome(fills, refusals, {point.closes_at_s: point.equity for point in run.equity[ACCOUNT]})


def _s(moment: datetime) -> int:
    return int(moment.timestamp())
