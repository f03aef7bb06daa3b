"""Trace how far back a step reaches over made-up bars, for strategies that do not state their lookback."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import FunctionType
from typing import Any

from fanfold.strategy.bars import Bars, Universe

BARS = 120
# Long windows are traced over fewer bars.
READS_MAX = 200_000
READS_OF_A_LEG = 8
COLUMNS = 5
PARTS = 2


def made_up(bars: int, lookback: int, members: int | None) -> list[list[Any]]:
    """Return the columns of made-up bars of each instrument, padded in front with the first."""
    return [[[column[0]] * lookback + column for column in _columns(member, bars)] for member in range(members or 1)]


class TracedReads:
    """The furthest bar that was read, or that a recursive indicator needs to forget its start."""

    def __init__(self) -> None:
        self.now = 0
        self.furthest = 1
        self.reads = 0

    def read(self, at: int) -> None:
        self.reads += 1
        self.furthest = max(self.furthest, self.now - at)

    def need(self, bars: int) -> None:
        self.furthest = max(self.furthest, bars)


class TracedColumn(Sequence[float]):
    """A column that notes what is read of it; in front of its first value it is padded."""

    def __init__(self, trace: TracedReads, values: list[float]) -> None:
        self._trace, self._values = trace, values

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[float]:
        raise TypeError("it reads a whole column; read single bars, such as bars.close[bars.now - 1]")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise TypeError(f"it asks a column for {name}; read single bars, such as bars.close[bars.now - 1]")

    def __getitem__(self, at: Any) -> Any:
        if not isinstance(at, int):
            raise TypeError("it takes a slice of a column; read single bars, such as bars.close[bars.now - 1]")
        self._trace.read(at)
        return self._values[max(0, min(at, len(self._values) - 1))]


def lookback(step: FunctionType, params: Any, start: Any, count: int | None) -> int:
    """Return the bars before now that a step needs, for a universe of ``count`` instruments; None for one alone.

    The indicators in ``fanfold.indicators`` say how many bars they need to settle. A read that none of the bars leads
    to is not seen, and an average of an average needs more than either: such a strategy has to say its lookback.
    """
    trace = TracedReads()
    traced = _traced(step, trace)
    members = [[TracedColumn(trace, column) for column in _columns(member, BARS)] for member in range(count or 1)]
    columns: Any = members[0] if count is None else [list(column) for column in zip(*members, strict=True)]
    times: Any = [60 * (at + 1) for at in range(BARS)]
    state = start
    for now in range(BARS):
        trace.now = now
        view: Bars | Universe = (
            Bars(now, times, *columns) if count is None else Universe(now, 0, count, times, *columns)
        )
        state, _ = pair(traced(params, state, view))
        if now >= READS_OF_A_LEG and trace.reads > READS_MAX:
            break
    return trace.furthest


def pair(returned: Any) -> tuple[Any, Any]:
    """Return what a step returned, if it is a state and what it wants. Raises TypeError for anything else."""
    if isinstance(returned, tuple) and len(returned) == PARTS:
        return returned[0], returned[1]
    raise TypeError(f"`step` returned {returned!r:.60}; it must return the next state and a weight")


@cache
def _columns(member: int, bars: int) -> list[list[float]]:
    """Return open, high, low, close and volume of a walk with jumps, which is the same each time."""
    rows, price, dice = [], 100.0 + member, 12_345 + member
    for _ in range(bars):
        dice = (dice * 1_103_515_245 + 12_345) % 2**31
        opened, price = price, price * (1 + (dice / 2**31 - 0.5) / (4 if dice % 11 == 0 else 40))
        high, low = max(opened, price) * 1.001, min(opened, price) * 0.999
        rows.append((opened, high, low, price, 1.0 + dice % 9))
    return [[row[column] for row in rows] for column in range(COLUMNS)]


def _traced(function: FunctionType, trace: TracedReads) -> Callable[..., Any]:
    """Return a twin of a function that calls twins, of which those of recursive indicators note what they need."""
    settles = function.__globals__.get("LOOKBACKS", {}).get(function.__name__)
    if settles is not None:
        return _settling(function, settles, trace)
    known = function.__globals__
    called = {name: known[name] for name in _names(function) if isinstance(known.get(name), FunctionType)}
    twins = {name: _traced(callee, trace) for name, callee in called.items() if callee is not function}
    return FunctionType(
        function.__code__, known | twins, function.__name__, function.__defaults__, function.__closure__
    )


def _settling(function: FunctionType, settles: Callable[..., int], trace: TracedReads) -> Callable[..., Any]:
    signature = inspect.signature(function)
    wanted = inspect.signature(settles).parameters

    def call(*values: Any, **named: Any) -> Any:
        try:
            bound = signature.bind(*values, **named).arguments
        except TypeError as wrong:
            raise TypeError(f"{function.__name__}({', '.join(signature.parameters)}): {wrong}") from None
        trace.need(settles(**{name: bound[name] for name in wanted}))
        return function(*values, **named)

    return call


def _names(function: FunctionType) -> tuple[str, ...]:
    return function.__code__.co_names
