"""A fold as it is stored: what a cold start needs to go on with it."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from fanfold.market.bars import Series
from fanfold.messages import Message
from fanfold.signals.legs import StoredLeg

# So many bar lengths for each bar that a group looks back on, and so many more, are searched for its bars at most.
SEARCHED, SEARCHED_MORE = 4, 64
# Where the bars found so far promise that it suffices, so many bar lengths more are searched, once.
SEARCHED_AGAIN = 4_096


def searched(lookback: int) -> int:
    """Return how many bar lengths back the bars of a group are searched for: a limit for those that trade seldom."""
    return SEARCHED * (lookback + 1) + SEARCHED_MORE


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a fold besides its windows: small, and packed by the store.

    ``through`` is the close of the newest bar by (timeframe, instrument), ``states`` the state of each leg. ``gaps``
    has the bar before each gap and when it was first reported, ``apart`` the instruments of each group that left (-1),
    or since when they are back. ``began_s`` is the time of the first message, ``newest_s`` the newest time of any.
    ``short`` names the groups that request history, ``aside`` has the legs that wait for it as they were before.
    """

    through: dict[str, int]
    states: dict[str, StoredLeg]
    gaps: dict[str, tuple[int, int]] = {}
    apart: dict[str, dict[str, int]] = {}
    began_s: int = 0
    newest_s: int = 0
    short: list[str] = []
    aside: dict[str, StoredLeg] = {}


class StoredFold(NamedTuple):
    """A fold as a cold start loads it: version, windows, states, and recent outputs by message id."""

    version: int
    windows: list[Series]
    snapshot: Snapshot | None
    outputs: dict[str, Sequence[Message]]
