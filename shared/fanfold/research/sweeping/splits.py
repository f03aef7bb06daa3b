"""Splits of a span into what params are chosen on, and what they are traded on afterwards."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fanfold.errors import BadInput
from fanfold.performance.texts import length, moment
from fanfold.research.columns import Integers
from fanfold.research.sweeping.sweep_job import TradedWindow
from fanfold.research.sweeping.windows_of_span import check_length

FOLDS_MAX = 10_000
# Behind every close, in epoch seconds.
NEVER = 2**62


class LookBack(NamedTuple):
    """The bars that decisions read: so many before their own, of legs whose bars close at ``closes``.

    Bars are counted, not time: over a hole a decision reads what is further back. They may be made of recorded bars,
    than which they are ``longer_s`` longer.
    """

    lookback: int
    closes: Sequence[Integers]
    longer_s: int = 0

    def first_read(self, since: int) -> int:
        """Return the close of the first recorded bar that decisions from a time on read, or that time."""
        return min(since, *(self._first_of(own, since) for own in self.closes))

    def _first_of(self, own: Integers, since: int) -> int:
        # The first poll of a window brings the newest bar that closed before it, too.
        newest = int(np.searchsorted(own, since, side="right")) - 1
        return int(own[max(newest - self.lookback, 0)]) - self.longer_s

    def first_apart(self, until: int) -> int:
        """Return the first close whose decision, and all later ones, read no recorded bar that closed by a time."""
        # A longer bar that closes later may have begun before.
        last = until + self.longer_s
        places = [np.searchsorted(own, last, side="right") + self.lookback for own in self.closes]
        return max(
            int(own[place]) if place < own.size else NEVER for own, place in zip(self.closes, places, strict=True)
        )


class Split(NamedTuple):
    """Windows to choose params on, of which there are two around a test, and the window to test them on."""

    train: tuple[TradedWindow, ...]
    test: TradedWindow


def rolling(span: TradedWindow, bar_s: int, train_s: int, test_s: int, *, anchored: bool) -> list[Split]:
    """Return tests that follow each other, each behind its training, which begins with the span where ``anchored``.

    What is left at the end and is shorter than a test is left out. Raises BadInput for lengths that do not fit.
    """
    whole = span.until - span.since + bar_s
    check_length(min(train_s, test_s), bar_s)
    if train_s % bar_s or test_s % bar_s or train_s + test_s > whole:
        raise BadInput(
            f"a train and a test of {(train_s + test_s) / 86_400:g} days do not fit: they have to be whole bars of "
            f"{length(bar_s // 60)}, and together no longer than the data, {moment(span.since)} to {moment(span.until)}"
        )
    count = (whole - train_s) // test_s
    _check(count)
    splits = []
    for number in range(count):
        begins = span.since + train_s + number * test_s
        trained = TradedWindow(span.since if anchored else begins - train_s, begins - bar_s)
        splits.append(Split((trained,), TradedWindow(begins, begins + test_s - bar_s)))
    return splits


def purged_folds(span: TradedWindow, bar_s: int, folds: int, reach: LookBack, embargo_s: int) -> list[Split]:
    """Return ``folds`` tests of equal length, each with what is before and behind it to choose params on.

    Closes whose decisions read a recorded bar that decisions of the test read too are left out. So are those whose
    decisions read one within ``embargo_s`` behind the test. Raises BadInput where nothing would be left to train on.
    """
    whole = span.until - span.since + bar_s
    each = whole // max(folds, 1) // bar_s * bar_s
    if folds < 2 or not each:
        raise BadInput(f"{folds} folds of {whole // bar_s:,} bars are none; name from 2 to that")
    check_length(each, bar_s)
    _check(folds)
    splits = []
    for number in range(folds):
        begins = span.since + number * each
        test = TradedWindow(begins, span.until if number == folds - 1 else begins + each - bar_s)
        before = TradedWindow(span.since, reach.first_read(test.since) - bar_s)
        behind = TradedWindow(reach.first_apart(test.until + embargo_s), span.until)
        train = tuple(window for window in (before, behind) if window.since <= window.until)
        if not train:
            raise BadInput(f"fold {number + 1} has nothing to train on: name fewer folds, or a shorter embargo")
        splits.append(Split(train, test))
    return splits


def _check(count: int) -> None:
    if count > FOLDS_MAX:
        raise BadInput(f"{count:,} tests are too many; take longer ones, of which there are at most {FOLDS_MAX:,}")
