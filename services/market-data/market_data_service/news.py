"""Compare a venue's response with the published bars: what is new, its defects, what the next is compared with."""

from bisect import bisect_right
from collections.abc import Container, Sequence
from decimal import Decimal
from operator import itemgetter

import msgspec

from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.bars import FIGURE_MAX, Bar, Series, fitted
from fanfold.market.quality import Action, Checked, CheckedRow, check
from fanfold.market.quality import DefectKind as Kind
from fanfold.market.resample import merged, resample
from fanfold.market.sequence import consecutive, follows, possible, unbroken
from fanfold.messages import DataDefect
from market_data_service.answers import SeriesNeed, alike, data_defect
from market_data_service.jumps import Judged, judge
from market_data_service.revisions import revised

# The bars of the venue's own timeframe that are kept, which it tells again at each poll; of a longer one the last.
KEPT_BARS = 3


class News(msgspec.Struct, frozen=True):
    """Bars to publish, their defects, and the last bars published of the series after these; None: there are none.

    ``fits`` says that all figures are known to fit into 64 bits.
    """

    series: Series
    defects: list[DataDefect]
    last: Series | None
    fits: bool = False


def own(
    answer: Series, need: SeriesNeed, last: Series | None, jump_max: Decimal, *, known_unbroken: bool = False
) -> News:
    """Return the news in bars of the venue's own timeframe: sound bars after ``since``, jumps only once confirmed.

    The answer may begin with bars that were published; they are held against ``last``, which is what was published.
    """
    if last and (
        is_next(answer, last, jump_max, need.until)
        or _plain(answer, last, jump_max, need.until, known_unbroken=known_unbroken)
    ):
        bar, kept = answer.bars[-1], last.bars
        fresh = msgspec.structs.replace(answer, after=kept[-1].closes_at_s, bars=[bar])
        newest = msgspec.structs.replace(answer, after=0, bars=[*kept[1 - KEPT_BARS :], bar])
        # What was published before was fitted; the bar's other prices lie between 0 and its highest.
        return News(fresh, [], newest, fits=bar.high <= FIGURE_MAX and bar.volume <= FIGURE_MAX)
    if not answer.bars:
        count = (need.until - need.since) // timeframes.seconds(need.timeframe)
        return News(answer, [data_defect(Kind.EMPTY, answer.instrument, answer.timeframe, count, need.until)], last)
    scaled, last = alike(answer, last)
    defects, last = revised(scaled, last, jump_max) if last else ([], None)
    checked = _checked(scaled, need, last, jump_max)
    judged = judge(last.bars[-1] if last else None, checked.bars, jump_max)
    fresh = _part(answer, need.since, {bar.closes_at_s for bar in judged.kept})
    defects += [*_defects(checked, skipped=Kind.JUMP), *_gap(fresh, last), *_jumps(answer, judged)]
    return News(fresh, defects, _last(last, fresh, KEPT_BARS))


def made(
    answer: Series, finer: Sequence[Bar], need: SeriesNeed, last: Series | None, jump_max: Decimal, *, final: bool
) -> News:
    """Return the news in longer bars that are made of a venue's own: of ``finer``, the sound bars of the response.

    A longer bar is whole when its last minute is there or, where the venue left that one out, a later one. ``final``
    says that no later bar comes.
    """
    bar = _due(answer, finer, need, last, jump_max) if last and finer is answer.bars else None
    if bar:
        fresh = msgspec.structs.replace(answer, timeframe=need.timeframe, after=need.since, bars=[bar])
        return News(fresh, [], msgspec.structs.replace(fresh, after=0))
    through = finer[-1].closes_at_s if finer else 0
    longer = resample(_finer(answer, finer, need.since), need.timeframe, need.until)
    whole = [bar for bar in longer.bars if final or bar.closes_at_s <= through]
    return from_venue(msgspec.structs.replace(longer, bars=whole), need, last, jump_max)


def from_venue(answer: Series, need: SeriesNeed, last: Series | None, jump_max: Decimal) -> News:
    """Return the news in longer bars that the venue sent: the sound ones. A jump is reported, and its bar is kept."""
    if last and is_next(answer, last, jump_max, need.until):
        return News(answer, [], _last(last, answer, 1))
    scaled, last = alike(answer, last)
    checked = _checked(scaled, need, last, jump_max)
    fresh = _part(answer, need.since, {bar.closes_at_s for bar in checked.bars})
    return News(fresh, [*_defects(checked), *_gap(fresh, last)], _last(last, fresh, 1))


def fitting(news: News, need: SeriesNeed, last: Series | None) -> News:
    """Scale the news to integers of 64 bits; a series that fits no scale is replaced by a defect with the reason."""
    if news.fits:
        return news
    try:
        kept = fitted(news.last) if news.last else None
        return News(fitted(news.series), news.defects, kept)
    except BadInput as wrong:
        bars, length = news.series.bars, timeframes.seconds(need.timeframe)
        count, first = (len(bars), bars[0].closes_at_s) if bars else (1, need.since + length)
        unfit = data_defect(Kind.UNAVAILABLE, news.series.instrument, need.timeframe, count, first, str(wrong))
        return News(msgspec.structs.replace(news.series, bars=[]), [*news.defects, unfit], last)


def _plain(answer: Series, last: Series, jump_max: Decimal, at: int, *, known_unbroken: bool) -> bool:
    """Return whether the answer repeats the published bars unchanged and adds one sound bar: the usual case."""
    kept, known = last.bars, answer.bars[:-1]
    length = timeframes.seconds(answer.timeframe)
    if len(known) == len(kept):
        again = known == kept
    elif len(known) < len(kept):
        again = bool(known) and answer.after == kept[-len(known) - 1].closes_at_s and known == kept[-len(known) :]
    else:
        # It reaches further back, for the longer bars that it makes; what is not kept is held against nothing.
        again = known[-len(kept) :] == kept and (known_unbroken or consecutive(known, length))
    return again and same_scales(answer, last) and follows(answer.bars[-1], kept[-1], length, jump_max, at)


def is_next(answer: Series, last: Series, jump_max: Decimal, at: int) -> bool:
    """Return whether the answer is exactly the bar after those published."""
    if len(answer.bars) != 1:
        return False
    before, length = last.bars[-1], timeframes.seconds(answer.timeframe)
    return (
        answer.after == before.closes_at_s
        and answer.price_scale == last.price_scale
        and answer.volume_scale == last.volume_scale
        and follows(answer.bars[0], before, length, jump_max, at)
    )


def _due(answer: Series, finer: Sequence[Bar], need: SeriesNeed, last: Series, jump_max: Decimal) -> Bar | None:
    """Return the bar after those published if the response ends with all of its finer bars: the usual case."""
    length = timeframes.seconds(need.timeframe)
    count, rest = divmod(length, timeframes.seconds(answer.timeframe))
    single = last.through == need.since == need.until - length and same_scales(answer, last)
    # All bars of the response are sound, so each follows the one before it.
    if rest or not single or len(finer) <= count or finer[-1].closes_at_s != need.until:
        return None
    bar = merged(need.until, finer[-count:])
    return bar if follows(bar, last.bars[-1], length, jump_max, need.until) else None


def same_scales(answer: Series, last: Series) -> bool:
    return (answer.price_scale, answer.volume_scale) == (last.price_scale, last.volume_scale)


def _finer(answer: Series, finer: Sequence[Bar], since: int) -> Series:
    """Return the bars after ``since`` that a longer bar may be made of."""
    if finer is not answer.bars:
        return _part(answer, since, {bar.closes_at_s for bar in finer})
    # All of them are sound, so they are in order.
    begins = bisect_right(finer, since, key=itemgetter(0))
    after = finer[begins - 1].closes_at_s if begins else answer.after
    return msgspec.structs.replace(answer, after=after, bars=finer[begins:])


def sound(answer: Series, jump_max: Decimal) -> Sequence[Bar]:
    """Return the bars that longer ones may be made of; of nearly every response all, which is quick to check."""
    length = timeframes.seconds(answer.timeframe)
    if unbroken(answer.bars, length, jump_max):
        return answer.bars
    rows = _rows(answer.bars, length)
    return judge(None, check(answer.instrument, answer.timeframe, rows, jump_max).bars, jump_max).kept


def _checked(answer: Series, need: SeriesNeed, last: Series | None, jump_max: Decimal) -> Checked:
    rows = _rows([bar for bar in answer.bars if bar.closes_at_s > need.since], timeframes.seconds(answer.timeframe))
    before = last.bars[-1] if last else None
    return check(answer.instrument, answer.timeframe, rows, jump_max, now=need.until, before=before)


def _rows(bars: Sequence[Bar], length: int) -> list[CheckedRow]:
    return [CheckedRow(bar.closes_at_s - length, *bar[1:]) for bar in bars]


def _part(answer: Series, since: int, closes: Container[int]) -> Series:
    """Return the bars after ``since`` that close at one of the times, linked to the last sound one before them."""
    after = max([answer.after, *(bar.closes_at_s for bar in answer.bars if bar.closes_at_s <= since and possible(bar))])
    # Of two rows of one time the later one counts.
    by_close = {bar.closes_at_s: bar for bar in answer.bars if bar.closes_at_s > since and bar.closes_at_s in closes}
    return msgspec.structs.replace(
        answer, after=after, bars=[by_close[closes_at_s] for closes_at_s in sorted(by_close)]
    )


def _last(last: Series | None, fresh: Series, count: int) -> Series | None:
    """Return the last bars of a series after these; None: it has none."""
    if not fresh.bars:
        return last
    fresh, last = alike(fresh, last)
    return msgspec.structs.replace(fresh, after=0, bars=[*(last.bars if last else []), *fresh.bars][-count:])


def _defects(checked: Checked, skipped: Kind | None = None) -> list[DataDefect]:
    return [
        data_defect(finding.defect, checked.instrument, checked.timeframe, finding.count, finding.at)
        for finding in checked.findings
        if finding.defect is not skipped
    ]


def _gap(fresh: Series, last: Series | None) -> list[DataDefect]:
    """Return a defect for the bars that are missing in front of the first ones of a series."""
    if last or not fresh.bars or not fresh.after:
        return []
    missing = (fresh.bars[0].closes_at_s - fresh.after) // timeframes.seconds(fresh.timeframe) - 1
    return [data_defect(Kind.GAP, fresh.instrument, fresh.timeframe, missing, fresh.after)] if missing > 0 else []


def _jumps(answer: Series, judged: Judged) -> list[DataDefect]:
    """Return a defect for all jumps that were confirmed, one for all that were not, and one for the one that waits."""
    defects = [
        data_defect(kind, answer.instrument, answer.timeframe, len(bars), bars[0].closes_at_s)
        for kind, bars in ((Kind.JUMP, judged.jumps), (Kind.OUTLIER, judged.outliers))
        if bars
    ]
    if judged.held:
        jump = data_defect(Kind.JUMP, answer.instrument, answer.timeframe, 1, judged.held.closes_at_s)
        defects.append(msgspec.structs.replace(jump, action=Action.HELD))
    return defects
