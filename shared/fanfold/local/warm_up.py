"""Compare the bars that there are with those that strategies need to warm up."""

from collections.abc import Sequence

from fanfold.desk import Desk
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.strategy import contract


def short_of_bars(desk: Desk, recordings: Sequence[Recording], until: int) -> list[str]:
    """Name each instance that needs more bars than there are up to the last close to trade."""
    first = {recording.instrument: recording.closes_at_s(0) for recording in recordings}
    lines = []
    for name, instance in desk.strategies.items():
        if instance.strategy == contract.EXTERNAL:
            continue
        needed = contract.bind(instance.strategy, instance.params, len(instance.instruments)).lookback + 1
        begins = [first[symbol] for symbol in instance.instruments if symbol in first]
        length = timeframes.seconds(instance.timeframe)
        there = (until - max(begins, default=until)) // length + 1
        if there < needed:
            lines.append(
                f"{name} will not trade: it needs {needed:,} bars of {instance.timeframe}, and there are {there:,}"
            )
    return lines
