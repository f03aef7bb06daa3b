"""The weights that legs of an account want at a time, and up to when these stay, found for many times at once.

A run of idle bars asks up to where each leg wants the same. That is looked for in all columns of weights together, a
block of times after the other, without a branch a time.
"""

from math import isnan

import numpy as np

from fanfold.research.account_book import (
    AHEAD,
    FRESH,
    NOTHING,
    AccountField,
    AccountTerm,
    Book,
    LegField,
    LegTerm,
    PollTable,
    Terms,
    Wanted,
)
from fanfold.research.columns import Floats, Integers
from fanfold.research.tape import piece


@piece
def take_targets(at: int, book: Book, market: PollTable, wanted: Wanted, terms: Terms, guarded: bool) -> None:
    """Let new targets stand in the place of older ones, and drop entries that lapsed.

    A leg within the bounds of the idle bars before is on its target, where it wants the same and has no protection.
    """
    now, settled = market.time[at], not guarded and book.sums[AccountField.SETTLED] == at
    for leg in range(len(book.leg)):
        weight = wanted.weight[leg, at]
        if settled and weight == book.bound_weight[leg]:
            continue
        if not isnan(weight):
            book.leg[leg, LegField.STATE], book.weight[leg], book.leg[leg, LegField.AT] = FRESH, weight, at
            book.leg[leg, LegField.CODE], book.leg[leg, LegField.EXIT] = 0, 0
        elif book.leg[leg, LegField.STATE] != NOTHING and book.weight[leg] != 0.0:
            length = terms.leg[leg, LegTerm.LENGTH_S]
            if now > market.time[book.leg[leg, LegField.AT]] + length + terms.account[AccountTerm.SIGNAL_AGE_S]:
                book.leg[leg, LegField.STATE] = NOTHING


@piece
def same_before(at: int, book: Book, wanted: Wanted) -> tuple[int, bool]:
    """Return the time up to which each leg wants the same as at one, or nothing, and whether a leg wants another then.

    No time beyond a block is returned: there it has to be asked for again.
    """
    for leg in range(len(book.bound_weight)):
        book.bound_weight[leg] = wanted.weight[leg, at]
    ends = min((at // AHEAD + 1) * AHEAD, wanted.weight.shape[1])
    there = at
    while True:
        there = _speaks_at(there + 1, ends, book, wanted)
        if there == ends or _is_another(there, book, wanted):
            return there, there != ends


@piece
def _speaks_at(at: int, ends: int, book: Book, wanted: Wanted) -> int:
    """Return the first time from one on, in its block, at which a leg does not say what it said at the time before."""
    if at == ends:
        return ends
    block = at // AHEAD
    if book.sums[AccountField.AHEAD] != block:
        _look_ahead(block * AHEAD, ends, book.ahead, wanted)
        book.sums[AccountField.AHEAD] = block
    return book.ahead[at % AHEAD]  # type: ignore[no-any-return]


@piece
def _is_another(at: int, book: Book, wanted: Wanted) -> bool:
    """Return whether any leg wants another weight than at the begin of a run."""
    for leg in range(len(book.bound_weight)):
        weight = wanted.weight[leg, at]
        if not isnan(weight) and weight != book.bound_weight[leg]:
            return True
    return False


@piece
def _look_ahead(first: int, ends: int, ahead: Integers, wanted: Wanted) -> None:
    """Write for each time of a block the first from it on at which a leg says something else."""
    ahead[:] = 0
    # Nobody asks for the very first time.
    begin = max(first, 1)
    for leg in range(wanted.weight.shape[0]):
        _mark(wanted.weight[leg, begin - 1 : ends - 1], wanted.weight[leg, begin:ends], ahead[begin - first :])
    following = ends
    for place in range(ends - first - 1, -1, -1):
        if ahead[place] != 0:
            following = first + place
        ahead[place] = following


@piece
def _mark(before: Floats, weights: Floats, marks: Integers) -> None:
    """Mark the times at which a leg speaks, and not as at the time before."""
    for place in range(np.uint64(weights.size)):
        marks[place] |= (weights[place] == weights[place]) & (weights[place] != before[place])
