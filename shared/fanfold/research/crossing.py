"""The signals of the shipped ``sma_cross``, without a step a bar: sums of windows are differences of running sums.

In integers a crossing is exact. The step counts in floats, which are exact as well as long as they hold every sum, and
``same`` says of a block of bars whether they do; where they may not, the step itself has to say.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from fanfold.indicators import steps
from fanfold.research.columns import IntegerBars, Integers, borrow
from fanfold.research.compile_cache import QUANTITY, keep
from fanfold.research.compiled import inlined
from fanfold.research.equity_line import farthest
from fanfold.research.fixed_size_scan import BLOCK, scan_of
from fanfold.research.flag_words import WIDTH, lowest
from fanfold.research.step_signals import SignalTape
from fanfold.research.tape import piece
from fanfold.strategies import sma_cross
from fanfold.strategy.contract import Strategy
from fanfold.strategy.step_code import digest

# How many signals there are, where floats may not hold the sums.
ROUNDED = -2
# Closes that are summed at once.
SUMS = 32
Narrow = NDArray[np.int32]
_cgutils: Any = cgutils


class SumWindows(NamedTuple):
    """Two averages of closes; ``ten`` is the ticks of a price of 1."""

    fast: int
    slow: int
    ten: float


def same(low: int, high: int, windows: SumWindows) -> bool:
    """Return whether the step's floats are exact, and compare as integers do, for closes from low to high."""
    if low <= 0:
        return False
    # Both are powers of ten: the steps of a tick.
    grain = steps(low / windows.ten) / windows.ten
    apart = float(high - low) * float(windows.slow)
    return (
        steps(high / windows.ten) >= windows.ten
        and float(high) * grain < 2.0**49
        and apart * grain < 2.0**51
        and apart * float(windows.fast) < 2.0**51
    )


def narrow_holds(low: int, high: int, windows: SumWindows) -> bool:
    """Return whether 32 bits hold what is compared, for closes from low to high; they take half as long as 64.

    It is a difference, the same whatever sums wrapped around.
    """
    return float(high - low) * float(windows.slow) * float(windows.fast) < 2.0**31


def _spread(builder: Any, figure: Any, kind: Any) -> Any:
    """Return a vector each of whose figures is one of 64 bits, or its lower bits."""
    places = ir.VectorType(ir.IntType(32), kind.count)
    figure = builder.trunc(figure, kind.element) if kind.element.width < 64 else figure
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), figure, ir.IntType(32)(0))
    return builder.shuffle_vector(first, first, ir.Constant(places, None))


def _pointer(context: Any, builder: Any, column: tuple[Any, Any], place: Any, kind: Any) -> Any:
    """Return the address of a vector in a column, which is its type and its value."""
    array = context.make_array(column[0])(context, builder, column[1])
    item = _cgutils.get_item_pointer(context, builder, column[0], array, [place])
    return builder.bitcast(item, kind.as_pointer())


def _crosses(_context: Any, totals: Any, place: Any, fast: Any, slow: Any) -> Any:
    """Return at which of 64 bars one average is above another, as bits, by sums in as many bits as they have.

    The sums of all closes before bars begin with the first window of the bar at a place. For compiled code alone.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        totals, place, fast, slow = arguments
        kind = ir.VectorType(context.get_value_type(signature.args[0].dtype), WIDTH)

        def read(after: Any) -> Any:
            column = signature.args[0], totals
            return builder.load(_pointer(context, builder, column, builder.add(place, after), kind), align=4)

        now = read(slow)
        short, long = (builder.sub(now, read(ago)) for ago in (builder.sub(slow, fast), ir.Constant(slow.type, 0)))
        fast, slow = (_spread(builder, length, kind) for length in (fast, slow))
        apart = builder.sub(builder.mul(slow, short), builder.mul(fast, long))
        return builder.bitcast(builder.icmp_signed(">", apart, ir.Constant(kind, None)), ir.IntType(WIDTH))

    return types.int64(totals, place, fast, slow), generate


crosses: Any = intrinsic(_crosses)


def _sums(_context: Any, closes: Any, place: Any, total: Any, totals: Any) -> Any:
    """Write the sums of several closes from a place on, and ``total`` before them; return the last.

    They have as many bits as ``totals``, and wrap around. For compiled code alone.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place, total = arguments[1:3]
        whole, places = (ir.VectorType(ir.IntType(bits), SUMS) for bits in (64, 32))
        kind = ir.VectorType(context.get_value_type(signature.args[3].dtype), SUMS)
        read = builder.load(_pointer(context, builder, (signature.args[0], arguments[0]), place, whole), align=8)
        sums, zero = builder.trunc(read, kind) if kind.element.width < 64 else read, ir.Constant(kind, None)
        # Each is added to those one, two, four places on, and so forth.
        for step in (1 << power for power in range(SUMS.bit_length() - 1)):
            mask = ir.Constant(places, [SUMS - step + at for at in range(SUMS)])
            sums = builder.add(sums, builder.shuffle_vector(zero, sums, mask))
        last = builder.extract_element(sums, ir.IntType(32)(SUMS - 1))
        written = _pointer(context, builder, (signature.args[3], arguments[3]), place, kind)
        builder.store(builder.add(sums, _spread(builder, total, kind)), written, align=4)
        return builder.add(total, builder.sext(last, ir.IntType(64)) if kind.element.width < 64 else last)

    return types.int64(closes, place, total, totals), generate


sums: Any = intrinsic(_sums)


@piece
def add_up(closes: Integers, totals: Integers | Narrow) -> None:
    """Write the sums of closes. They may wrap around."""
    total, whole = 0, closes.size // SUMS * SUMS
    for at in range(0, whole, SUMS):
        total = sums(closes, at, total, totals)
    for at in range(whole, closes.size):
        total += closes[at]
        totals[at] = total


@piece
def changes(
    totals: Integers | Narrow, first: int, end: int, windows: SumWindows, was: int, signals: SignalTape, number: int
) -> tuple[int, int]:
    """Write where the fast average of bars begins or ceases to be above the slow one, as signals from ``number`` on.

    ``totals`` are the sums of all closes before bars, from the first of the first slow window on, and some figures
    more. They may wrap around. Return what is wanted then, and the next number.
    """
    for at in range(first, end, WIDTH):
        bits, count = crosses(totals, at - first, windows.fast, windows.slow), end - at
        turned = bits ^ (bits << 1 | was)
        if count < WIDTH:
            turned &= (1 << count) - 1
        while turned != 0:
            place = lowest(turned)
            signals.at[number], signals.weight[number] = at + place, bits >> place & 1
            number += 1
            turned &= turned - 1
        was = bits >> min(count, WIDTH) - 1 & 1
    return was, number


class CrossingSource(NamedTuple):
    """The data of a crossing: closes, and room for a block's sums, in 64 bits or in 32."""

    windows: SumWindows
    closes: Integers
    totals: Integers
    narrow: Narrow


class CrossingProgress(NamedTuple):
    """The state of a crossing: what is wanted, and the extremes of the block before."""

    was: int
    low: int
    high: int


def crossed(
    source: CrossingSource, progress: CrossingProgress, first: int, end: int, signals: SignalTape
) -> tuple[CrossingProgress, int]:
    """Write a block's signals as ``step_signals`` does; their number is ROUNDED where only the step can tell them."""
    low, high = farthest(source.closes, first, end)
    least, most = min(low, progress.low), max(high, progress.high)
    if not same(least, most, source.windows):
        return progress, ROUNDED
    if narrow_holds(least, most, source.windows):
        was, number = _changes(source, source.narrow, progress.was, first, end, signals)
    else:
        was, number = _changes(source, source.totals, progress.was, first, end, signals)
    return CrossingProgress(was, low, high), number


@piece
def _changes(
    source: CrossingSource, totals: Integers | Narrow, was: int, first: int, end: int, signals: SignalTape
) -> tuple[int, int]:
    """Write a block's signals; its sums begin with its first window, so that none is handed on."""
    # Before a whole window was seen nothing is said.
    slow, first = source.windows.slow, max(first, source.windows.slow - 1)
    # No close is before the window of the first bar that is looked at, which begins with a sum of 0.
    since = max(first - slow, 0)
    add_up(source.closes[since:end], totals[since - (first - slow) :])
    return changes(totals, first, end, source.windows, was, signals, 0)


def windows_of(strategy: Strategy, price_scale: int) -> SumWindows | None:
    """Return the windows of the shipped crossing of averages; None of another strategy, and of windows too long."""
    if strategy.step is not sma_cross.step or strategy.params.slow > BLOCK:
        return None
    return SumWindows(strategy.params.fast, strategy.params.slow, 10.0**price_scale)


def begun(windows: SumWindows, bars: IntegerBars) -> tuple[CrossingSource, CrossingProgress]:
    """Return what a crossing is read from, and the progress before the first bar."""
    first = int(bars.close[0])
    room = windows.slow + BLOCK + WIDTH
    source = CrossingSource(windows, bars.close, np.zeros(room, np.int64), np.zeros(room, np.int32))
    return source, CrossingProgress(0, first, first)


@cache
def crossing_scan() -> Any:
    """Return the compiled scan of a crossing."""
    return scan_of(inlined(crossed), QUANTITY, digest(sma_cross.step))


class SummedCloses(NamedTuple):
    """The sums of all closes before each bar, one more than there are bars, and the extremes of each block.

    WIDTH figures more may be read. ``narrow`` has the lower 32 bits of each sum.
    """

    total: Integers
    narrow: Narrow
    least: Integers
    most: Integers


def summed(closes: Integers, total: Integers) -> SummedCloses:
    """Return closes and their sums, ready for ``crossings``."""
    starts = np.arange(0, closes.size, BLOCK)
    least, most = (extreme.reduceat(closes, starts) for extreme in (np.minimum, np.maximum))
    total = np.append(total, np.zeros(WIDTH, np.int64))
    return SummedCloses(total, total.astype(np.int32), least, most)


def _crossings(closes: SummedCloses, windows: SumWindows, since: int, signals: SignalTape) -> int:
    """Write the signals from bar ``since`` on, which has a whole window; return their number, or ROUNDED."""
    seen, written = borrow(closes), borrow(signals)
    was, number, after = 0, 0, seen.total.size - 1 - WIDTH
    for block in range(since // BLOCK, seen.least.size):
        before = max(block - 1, 0)
        low, high = min(seen.least[before], seen.least[block]), max(seen.most[before], seen.most[block])
        if not same(low, high, windows):
            return ROUNDED
        first = max(block * BLOCK, since)
        # There may be fewer bars than a window.
        end = min(block * BLOCK + BLOCK, after)
        if narrow_holds(low, high, windows):
            was, number = changes(seen.narrow[first + 1 - windows.slow :], first, end, windows, was, written, number)
        else:
            was, number = changes(seen.total[first + 1 - windows.slow :], first, end, windows, was, written, number)
    return number


@cache
def crossings() -> Any:
    """Return the compiled search for crossings over bars that are summed; it holds no lock of Python's."""
    return keep(njit(nogil=True)(inlined(_crossings).py_func), QUANTITY, digest(sma_cross.step))
