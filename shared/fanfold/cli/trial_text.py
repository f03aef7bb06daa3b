"""Figures of trials for people."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fanfold.cli.output import cell, share
from fanfold.research.sweeping.trial_rows import SHARES

COLUMNS = ("total_return", "sharpe", "drawdown", "fills", "round_trips", "fees")


def figure_text(name: str, value: Any) -> str:
    """Return a figure of a trial for people."""
    if value is None or value != value:  # noqa: PLR0124 - a float that is no number
        return ""
    if name in SHARES:
        return share(value, sign=name == "total_return")
    return f"{value:,.2f}" if isinstance(value, float | Decimal) else cell(value)


def trial_cells(row: Mapping[str, Any], names: list[str]) -> tuple[str, ...]:
    """Return the figures of a trial, each for people."""
    return tuple(figure_text(name, row[name]) for name in names)
