"""The strategies, one a file; see ``fanfold.strategy.contract`` for what a file must have."""

from fanfold.strategy.bars import Bars, Universe
from fanfold.strategy.contract import Protected
from fanfold.strategy.states import NoState

__all__ = ["Bars", "NoState", "Protected", "Universe"]
