"""The part of a file that a run needs: the bars that it trades, and those before them that warm strategies up."""

from typing import NamedTuple

import numpy as np

from fanfold.importers.table import Integers
from fanfold.market.timeframes import DAY_S

# The quality checks compare the first bars with those of the day before.
_MARGIN_S = DAY_S


class Need(NamedTuple):
    """The bars that a run needs: from the close ``since`` on, and as far before it as its strategies look back.

    They look back ``seconds``, or ``bars`` of the file where those reach further.
    """

    since: int
    seconds: int = 0
    bars: int = 0


class Cut(NamedTuple):
    """The part of a file to read: ``rows`` in its order, of which the bars that close at ``first`` or later are needed.

    ``after`` is the last close before them, ``left_out`` counts the rows before; both are 0 where all is needed.
    """

    rows: slice
    first: int = 0
    after: int = 0
    left_out: int = 0


def cut(closes: Integers, length: int, need: Need) -> Cut:
    """Return which rows are needed; ``closes`` are their times, in any order, and ``length`` is a bar's, in seconds.

    The cut is at midnight UTC. The last two bars are kept in any case, so that the file tells its rules.
    """
    wanted = need.since - max(need.seconds, need.bars * length) - _MARGIN_S
    first = min(wanted, int(closes.max()) - 2 * max(length, DAY_S)) // DAY_S * DAY_S
    needed = np.flatnonzero(closes >= first)
    earlier = closes[closes < first]
    if not earlier.size:
        return Cut(slice(0, closes.size))
    return Cut(slice(int(needed[0]), int(needed[-1]) + 1), first, int(earlier.max()), int(earlier.size))
