"""Desks that benches trade: desks with many symbols, desks that order every minute, and the desk of the repository."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fanfold import desk
from fanfold.desk import Desk
from fanfold.local import run_plan
from fanfold.simulation import market

SEED = 7
START = 1_767_225_600  # 2026-01-01, midnight UTC
WARM_UP = 5
ROOT = Path(__file__).resolve().parents[2]
# So small a share of the cash that no venue takes an order of it.
NOTHING = Decimal("1e-9")
LISTED = "BTC/USDT"
WIDE_LIMITS = {
    "order_notional_max": "1000000",
    "position_notional_max": "1000000",
    "orders_per_minute_max": 1_000,
    "daily_loss_max": "1",
    "drawdown_max": "1",
}


class Situation(NamedTuple):
    """A desk, its recordings, and the closes to trade."""

    name: str
    desk: Desk
    recordings: Sequence[Any]
    closes: range


def repository_desk(minutes: int) -> Situation:
    """desk.toml on the seeded market, after its warm-up."""
    plan = run_plan.plan(ROOT / "desk.toml", [], None, {}, None, None, minutes)
    return Situation("desk.toml, 4 symbols", plan.desk, plan.recordings, range(plan.start, plan.until + 60, 60))


def every_minute(minutes: int) -> Situation:
    """desk.toml's four symbols under a strategy that is long or flat minute by minute, without a band."""
    plan = run_plan.plan(ROOT / "desk.toml", [], "sma_cross", {"fast": "1", "slow": "2"}, None, None, minutes)
    traded = _with_band(plan.desk, Decimal(0), {"orders_per_minute_max": 1_000})
    return Situation("an order every minute", traded, plan.recordings, range(plan.start, plan.until + 60, 60))


def made_up(symbols: int) -> list[str]:
    """The names of instruments that no venue has."""
    return [f"S{number:04d}/USDT" for number in range(symbols)]


def wide_desk(names: list[str], strategies: dict[str, Any]) -> Desk:
    """A desk of one account, whose limits refuse nothing."""
    raw: dict[str, Any] = {
        "venues": {"market": {"kind": "replay", "symbols": names, "timeframe": "1m"}},
        "accounts": {"main": {"venue": "market", "kind": "margin", "currency": "USDT", "cash": "100000"}},
        "strategies": strategies,
        "limits": {"main": WIDE_LIMITS},
        "instruments": dict.fromkeys(names, msgspec.to_builtins(market.catalogue()[LISTED])),
    }
    return desk.build(raw, "bench")


def many(symbols: int, minutes: int, *, ordering: bool) -> Situation:
    """A desk of many symbols with the same bars; with ``ordering`` one of them orders every minute."""
    (listed,) = market.market(SEED, [LISTED], minutes + WARM_UP, START)
    names = made_up(symbols)
    quiet = _crossing(names[1:] if ordering else names, str(NOTHING))
    strategies = {"quiet": quiet} if quiet["instruments"] else {}
    if ordering:
        strategies["busy"] = _crossing(names[:1], "0.5")
    series = [msgspec.structs.replace(listed, instrument=name) for name in names]
    first = START + WARM_UP * 60
    return Situation(f"{symbols} symbols", wide_desk(names, strategies), series, range(first, first + minutes * 60, 60))


def _crossing(names: list[str], allocation: str) -> dict[str, Any]:
    return {
        "strategy": "sma_cross",
        "params": {"fast": 1, "slow": 2},
        "instruments": names,
        "timeframe": "1m",
        "allocation": allocation,
        "account": "main",
        "band": 0,
    }


def _with_band(traded: Desk, band: Decimal, limits: dict[str, Any]) -> Desk:
    instances = {name: msgspec.structs.replace(strategy, band=band) for name, strategy in traded.strategies.items()}
    wide = {
        "order_notional_max": Decimal(10**6),
        "position_notional_max": Decimal(10**6),
        "daily_loss_max": Decimal(1),
        "drawdown_max": Decimal(1),
        **limits,
    }
    limited = {name: msgspec.structs.replace(limit, **wide) for name, limit in traded.limits.items()}
    return msgspec.structs.replace(traded, strategies=instances, limits=limited)
