"""Hold back a bar whose close is far from the one before, until the next bar confirms or refutes it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from fanfold.market.bars import Bar
from fanfold.market.sequence import near


class Judged(NamedTuple):
    """Usable bars, those of them that jumped, bars dropped as bad prints, and the bar that waits for the next."""

    kept: list[Bar]
    jumps: list[Bar]
    outliers: list[Bar]
    held: Bar | None


def judge(before: Bar | None, bars: Iterable[Bar], jump_max: Decimal) -> Judged:
    """Compare the close of each bar after ``before`` with the last one accepted.

    A bar that moves by more than ``jump_max`` waits for the next. If that one is near it, both are accepted; otherwise
    the first was a bad print.
    """
    kept: list[Bar] = []
    jumps: list[Bar] = []
    outliers: list[Bar] = []
    last, held = before, None
    for bar in bars:
        if held is not None and near(held, bar, jump_max):
            jumps.append(held)
            kept.append(held)
            last = held
        elif held is not None:
            outliers.append(held)
        held = None if last is None or near(last, bar, jump_max) else bar
        if held is None:
            kept.append(bar)
            last = bar
    return Judged(kept, jumps, outliers, held)
