"""Jumps: a bar that lies too far from the one before counts only once the next bar confirms it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from fanfold.market.bars import Bar
from fanfold.market.quality import near


class Judged(NamedTuple):
    """Bars that may be used; those of them that jumped; those that were not confirmed; one still to be confirmed."""

    kept: list[Bar]
    jumps: list[Bar]
    outliers: list[Bar]
    held: Bar | None


def judge(before: Bar | None, bars: Iterable[Bar], jump_max: Decimal) -> Judged:
    """The bars after ``before``, each close held against the last one that counts.

    A bar beyond ``jump_max`` waits for the next: if that one stays near it, both count; if not, it was a bad print.
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
