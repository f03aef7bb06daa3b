"""The strategies, one a file; see ``fanfold.strategy.contract`` for what a file must have."""

from fanfold.strategy.contract import Bars, Protected, Universe
from fanfold.strategy.states import NoState

__all__ = ["Bars", "NoState", "Protected", "Universe"]
