"""The path of a target through risk, from the verb that hears of it to the ledger that approves its order.

It is counted as a reader follows it: through functions of more than SHORT lines that are called with the target, with
the order that it becomes, or with something that holds either. Stores behind a port, in ``aws`` and ``simulation``, are
not followed. A *stay* is an unbroken stretch in a file; a *climb* is a stay in a file whose own call is still open, to
which the reader goes back. Trips from a file to the same other file in a row count as a single one.
"""

import ast
import sys
from collections.abc import ValuesView
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from source_tree import ROOT
from test_words import SHORT

PRODUCT = (str(ROOT / "shared" / "fanfold"), str(ROOT / "services"))
PORTS = ("/aws/", "/simulation/")
END = ("ledger/approvals.py", "approve")
# What holds a target lies at most so deep in an argument.
DEPTH = 6


class Stay(NamedTuple):
    """A stretch in a file; ``climbs`` if the file's own call is still open."""

    file: str
    climbs: bool


class Tracer:
    """A profile function that notes the stays of a target with this signal id."""

    def __init__(self, signal_id: str) -> None:
        self.signal_id = signal_id
        self.visits: list[Stay] = []
        # The open calls, each with its file where it is a part of the path.
        self._open: list[tuple[FrameType, str]] = []
        self._ended = False

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Note a call or a return."""
        file = frame.f_code.co_filename
        if not file.startswith(PRODUCT) or any(port in file for port in PORTS):
            return
        if event == "call":
            self._open.append((frame, self._entered(frame, file)))
        elif event == "return":
            while self._open and self._open.pop()[0] is not frame:
                pass

    def _entered(self, frame: FrameType, file: str) -> str:
        code = frame.f_code
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        arguments = [frame.f_locals.get(name) for name in names if name != "self"]
        if self._ended or _length(file, code.co_firstlineno) <= SHORT or not any(map(self._holds, arguments)):
            return ""
        callers = [caller for _, caller in self._open if caller]
        if callers and self.visits[-1].file != callers[-1]:
            self.visits.append(Stay(callers[-1], climbs=True))
        self.visits.append(Stay(file, climbs=False))
        self._ended = file.endswith(END[0]) and code.co_name == END[1]
        return file

    def _holds(self, value: Any, depth: int = DEPTH) -> bool:
        if getattr(value, "signal_id", None) == self.signal_id:
            return True
        if not depth:
            return False
        if isinstance(value, dict):
            value = value.values()
        elif hasattr(value, "__struct_fields__"):
            value = [getattr(value, name) for name in value.__struct_fields__]
        elif not isinstance(value, list | tuple | set | frozenset | ValuesView):
            return False
        return any(self._holds(item, depth - 1) for item in list(value))


@cache
def _lengths(file: str) -> dict[int, int]:
    functions = [node for node in ast.walk(ast.parse(Path(file).read_text())) if isinstance(node, ast.FunctionDef)]
    first = {node: min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) for node in functions}
    return {first[node]: (node.body[-1].end_lineno or 0) - node.body[0].lineno + 1 for node in functions}


def _length(file: str, line: int) -> int:
    return _lengths(file).get(line, 0)


def folded(visits: list[Stay]) -> list[Stay]:
    """The stays, in which visits of a file in a row, and repeated trips to the same other file, are a single one."""
    stays: list[Stay] = []
    for visit in visits:
        if stays and stays[-1].file == visit.file:
            continue
        stays.append(visit)
        files = [stay.file for stay in stays[-4:]]
        if len(files) == 4 and files[:2] == files[2:] and stays[-2].climbs:
            del stays[-2:]
    assert all(before.file != after.file for before, after in pairwise(stays))
    return stays


def stays_of_a_target() -> list[Stay]:
    """Trace the target of a new position, which a poll of bars, a report and targets bring."""
    sys.path[:0] = [str(ROOT / "tests"), *map(str, (ROOT / "services").iterdir())]
    from fanfold.market.bars import Bar
    from fanfold.messages import ExecutionReport
    from support.core_desk import START, bars_message, series
    from support.risk_world import A, B, World, at, built, targets_message

    world, minute = World(built()), 1
    world.now, closes = at(minute), START + 60 * minute
    rows = [series(name, [Bar(*[closes, *[10_000] * 4, 10**9])], closes - 60) for name in (A, B)]
    bars = bars_message(rows, "p")
    world.assessor.on_bars(bars)
    matched = ExecutionReport(
        id="e", cause=bars.id, at=at(minute), account="main", venue="v", matched=True, poll_id=bars.cause
    )
    world.assessor.on_matched(matched)
    targets = targets_message(minute, {("slow", A): 0.5}, "main", bars.cause)
    tracer = Tracer(targets.targets[0].signal_id)
    sys.setprofile(tracer)
    try:
        world.assessor.on_targets(targets)
    finally:
        sys.setprofile(None)
    assert len(world.approved()) == 1, "the target became no order"
    return folded(tracer.visits)
