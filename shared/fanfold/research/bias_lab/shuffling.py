"""Random permutations that are cheap to draw: columns that were shuffled once are shuffled again, tile by tile.

A uniformly random permutation followed by any other that does not depend on it is uniformly random too, so each such
market is as likely as any other. A tile takes runs from all over the column, and the order inside it from a table, so
that two markets have next to no neighbours in common.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fanfold.research.columns import Floats, Integers, fetch

# A tile of a column and what is gathered of it fit into the fastest memory.
TILE, RUN, TABLED = 4_096, 64, 64
# Runs that are on their way from memory, and figures of a line of it.
AHEAD, LINE = 4, 8


class TileOrder(NamedTuple):
    """A permutation of so many places: where each run starts, and of each tile the row of the table and two masks."""

    places: int
    starts: Integers
    picks: Integers
    table: Any


@cache
def _table() -> Any:
    """Return random permutations of a tile, a row each."""
    rows = np.tile(np.arange(TILE, dtype=np.uint16), (TABLED, 1))
    return np.random.default_rng(0).permuted(rows, axis=1)


def drawn(count: int, chance: np.random.Generator) -> TileOrder:
    """Draw a permutation of so many places."""
    starts = np.append(chance.permutation(count // RUN), count // RUN) * RUN
    picks = chance.integers((TABLED, TILE, TILE), size=(-(-count // TILE), 3))
    return TileOrder(count, (starts + chance.integers(count)) % count, picks, _table())


def shuffled(count: int, chance: np.random.Generator) -> Integers:
    """Return so many places shuffled, the first of them again behind the last, for runs that end there."""
    return chance.permutation(count)[np.arange(count + RUN) % count]


@njit(error_model="numpy", nogil=True)
def gather(column: Floats, order: TileOrder, tile: int, room: Floats, out: Floats) -> int:
    """Write a tile of a shuffled column in its order, and return its length; ``room`` holds a tile and a run."""
    count = min(TILE, order.places - tile * TILE)
    runs, first = -(-count // RUN), tile * (TILE // RUN)
    for run in range(runs):
        # Runs lie far apart: each is asked for before it is needed.
        ahead = order.starts[first + min(run + AHEAD, runs - 1)]
        for line in range(0, RUN, LINE):
            fetch(column, ahead + line)
        start = order.starts[first + run]
        for place in range(RUN):
            room[run * RUN + place] = column[start + place]
    tabled, place_mask, run_mask = order.table[order.picks[tile, 0]], order.picks[tile, 1], order.picks[tile, 2]
    if count == TILE:
        for place in range(TILE):
            out[place] = room[tabled[place ^ place_mask] ^ run_mask]
        return count
    number = 0
    for place in range(TILE):
        taken = tabled[place ^ place_mask] ^ run_mask
        if taken < count:
            out[number] = room[taken]
            number += 1
    return count
