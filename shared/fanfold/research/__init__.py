"""Learns: back-tests, sweeps and reports; numba and DuckDB live here."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["Costs", "Frictions", "backtest", "backtest_orders", "sweep", "verdict", "walk_forward"]

# numba takes a quarter of a second, and not all that is here needs it.
_MODULES = {
    "Costs": "order_backtest",
    "Frictions": "backtesting",
    "backtest": "backtesting",
    "backtest_orders": "order_backtest",
    "sweep": "sweeping.sweeps",
    "verdict": "verdicts",
    "walk_forward": "sweeping.walking",
}

if TYPE_CHECKING:
    from fanfold.research.backtesting import Frictions, backtest
    from fanfold.research.order_backtest import Costs, backtest_orders
    from fanfold.research.sweeping.sweeps import sweep
    from fanfold.research.sweeping.walking import walk_forward
    from fanfold.research.verdicts import verdict
else:
    # A checker that saw this would take any name for one that is there.
    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
