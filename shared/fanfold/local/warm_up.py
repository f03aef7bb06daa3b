"""Compare the bars that there are with those that strategies need to warm up."""

from collections.abc import Mapping, Sequence
from typing import Any

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.importers.spans import Need
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.strategy import contract


def absent(recordings: Sequence[Recording], start: int, until: int) -> list[str]:
    """Name each instrument that has no bar from the first through the last close to trade."""
    return [
        f"{recording.instrument} has no bar in the time that is traded"
        for recording in recordings
        if not recording.count_between(start - 1, until)
    ]


def short_of_bars(desk: Desk, recordings: Sequence[Recording], until: int) -> list[str]:
    """Name each instance that needs more bars than there are up to the last close to trade."""
    first = {recording.instrument: recording.closes_at_s(0) for recording in recordings}
    lines = []
    for name, instance in desk.strategies.items():
        if instance.strategy == contract.EXTERNAL:
            continue
        strategy = contract.bind(instance.strategy, instance.params, len(instance.instruments))
        needed, length = strategy.lookback + 1, timeframes.seconds(instance.timeframe)
        there = {symbol: max(0, (until - first.get(symbol, until)) // length + 1) for symbol in instance.instruments}
        short = {symbol: bars for symbol, bars in there.items() if bars < needed}
        if not short:
            continue
        # A cross-sectional strategy waits for the last of its instruments, any other trades each by itself.
        whole = strategy.cross_sectional or len(short) == len(there)
        what = "will not trade" if whole else f"will not trade {', '.join(short)}"
        most = min(short.values()) if strategy.cross_sectional else max(short.values())
        lines.append(f"{name} {what}: it needs {needed:,} bars of {instance.timeframe}, and there are {most:,}")
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
