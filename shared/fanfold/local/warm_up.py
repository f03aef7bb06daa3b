"""Compare the bars that there are with those that strategies need to warm up."""

from collections.abc import Mapping, Sequence
from typing import Any

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.importers.spans import Need
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


def need(since: int, instances: Mapping[str, Mapping[str, Any]], instruments: int) -> Need:
    """Return the bars that a run from the close ``since`` on (epoch seconds) needs of as many instruments.

    ``instances`` are a desk file's strategies, of which some may trade other instruments in the run.
    """
    seconds = bars = 0
    for name, instance in instances.items():
        strategy = instance.get("strategy", name)
        try:
            count = contract.instruments_of(strategy) or max(len(instance.get("instruments", ())), instruments)
            length = timeframes.seconds(instance.get("timeframe", "1m"))
            lookback = contract.bind(strategy, dict(instance.get("params", {})), count).lookback
        except BadInput:
            continue  # The desk names it, with its line.
        # The bar before the lookback tells that none is missing, and the first one may lie in part before it.
        bars = max(bars, lookback + 3)
        seconds = max(seconds, (lookback + 3) * length)
    return Need(since, seconds, bars)
