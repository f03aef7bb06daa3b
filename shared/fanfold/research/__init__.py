"""Learns: back-tests, sweeps and reports; numba and DuckDB live here."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanfold.research.backtesting import backtest
    from fanfold.research.given_orders import backtest_orders
    from fanfold.research.sweeping.sweeps import sweep
    from fanfold.research.sweeping.walking import walk_forward
    from fanfold.research.verdicts import verdict

__all__ = ["backtest", "backtest_orders", "sweep", "verdict", "walk_forward"]

# numba takes a quarter of a second, and not all that is here needs it.
_MODULES = {
    "backtest": "backtesting",
    "backtest_orders": "given_orders",
    "sweep": "sweeping.sweeps",
    "verdict": "verdicts",
    "walk_forward": "sweeping.walking",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
