"""An instrument that is back in its universe is seen once it has a whole window of its own, never on padding."""

from collections.abc import Mapping
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from fanfold.aws.dynamodb.folds import FoldTable
from fanfold.desk import Desk
from fanfold.errors import AT_ONCE
from fanfold.market.bars import Bar
from fanfold.messages import LegStatus, Message, Targets
from fanfold.signals.stepping import MISSED_BARS
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.stores import MemoryBus
from fanfold.strategy.window import Window
from signal_service.fold import StrategyRunner
from support.core_desk import START, A, B, bars_message, instance, raw, series, walk

C, COUNT = "SOL/USDT", 160
NAMES = (A, B, C)
# The same group serves a shorter and a longer look back.
MOMENTUM: dict[str, Any] = {
    "short": {"window": 4, "top": 1, "every": 2},
    "long": {"window": 12, "top": 2, "every": 3},
}


def three(**changes: Any) -> Desk:
    from fanfold import desk

    tables = raw(
        **{
            name: instance() | {"strategy": "momentum", "params": params, "instruments": list(NAMES)}
            for name, params in MOMENTUM.items()
        }
    )
    tables["venues"]["v"]["symbols"] = list(NAMES)
    tables["instruments"][C] = tables["instruments"][B] | {"base": "SOL"}
    return desk.build(tables | changes, "test")


def absences(seed: int) -> dict[str, set[int]]:
    """The numbers of bars that each instrument has not: single ones, and long silences."""
    random = Random(seed)
    gone: dict[str, set[int]] = {}
    for name in NAMES:
        single = {number for number in range(COUNT) if random.random() < 0.03}
        begins = [random.randrange(30, COUNT) for _ in range(random.choice((0, 1, 2)))]
        gone[name] = single.union(*(range(begin, begin + random.randrange(6, 25)) for begin in begins))
    return gone


class Runs:
    """Signal over bars with absences, in one process or in one a bar."""

    def __init__(self) -> None:
        self._table = MemoryCloud().table("folds")
        self.targets: dict[tuple[int, str, str], float] = {}
        self.codes: list[tuple[int, str, str, str]] = []

    def run(self, gone: Mapping[str, set[int]], *, cold: bool) -> None:
        walks, bus = {name: walk(5, name, COUNT) for name in NAMES}, MemoryBus()
        newest = dict.fromkeys(NAMES, 0)
        tested, runner = three(), None
        for number in range(COUNT):
            there: list[tuple[str, Bar]] = [(name, walks[name][number]) for name in NAMES if number not in gone[name]]
            if not there:
                continue
            if runner is None or cold:
                runner = StrategyRunner(tested, "v", FoldTable(self._table, "v", "1m"), bus, AT_ONCE)
            runner.fold(bars_message([series(name, [bar], newest[name]) for name, bar in there]))
            newest |= {name: bar.closes_at_s for name, bar in there}
            heard, bus.messages = bus.messages, []
            for sent in heard:
                self._note(sent, number)

    def _note(self, sent: Message, number: int) -> None:
        if isinstance(sent, Targets):
            self.targets |= {(number, of.instance, of.instrument): of.weight for of in sent.targets}
        if isinstance(sent, LegStatus):
            self.codes += [(number, leg.instance, leg.instrument, leg.code) for leg in sent.statuses]


@pytest.mark.parametrize("seed", range(12))
def test_a_process_of_its_own_for_every_bar_takes_an_instrument_back_as_one_process_does(seed: int) -> None:
    warm, cold = Runs(), Runs()
    warm.run(absences(seed), cold=False)
    cold.run(absences(seed), cold=True)
    assert cold.targets == warm.targets
    assert cold.codes == warm.codes
    assert len(warm.targets) > COUNT


def test_one_that_is_back_is_ranked_once_its_window_is_whole() -> None:
    gone = {A: set[int](), B: set(range(60, 70)), C: set[int]()}
    runs = Runs()
    runs.run(gone, cold=False)
    for name, lookback in (("short", 5), ("long", 14)):
        spoke = [number for number, who, of in runs.targets if (who, of) == (name, B)]
        (left, back), *more = [(last, first) for last, first in pairwise(spoke) if first - last > 1]
        assert (left, back, more) == (59, 70 + lookback, [])
        others = [number for number, who, of in runs.targets if (who, of) == (name, A)]
        assert [first for last, first in pairwise(others) if first - last > 1] == [60 + MISSED_BARS]


@pytest.mark.parametrize("seed", range(20))
def test_no_step_that_counts_reads_padding_of_one_that_came_back(seed: int) -> None:
    """Each member is seen with bars of its own at the times of the view, except by itself while it warms up."""
    random, lookback = Random(seed), random_lookback(seed)
    closes = {name: {bar.closes_at_s: bar.close / 100 for bar in walk(5, name, COUNT)} for name in NAMES}
    window, gone = Window(NAMES, "1m", lookback), absences(seed)
    for number in range(COUNT):
        at = START + (number + 1) * 60
        for member, name in enumerate(NAMES):
            if number not in gone[name]:
                window.offer(member, series(name, []), [walk(5, name, COUNT)[number]])
        late = frozenset(member for member, name in enumerate(NAMES) if lags(gone[name], number))
        window.leave(late if len(late) < len(NAMES) else frozenset())
        while window.advance():
            me = random.randrange(len(NAMES))
            seen = window.universe(me, lookback)
            if seen is None or window.count <= lookback:
                continue
            times = [seen.time[seen.now - n] for n in range(lookback + 1)]
            rows = [[row[seen.now - n] for n in range(lookback + 1)] for row in seen.close]
            own = [[closes[name].get(time) for time in times] for name in NAMES]
            assert len(rows) == seen.count
            assert times[0] == window.closes_at_s <= at
            assert all(row in own for place, row in enumerate(rows) if place != seen.me)


def lags(gone: set[int], number: int) -> bool:
    return all(before in gone for before in range(number - MISSED_BARS, number + 1))


def random_lookback(seed: int) -> int:
    return Random(f"lookback {seed}").randint(1, 15)
