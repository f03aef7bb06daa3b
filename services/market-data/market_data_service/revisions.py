"""Detect bars that a venue revised after they were published."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series
from fanfold.market.quality import DefectKind as Kind
from fanfold.market.resample import span_end
from fanfold.market.sequence import possible
from fanfold.messages import DataDefect
from market_data_service.answers import SeriesKey, data_defect
from market_data_service.jumps import judge


def revised(answer: Series, last: Series, jump_max: Decimal) -> tuple[list[DataDefect], Series]:
    """Return a defect for each bar that differs from what was published, and the last bars with the venue's revisions.

    Both series must be in one scale. Revised bars are not published again: readers have acted on the first version.
    """
    was = {bar.closes_at_s: bar for bar in last.bars}
    sound = [bar for bar in answer.bars if possible(bar)]
    # Bars that were dropped as outliers are still in the venue's answer.
    kept = {bar.closes_at_s for bar in judge(last.bars[0], sound, jump_max).kept}
    now = {
        bar.closes_at_s: bar
        for bar in sound
        if bar.closes_at_s <= last.through and (bar.closes_at_s in was or bar.closes_at_s in kept)
    }
    # The answer begins right after this close, so a bar that is missing from it was removed by the venue.
    begins = max(answer.after, last.bars[0].closes_at_s)
    within = sorted(at for at in now.keys() | was.keys() if begins < at <= last.through)
    different = [at for at in within if now.get(at) != was.get(at)]
    defects = [
        data_defect(Kind.REVISED, last.instrument, last.timeframe, 1, at, _detail(last, was.get(at), now.get(at)))
        for at in different
    ]
    after = [now.get(at) or was[at] for at in sorted({*was, *within})]
    return defects, msgspec.structs.replace(last, bars=after)


def longer(defects: Iterable[DataDefect], noted: Mapping[SeriesKey, Series]) -> list[DataDefect]:
    """Return a defect for each published longer bar that contains a revised bar."""
    parts = {}
    for defect in defects:
        if defect.defect != Kind.REVISED:
            continue
        for (timeframe, instrument), last in noted.items():
            at = span_end(defect.closes_at_s, timeframes.seconds(timeframe))
            if instrument == defect.instrument and timeframe != defect.timeframe and at <= last.through:
                made_of = f"it is made of the {defect.timeframe} bar of {defect.closes_at_s}"
                parts[instrument, timeframe, at] = data_defect(Kind.REVISED, instrument, timeframe, 1, at, made_of)
    return list(parts.values())


def _detail(series: Series, was: Bar | None, now: Bar | None) -> str:
    """Describe the change, such as ``close 101.5, was 101.4``."""
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
