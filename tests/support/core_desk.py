"""A small desk, bars for it, and messages of them, that the tests of the core share."""

from datetime import UTC, datetime
from random import Random
from typing import Any

from fanfold import desk
from fanfold.desk import Desk
from fanfold.market import bars
from fanfold.market.bars import Bar, Series
from fanfold.messages import BarsClosed, Target
from fanfold.signals.fold import Fold

START = 1_772_323_200  # 2026-03-01T00:00Z
A, B = "BTC/USDT", "ETH/USDT"


def raw(**strategies: dict[str, Any]) -> dict[str, Any]:
    rules = {"tick": "0.01", "lot": "0.001", "notional_min": "5", "as_of": "2026-03-01", "source": "test"}
    return {
        "venues": {"v": {"kind": "replay", "symbols": [A, B]}},
        "accounts": {"main": {"venue": "v", "kind": "margin", "currency": "USDT", "cash": "10000"}},
        "strategies": strategies or {"trend": instance()},
        "limits": {"main": {"order_notional_max": "5000", "position_notional_max": "9000"}},
        "instruments": {A: {"base": "BTC", "quote": "USDT", **rules}, B: {"base": "ETH", "quote": "USDT", **rules}},
    }


def instance(strategy: str = "sma_cross", timeframe: str = "1m", **changes: Any) -> dict[str, Any]:
    params = {
        "sma_cross": {"fast": 2, "slow": 5},
        "pairs": {"window": 5, "entry": 0.5, "exit": 0.1},
        "breakout": {"entry": 4, "exit": 2, "atr": 2},
    }[strategy]
    fields = {"strategy": strategy, "params": params, "instruments": [A, B], "timeframe": timeframe}
    return fields | {"allocation": "0.3", "account": "main", "band": "0"} | changes


def small_desk(**strategies: dict[str, Any]) -> Desk:
    return desk.build(raw(**strategies), "test")


def walk(seed: int, instrument: str, count: int, length: int = 60, missing: frozenset[int] = frozenset()) -> list[Bar]:
    """Bars 1 to ``count`` after START, without those of the missing numbers."""
    random, price, walked = Random(f"{seed} {instrument} {length}"), 10_000, []
    for number in range(1, count + 1):
        first = price
        price = max(100, price + random.randint(-300, 300))
        top, low = max(first, price) + random.randint(0, 50), min(first, price) - random.randint(0, 50)
        if number not in missing:
            walked.append(Bar(START + number * length, first, top, low, price, random.randint(1, 10**6)))
    return walked


def series(instrument: str, rows: list[Bar], after: int = 0, timeframe: str = "1m") -> Series:
    return Series(instrument=instrument, timeframe=timeframe, price_scale=2, volume_scale=3, after=after, bars=rows)


def stretch(instrument: str, whole: list[Bar], first: int, last: int, timeframe: str = "1m") -> Series:
    """The bars of a list from index ``first`` up to, not with, ``last``, linked to the one before."""
    return series(instrument, whole[first:last], whole[first - 1].closes_at_s if first else 0, timeframe)


def bars_message(
    several: list[Series], name: str = "", *, part: int = 1, parts: int = 1, requested: bool = False
) -> BarsClosed:
    at = max(entry.through for entry in several)
    name = name or f"bars-{at}"
    return BarsClosed(
        id=f"{name}/{part}",
        cause=f"poll-{name}",
        at=datetime.fromtimestamp(at, UTC),
        venue="v",
        part=part,
        parts=parts,
        frames=bars.pack(several),
        requested=requested,
    )


def plain_fold(tested: Desk, by_series: dict[tuple[str, str], list[Bar]]) -> tuple[Fold, dict[int, list[Target]]]:
    """A fold over all bars, one time after another, and its targets by time: what every delivery must come to."""
    fold, targets = Fold(tested, "v"), {}
    times = sorted({bar.closes_at_s for rows in by_series.values() for bar in rows})
    for at in times:
        now = [
            stretch(instrument, rows, index, index + 1, timeframe)
            for (timeframe, instrument), rows in by_series.items()
            for index, bar in enumerate(rows)
            if bar.closes_at_s == at
        ]
        targets[at] = [target for _, target in fold.accept(now, at)[0]]
    return fold, targets
