"""A seeded market, for a run without data files: trends, calm and reverting phases, an outage, a silent minute.

Only comparisons and + - * / on floats are used, in a fixed order, so that a seed gives the same bars on every machine.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random
from typing import NamedTuple

from fanfold.desk import Instrument
from fanfold.errors import BadInput
from fanfold.market.bars import Bar, Series

STEPS = 4
# The outage and the silent minute come early, so that short runs meet them too; they are minutes from the start.
OUTAGE = ("SOL/USDT", range(45, 49))
SILENCE = ("XRP/USDT", 30)


class _Listing(NamedTuple):
    """The behaviour of an instrument: ``beta`` is its share in the market's moves, ``pull`` how fast its own revert."""

    price: float
    price_scale: int
    volume_scale: int
    lots_a_minute: float
    beta: float
    noise: float
    pull: float


_LISTINGS = {
    "BTC/USDT": _Listing(64_000.0, 2, 5, 1_200_000.0, 1.0, 0.00008, 0.01),
    "ETH/USDT": _Listing(3_100.0, 2, 4, 1_900_000.0, 1.1, 0.00016, 0.004),
    "SOL/USDT": _Listing(148.0, 2, 3, 4_500_000.0, 1.2, 0.0003, 0.0008),
    "XRP/USDT": _Listing(0.5934, 4, 1, 3_200_000.0, 0.8, 0.0003, 0.0008),
}


class _Phase(NamedTuple):
    """The moves of a level for some steps: by ``drift`` a step, drawn back to ``anchor`` at the rate ``pull``."""

    steps: int
    drift: float
    anchor: float
    pull: float
    noise: float


def catalogue() -> dict[str, Instrument]:
    """Return the rules of the seeded market's instruments."""
    return {name: _instrument(name, listing) for name, listing in _LISTINGS.items()}


def market(seed: int, instruments: Sequence[str], minutes: int, start: int) -> list[Series]:
    """Return minute bars of the instruments; the first closes a minute after ``start`` (epoch seconds, a whole minute).

    An instrument's bars depend on the seed and its name alone, and a longer market begins with the shorter one. Raises
    BadInput for an instrument that the seeded market does not list.
    """
    unknown = [name for name in instruments if name not in _LISTINGS]
    if unknown:
        raise BadInput(f"the seeded market has no {unknown[0]}; it lists {', '.join(_LISTINGS)}")
    if start % 60:
        raise BadInput(f"the seeded market starts on a whole minute, not at {start}")
    common = list(_levels(Random(f"{seed} market"), minutes * STEPS))
    return [_series(name, seed, common, minutes, start) for name in instruments]


def _instrument(name: str, listing: _Listing) -> Instrument:
    base, quote = name.split("/")
    return Instrument(
        base=base,
        quote=quote,
        tick=Decimal(1).scaleb(-listing.price_scale),
        lot=Decimal(1).scaleb(-listing.volume_scale),
        notional_min=Decimal(5),
        as_of="2026-01-01",
        source="the seeded market",
    )


def _series(name: str, seed: int, common: list[float], minutes: int, start: int) -> Series:
    listing = _LISTINGS[name]
    ticks = list(_ticks(listing, Random(f"{seed} {name}"), common))
    rng = Random(f"{seed} {name} volume")
    bars = []
    for minute in range(minutes):
        # Drawn for missing and silent minutes too, or the bars after them would hang on them.
        lots = _lots(listing, rng, ticks[minute * STEPS : (minute + 1) * STEPS + 1])
        if not (name == OUTAGE[0] and minute in OUTAGE[1]):
            bars.append(_bar(start + (minute + 1) * 60, ticks, minute, 0 if (name, minute) == SILENCE else lots))
    return Series(
        instrument=name,
        timeframe="1m",
        price_scale=listing.price_scale,
        volume_scale=listing.volume_scale,
        after=0,
        bars=bars,
    )


def _bar(closes_at_s: int, ticks: list[int], minute: int, lots: int) -> Bar:
    path = ticks[minute * STEPS : (minute + 1) * STEPS + 1]
    if lots == 0:
        # Nothing traded: venues repeat the last price.
        path = path[:1]
    return Bar(closes_at_s, path[0], max(path), min(path), path[-1], lots)


def _lots(listing: _Listing, rng: Random, path: list[int]) -> int:
    """Return a volume that grows with the range of the minute, as at venues."""
    share = (max(path) - min(path)) / path[0]
    return 1 + int(listing.lots_a_minute * (0.4 + rng.random()) * (0.5 + share * 600.0))


def _ticks(listing: _Listing, rng: Random, common: list[float]) -> Iterator[int]:
    """Return the price after each step, the one before the first step in front."""
    own = 0.0
    for level in [1.0, *common]:
        price = listing.price * (1.0 + listing.beta * (level - 1.0)) * (1.0 + own)
        for _ in range(listing.price_scale):
            price = price * 10.0
        yield max(1, int(price + 0.5))
        own = own + listing.noise * _noise(rng) - listing.pull * own


def _levels(rng: Random, steps: int) -> Iterator[float]:
    """Return the market's level after each step, around 1: one phase after another."""
    level = 1.0
    while steps > 0:
        phase = _phase(rng, level)
        for _ in range(min(steps, phase.steps)):
            move = phase.drift + phase.noise * _noise(rng) + phase.pull * (phase.anchor - level)
            # A soft wall on either side keeps prices near their listing for as long as the market runs.
            level = level + level * move - 0.00002 * (level - 1.0)
            yield level
        steps -= phase.steps


def _phase(rng: Random, level: float) -> _Phase:
    """Draw a trend up or down, a phase that reverts to where it began, or a calm one, of one to six hours."""
    kind, steps = rng.random(), STEPS * (60 + int(rng.random() * 300.0))
    if kind < 0.5:
        drift = 0.00002 + 0.00004 * rng.random()
        return _Phase(steps, drift if rng.random() < 0.5 else -drift, level, 0.0, 0.0002)
    if kind < 0.85:
        return _Phase(steps, 0.0, level, 0.01, 0.0005)
    return _Phase(steps, 0.0, level, 0.005, 0.00008)


def _noise(rng: Random) -> float:
    """Draw a roughly normal number, mean 0 and variance 1: twelve uniforms would be closer, three are bounded."""
    return (rng.random() + rng.random() + rng.random() - 1.5) * 2.0
