"""Bars as columns: integers for money, floats for strategies, padded in front as a live window is."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from fanfold.market import timeframes
from fanfold.market.recording import RECORD, Recording
from fanfold.research.sorted_times import rows_of, span_of

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_cgutils: Any = cgutils
FIELDS = RECORD.size // 8
# From here on a float does not hold every whole number.
EXACT_FLOAT = 2**53


class IntegerBars(NamedTuple):
    """Bars of one instrument: closes in epoch seconds, prices in ticks and volumes in lots of their scales."""

    time: Integers
    open: Integers
    high: Integers
    low: Integers
    close: Integers
    volume: Integers
    price_scale: int
    volume_scale: int


class StepColumns(NamedTuple):
    """The columns that a step reads: floats, with ``padding`` copies of the first bar in front.

    Those of a universe are two-dimensional, an instrument a row.
    """

    time: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def integer_bars(recording: Recording, since: int, until: int) -> IntegerBars:
    """Return the bars of a recording that close after ``since`` and no later than ``until``, in epoch seconds."""
    rows = records_between(recording, since, until)
    return bars_of(rows.T, recording.price_scale, recording.volume_scale)


def records_between(recording: Recording, since: int, until: int) -> Integers:
    """Return the records of such bars, a row each."""
    rows = np.frombuffer(recording.records, dtype="<i8").reshape(-1, FIELDS)
    first, last = np.searchsorted(rows[:, 0], (since, until), side="right")
    return rows[first:last]


def bars_of(columns: Iterable[Integers], price_scale: int, volume_scale: int) -> IntegerBars:
    """Return bars of columns in the order of a record."""
    time, first, high, low, close, volume = columns
    return IntegerBars(time, first, high, low, close, volume, price_scale, volume_scale)


def picked(bars: IntegerBars, rows: Integers | slice) -> IntegerBars:
    """Return the bars of some rows."""
    columns = (bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return bars_of((column[rows] for column in columns), bars.price_scale, bars.volume_scale)


def contiguous(bars: IntegerBars) -> IntegerBars:
    """Return bars whose columns lie in one piece, as compiled code that borrows them reads them."""
    columns = (bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return bars_of(map(np.ascontiguousarray, columns), bars.price_scale, bars.volume_scale)


def resampled(bars: IntegerBars, timeframe: str, through: int) -> IntegerBars:
    """Return the longer bars of all spans that ended by ``through``, as ``market.resample`` makes them."""
    length = timeframes.seconds(timeframe)
    ends = -(-bars.time // length) * length
    ends = ends[: int(np.searchsorted(ends, through, side="right"))]
    if not ends.size:
        return picked(bars, np.zeros(0, np.int64))
    first = np.flatnonzero(np.diff(ends, prepend=ends[0] - 1))
    last = np.append(first[1:], ends.size) - 1
    count = ends.size
    return IntegerBars(
        time=ends[first],
        open=bars.open[first],
        high=np.maximum.reduceat(bars.high[:count], first),
        low=np.minimum.reduceat(bars.low[:count], first),
        close=bars.close[last],
        volume=np.add.reduceat(bars.volume[:count], first),
        price_scale=bars.price_scale,
        volume_scale=bars.volume_scale,
    )


PRICES = ("open", "high", "low", "close")
EVERY = frozenset({*PRICES, "volume", "time"})


def step_columns(members: list[IntegerBars], padding: int, names: frozenset[str] = EVERY) -> StepColumns:
    """Return the columns that a step reads: of one instrument, or of a universe on common times, a row each.

    Those that are not among ``names`` are not made: another stands in their place.
    """
    read = [name for name in (*PRICES, "volume") if name in names] or ["close"]
    made = {name: _rows([floats(bars, name, padding) for bars in members]) for name in read}
    columns = {name: made.get(name, made[read[0]]) for name in (*PRICES, "volume")}
    # Zeros that nobody reads take no memory.
    time = np.zeros(padding + members[0].time.size, np.int64)
    if "time" in names:
        time[:padding], time[padding:] = members[0].time[0], members[0].time
    return StepColumns(time, **columns)


def _rows(columns: list[Floats]) -> Floats:
    return columns[0] if len(columns) == 1 else np.stack(columns)


def on_common_times(members: Sequence[IntegerBars]) -> list[IntegerBars]:
    """Return the bars of the times that all members have in common."""
    if len(members) == 1:
        return list(members)
    common = members[0].time
    for bars in members[1:]:
        common = common[rows_of(common, bars.time) >= 0]
    return [picked(bars, span_of(rows_of(common, bars.time))) for bars in members]


def floats(bars: IntegerBars, name: str, padding: int = 0) -> Floats:
    """Return a column as the floats nearest to its decimals, ``padding`` times the first in front.

    Divided, not multiplied by an inverse, as live.
    """
    figures: Integers = np.ascontiguousarray(getattr(bars, name))
    scale = bars.volume_scale if name == "volume" else bars.price_scale
    column = np.empty(padding + figures.size)
    if figures.size and max(int(figures.max()), -int(figures.min())) >= EXACT_FLOAT:
        column[padding:] = [int(figure) / 10**scale for figure in figures]
    else:
        np.divide(figures, 10.0**scale, out=column[padding:])
    column[:padding] = column[padding : padding + 1]
    return column


def _borrowed(_context: Any, column: Any) -> Any:
    """Return an array, or a tuple of them, as compiled code reads it fastest: without counting who refers to it.

    Whoever calls compiled code holds the array as long as that runs. For compiled code alone.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _disowned(context, builder, signature.args[0], arguments[0])

    return column(column), generate


def _disowned(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        for owner in ("meminfo", "parent"):
            setattr(array, owner, getattr(array, owner).type(None))
        return array._getvalue()  # noqa: SLF001 - numba's own name for it
    if isinstance(kind, types.BaseTuple):
        for place, part in enumerate(kind.types):  # type: ignore[attr-defined]
            held = _disowned(context, builder, part, builder.extract_value(value, place))
            value = builder.insert_value(value, held, place)
    return value


def _fetched(_context: Any, row: Any, place: Any) -> Any:
    """Prefetch a figure of a row into the cache, without waiting for it. For compiled code alone."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, (row, place), made = signature.args[0], arguments, _cgutils
        array = context.make_array(kind)(context, builder, row)
        pointer = made.get_item_pointer(context, builder, kind, array, [place])
        text, number = made.voidptr_t, made.int32_t
        takes = made.ir.FunctionType(made.ir.VoidType(), [text, number, number, number])
        prefetch = made.get_or_insert_function(builder.module, takes, "llvm.prefetch.p0i8")
        # For reading, with the highest locality, into the data cache.
        builder.call(prefetch, [builder.bitcast(pointer, text), number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.none(row, place), generate


borrow: Any = intrinsic(_borrowed)
fetch: Any = intrinsic(_fetched)
