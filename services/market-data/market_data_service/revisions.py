"""What a venue says differently of bars that were published."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series
from fanfold.market.quality import DefectKind as Kind
from fanfold.market.quality import possible
from fanfold.market.resample import span_end
from fanfold.messages import DataDefect
from market_data_service.answers import SeriesKey, told
from market_data_service.jumps import judge


def revised(answer: Series, last: Series, jump_max: Decimal) -> tuple[list[DataDefect], Series]:
    """A defect for each bar that is not as it was published, and the last bars as the venue tells them now.

    Both series are in one scale. What was published stays published: readers have acted on it.
    """
    was = {bar.closes_at_s: bar for bar in last.bars}
    sound = [bar for bar in answer.bars if possible(bar)]
    # A bar that was dropped as an outlier is in the answer still.
    kept = {bar.closes_at_s for bar in judge(last.bars[0], sound, jump_max).kept}
    now = {
        bar.closes_at_s: bar
        for bar in sound
        if bar.closes_at_s <= last.through and (bar.closes_at_s in was or bar.closes_at_s in kept)
    }
    # Right after it the answer begins, so what is not there is not there any more.
    begins = max(answer.after, last.bars[0].closes_at_s)
    within = sorted(at for at in now.keys() | was.keys() if begins < at <= last.through)
    different = [at for at in within if now.get(at) != was.get(at)]
    defects = [
        told(Kind.REVISED, last.instrument, last.timeframe, 1, at, _detail(last, was.get(at), now.get(at)))
        for at in different
    ]
    after = [now.get(at) or was[at] for at in sorted({*was, *within})]
    return defects, msgspec.structs.replace(last, bars=after)


def longer(defects: Iterable[DataDefect], noted: Mapping[SeriesKey, Series]) -> list[DataDefect]:
    """The longer bars that were published and that a revised one is part of."""
    found = {}
    for one in defects:
        if one.defect != Kind.REVISED:
            continue
        for (timeframe, instrument), last in noted.items():
            at = span_end(one.closes_at_s, timeframes.seconds(timeframe))
            if instrument == one.instrument and timeframe != one.timeframe and at <= last.through:
                made_of = f"it is made of the {one.timeframe} bar of {one.closes_at_s}"
                found[instrument, timeframe, at] = told(Kind.REVISED, instrument, timeframe, 1, at, made_of)
    return list(found.values())


def _detail(series: Series, was: Bar | None, now: Bar | None) -> str:
    """What changed, such as ``close 101.5, was 101.4``."""
    if was is None or now is None:
        return "it was not there" if was is None else "it is not there any more"
    changes = [
        f"{name} {_text(series, name, new)}, was {_text(series, name, old)}"
        for name, old, new in zip(Bar._fields, was, now, strict=True)
        if new != old
    ]
    return "; ".join(changes)


def _text(series: Series, name: str, number: int) -> str:
    return f"{series.volume(number) if name == 'volume' else series.price(number):f}"
