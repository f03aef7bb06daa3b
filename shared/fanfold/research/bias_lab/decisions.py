"""The decisions of a strategy at each bar of a market, for each of its instruments."""

from typing import NamedTuple

import numpy as np

from fanfold.research.bias_lab.market_columns import MarketColumns, columns_of
from fanfold.research.columns import Floats
from fanfold.research.folding import fold_columns
from fanfold.strategy.contract import Strategy


class Decisions(NamedTuple):
    """Decisions by instrument, four rows (weight, stop, take-profit, trail), and bar; NaN where it is silent.

    ``why_plain`` says why the step did not run compiled.
    """

    wanted: Floats
    why_plain: str

    @property
    def compiled(self) -> bool:
        return not self.why_plain


def decide(strategy: Strategy, bars: MarketColumns, beyond: float = 1.0) -> Decisions:
    """Fold the strategy as each instrument's leg does.

    What a step sees past the last bar is that one times ``beyond``.
    """
    count = len(bars.instruments)
    legs = [
        fold_columns(strategy, columns_of(strategy, bars, me, beyond), me, count, bars.length) for me in range(count)
    ]
    wanted = legs[0].wanted[np.newaxis] if count == 1 else np.stack([leg.wanted for leg in legs])
    return Decisions(wanted, next((leg.why_plain for leg in legs if leg.why_plain), ""))
