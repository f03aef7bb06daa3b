"""Decide which accounts get targets after a message of bars. Signal and risk must agree on it."""

from collections.abc import Collection

from fanfold.desk import Desk
from fanfold.messages import BarsClosed
from fanfold.strategy.contract import EXTERNAL

# A timeframe and an instrument.
SteppedSeries = tuple[str, str]


def stepped_series(desk: Desk) -> dict[str, frozenset[SteppedSeries]]:
    """Return, by account, the series that some strategy of the account steps on."""
    series: dict[str, set[SteppedSeries]] = {account: set() for account in desk.accounts}
    for instance in desk.strategies.values():
        if instance.strategy != EXTERNAL:
            series[instance.account].update((instance.timeframe, name) for name in instance.instruments)
    return {account: frozenset(own) for account, own in series.items()}


def due(series: Collection[SteppedSeries], message: BarsClosed) -> bool:
    """Return whether signal publishes targets of an account for these bars, even an empty list.

    It does if a strategy of the account steps on one of these ``series``, and always for a message in several parts.
    """
    if message.parts > 1:
        return True
    for frame in message.frames:
        for instrument in frame.instruments:
            if (frame.timeframe, instrument) in series:
                return True
    return False
