"""Decide which accounts get targets after a message of bars. Signal and risk must agree on it."""

from fanfold.desk import Desk
from fanfold.messages import BarsClosed
from fanfold.strategy.contract import EXTERNAL


def due(desk: Desk, account: str, message: BarsClosed) -> bool:
    """Return whether signal publishes targets of an account for these bars, even an empty list.

    It does if a strategy of the account steps on one of these series, and always for a message in several parts.
    """
    if message.parts > 1:
        return True
    series = {(instrument, frame.timeframe) for frame in message.frames for instrument in frame.instruments}
    return any(
        (instrument, instance.timeframe) in series
        for instance in desk.strategies.values()
        if instance.account == account and instance.strategy != EXTERNAL
        for instrument in instance.instruments
    )
