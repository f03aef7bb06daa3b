"""Windows of the span that data has."""

from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.performance.texts import length, moment
from fanfold.research.sweeping.sweep_job import TradedWindow


def length_s(text: str) -> int:
    """Return the seconds of a length such as 180d, 36h or 2w.

    >>> length_s("2w") == length_s("14d") == 14 * 86_400
    True
    """
    if not isinstance(text, str):
        raise BadInput(f"{text!r} is no length; write one as a text, such as '36h', '180d' or '4w'")
    if text[-1:] == "w" and text[:-1].isdecimal() and int(text[:-1]):
        return 7 * timeframes.DAY_S * int(text[:-1])
    units = {"d": timeframes.DAY_S, "h": 3_600, "m": 60}
    if text[-1:] not in units or not text[:-1].isdecimal() or not int(text[:-1]):
        raise BadInput(f"{text!r} is not a number of minutes, hours, days or weeks, such as 36h, 180d or 4w")
    return units[text[-1]] * int(text[:-1])


def check_length(window_s: int, bar_s: int) -> None:
    """Raise BadInput for a window of one bar: what its close decides fills at the next open, which is not in it."""
    if window_s < 2 * bar_s:
        raise BadInput(
            f"a window of one bar of {length(bar_s // 60)} trades nothing, as what a close decides fills at the next "
            "open: take two bars or more"
        )


def windows_of(text: str, span: TradedWindow, bar_s: int) -> tuple[TradedWindow, ...]:
    """Return windows of a span, one after the other: so many equal ones, or of a length such as 30d.

    Of a length, what is left at the end and is shorter is no window; of a number, the last takes the rest. Raises
    BadInput for a window that is longer than the span, or shorter than a bar of ``bar_s``.
    """
    whole = span.until - span.since + bar_s
    if text.isdecimal():
        count = int(text)
        each = whole // max(count, 1) // bar_s * bar_s
        if not count or not each:
            raise BadInput(f"{count} windows of {whole // bar_s:,} bars are none; name a number from 1 to that")
    else:
        each = length_s(text)
        count = whole // each
        if each % bar_s or not count:
            raise BadInput(
                f"a window of {text} does not fit: it has to be whole bars of {length(bar_s // 60)}, and no longer "
                f"than the data, which spans {moment(span.since)} to {moment(span.until)}"
            )
    check_length(each, bar_s)
    ends = [span.since + each * place - bar_s for place in range(1, count + 1)]
    if text.isdecimal():
        ends[-1] = span.until
    starts = [span.since + each * place for place in range(count)]
    return tuple(TradedWindow(since, until) for since, until in zip(starts, ends, strict=True))
