"""Learns: back-tests, sweeps and reports; numba and DuckDB live here."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanfold.research.backtesting import backtest
    from fanfold.research.bias_lab.judging import verdict
    from fanfold.research.sweeping.sweeps import sweep

__all__ = ["backtest", "sweep", "verdict"]


def __getattr__(name: str) -> Any:
    # numba takes a quarter of a second, and not all that is here needs it.
    if name == "backtest":
        from fanfold.research import backtesting  # noqa: PLC0415

        return backtesting.backtest
    if name == "verdict":
        from fanfold.research.bias_lab import judging  # noqa: PLC0415

        return judging.verdict
    if name == "sweep":
        from fanfold.research.sweeping import sweeps  # noqa: PLC0415

        return sweeps.sweep
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
