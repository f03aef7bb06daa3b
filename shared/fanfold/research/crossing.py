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
from fanfold.research.flag_words import WIDTH, lowest, word
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


def _crosses(_context: Any, now: Any, fast_ago: Any, slow_ago: Any, _fast: Any, _slow: Any) -> Any:
    """Return whether one average is above another, by sums in as many bits as they have. For compiled code alone."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, (now, fast_ago, slow_ago, fast, slow) = signature.args[0], arguments
        fast, slow = (context.cast(builder, part, types.int64, kind) for part in (fast, slow))
        short, long = (builder.sub(now, ago) for ago in (fast_ago, slow_ago))
        apart = builder.sub(builder.mul(slow, short), builder.mul(fast, long))
        return builder.icmp_signed(">", apart, apart.type(0))

    return types.boolean(now, fast_ago, slow_ago, types.int64, types.int64), generate


crosses: Any = intrinsic(_crosses)


def _sums(_context: Any, closes: Any, place: Any, total: Any, totals: Any) -> Any:
    """Write the sums of several closes from a place on, and ``total`` before them; return the last.

    They have as many bits as ``totals``, and wrap around. For compiled code alone.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole, places = (ir.VectorType(ir.IntType(bits), SUMS) for bits in (64, 32))
        kind = ir.VectorType(context.get_value_type(signature.args[3].dtype), SUMS)

        def pointer(at: int, several: Any) -> Any:
            array = context.make_array(signature.args[at])(context, builder, arguments[at])
            place = _cgutils.get_item_pointer(context, builder, signature.args[at], array, [arguments[1]])
            return builder.bitcast(place, several.as_pointer())

        read = builder.load(pointer(0, whole), align=8)
        sums, zero = builder.trunc(read, kind) if kind.element.width < 64 else read, ir.Constant(kind, None)
        # Each is added to those one, two, four places on, and so forth.
        for step in (1 << power for power in range(SUMS.bit_length() - 1)):
            mask = ir.Constant(places, [SUMS - step + at for at in range(SUMS)])
            sums = builder.add(sums, builder.shuffle_vector(zero, sums, mask))
        last = builder.extract_element(sums, ir.IntType(32)(SUMS - 1))
        before = builder.trunc(arguments[2], kind.element) if kind.element.width < 64 else arguments[2]
        spread = builder.insert_element(ir.Constant(kind, ir.Undefined), before, ir.IntType(32)(0))
        spread = builder.shuffle_vector(spread, zero, ir.Constant(places, [0] * SUMS))
        builder.store(builder.add(sums, spread), pointer(3, kind), align=4)
        return builder.add(arguments[2], builder.sext(last, ir.IntType(64)) if kind.element.width < 64 else last)

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
def compare(totals: Integers | Narrow, count: int, windows: SumWindows, above: Integers) -> None:
    """Write 1 for each bar of a block whose fast average is above its slow one, else 0.

    ``totals`` are the sums of all closes before bars, from the first of the first slow window on. They may wrap around.
    """
    fast, slow = windows.fast, windows.slow
    now, fast_ago, slow_ago = totals[slow:], totals[slow - fast :], totals
    for at in range(np.uint64(count)):
        above[at] = crosses(now[at], fast_ago[at], slow_ago[at], fast, slow)


@piece
def changes(above: Integers, count: int, first: int, was: int, signals: SignalTape, number: int) -> tuple[int, int]:
    """Write the changes of a block as signals from ``number`` on; return what is wanted then, and the next number."""
    whole = count // WIDTH * WIDTH
    for at in range(0, whole, WIDTH):
        bits = word(above, at)
        turned = bits ^ (bits << 1 | was)
        while turned != 0:
            place = lowest(turned)
            signals.at[number], signals.weight[number] = first + at + place, bits >> place & 1
            number += 1
            turned &= turned - 1
        was = bits >> WIDTH - 1 & 1
    return _changes(above, whole, count, first, was, signals, number)


@piece
def _changes(
    above: Integers, at: int, end: int, first: int, was: int, signals: SignalTape, number: int
) -> tuple[int, int]:
    for place in range(at, end):
        if above[place] != was:
            was = above[place]
            signals.at[number], signals.weight[number] = first + place, was
            number += 1
    return was, number


class CrossingSource(NamedTuple):
    """The data of a crossing: closes, and room for a block's sums, in 64 bits or in 32, and comparisons."""

    windows: SumWindows
    closes: Integers
    totals: Integers
    narrow: Narrow
    above: Integers


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
        _compare_block(source, source.narrow, first, end)
    else:
        _compare_block(source, source.totals, first, end)
    was, number = changes(source.above, end - first, first, progress.was, signals, 0)
    return CrossingProgress(was, low, high), number


@piece
def _compare_block(source: CrossingSource, totals: Integers | Narrow, first: int, end: int) -> None:
    """Compare the averages of a block's bars; its sums begin with the first window, so that none is handed on."""
    slow = source.windows.slow
    since = max(first - slow, 0)
    # What is before all bars is in no window that is looked at.
    add_up(source.closes[since:end], totals[since - (first - slow) :])
    compare(totals, end - first, source.windows, source.above)
    # Before a whole window was seen nothing is said.
    for at in range(min(max(slow - 1 - first, 0), end - first)):
        source.above[at] = 0


def windows_of(strategy: Strategy, price_scale: int) -> SumWindows | None:
    """Return the windows of the shipped crossing of averages; None of another strategy, and of windows too long."""
    if strategy.step is not sma_cross.step or strategy.params.slow > BLOCK:
        return None
    return SumWindows(strategy.params.fast, strategy.params.slow, 10.0**price_scale)


def begun(windows: SumWindows, bars: IntegerBars) -> tuple[CrossingSource, CrossingProgress]:
    """Return what a crossing is read from, and the progress before the first bar."""
    first = int(bars.close[0])
    room = windows.slow + BLOCK
    totals, narrow = np.zeros(room, np.int64), np.zeros(room, np.int32)
    source = CrossingSource(windows, bars.close, totals, narrow, np.zeros(BLOCK, np.uint8))
    return source, CrossingProgress(0, first, first)


@cache
def crossing_scan() -> Any:
    """Return the compiled scan of a crossing."""
    return scan_of(inlined(crossed), QUANTITY, digest(sma_cross.step))


class SummedCloses(NamedTuple):
    """The sums of all closes before each bar, one more than there are bars, and the extremes of each block.

    ``narrow`` has the lower 32 bits of each sum.
    """

    total: Integers
    narrow: Narrow
    least: Integers
    most: Integers


def summed(closes: Integers, total: Integers) -> SummedCloses:
    """Return closes and their sums, ready for ``crossings``."""
    starts = np.arange(0, closes.size, BLOCK)
    least, most = (extreme.reduceat(closes, starts) for extreme in (np.minimum, np.maximum))
    return SummedCloses(total, total.astype(np.int32), least, most)


def _crossings(closes: SummedCloses, windows: SumWindows, since: int, above: Integers, signals: SignalTape) -> int:
    """Write the signals from bar ``since`` on, which has a whole window; return their number, or ROUNDED."""
    seen, room, written = borrow(closes), borrow(above), borrow(signals)
    was, number, after = 0, 0, seen.total.size - 1
    for block in range(since // BLOCK, seen.least.size):
        before = max(block - 1, 0)
        low, high = min(seen.least[before], seen.least[block]), max(seen.most[before], seen.most[block])
        if not same(low, high, windows):
            return ROUNDED
        first = max(block * BLOCK, since)
        # There may be fewer bars than a window.
        count = max(min(block * BLOCK + BLOCK, after) - first, 0)
        if narrow_holds(low, high, windows):
            compare(seen.narrow[first + 1 - windows.slow :], count, windows, room)
        else:
            compare(seen.total[first + 1 - windows.slow :], count, windows, room)
        was, number = changes(room, count, first, was, written, number)
    return number


@cache
def crossings() -> Any:
    """Return the compiled search for crossings over bars that are summed; it holds no lock of Python's."""
    return keep(njit(nogil=True)(inlined(_crossings).py_func), QUANTITY, digest(sma_cross.step))
