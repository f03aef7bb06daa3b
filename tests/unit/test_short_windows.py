"""A leg whose window was lost steps on no padding: it is silent and says so, and goes on once its bars are there."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

import pytest

from fanfold.aws.dynamodb.folds import FoldTable
from fanfold.desk import Desk
from fanfold.errors import AT_ONCE
from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series
from fanfold.market.resample import resample
from fanfold.messages import BarsRequested, LegCode, LegStatus, Message, Targets
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.stores import MemoryBus
from signal_service.fold import StrategyRunner
from support.core_desk import START, A, B, bars_message, instance, series, small_desk, walk

CHANGED, COUNT = 60, 100
MINUTES = {name: walk(3, name, 5 * COUNT) for name in (A, B)}
STRATEGIES = {
    "averages": instance(params={"fast": 5, "slow": 15}),
    "reversion": instance() | {"strategy": "mean_reversion", "params": {"window": 12, "entry": 1.0, "exit": 0.2}},
    "pair": instance("pairs", params={"window": 12, "entry": 0.5, "exit": 0.1}),
}
LOOKBACKS = {"averages": 14, "reversion": 11, "pair": 11}


def coarse(name: str, timeframe: str) -> list[Bar]:
    rows = MINUTES[name]
    return rows if timeframe == "1m" else resample(series(name, rows), timeframe, rows[-1].closes_at_s).bars


def moment(epoch_s: int) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


class Market:
    """Signal, of which every deploy is a new process, and market-data, which serves requests a moment later."""

    def __init__(self, timeframe: str, unserved: Sequence[int] = ()) -> None:
        self._length, self._unserved = timeframes.seconds(timeframe), unserved
        self._rows = {name: coarse(name, timeframe) for name in (A, B)}
        self._table, self._timeframe = MemoryCloud().table("folds"), timeframe
        self.targets: dict[tuple[int, str, str], float] = {}
        self.codes: list[tuple[int, str, str]] = []
        self.requests: list[int] = []

    def run(
        self, tested: Desk, first: int, last: int, finest: str = "1m", begins: int = 0, waited: int | None = None
    ) -> None:
        """Deliver the bars of these numbers, one a message; the venue has no bar before number ``begins``.

        Those before number ``waited`` are delivered when that one closes.
        """
        self._now = START
        self._begins = begins
        self._bus = MemoryBus()
        store = FoldTable(self._table, "v", finest)
        self._runner = StrategyRunner(tested, "v", store, self._bus, AT_ONCE, lambda: moment(self._now))
        for number in range(first, last):
            self._now = START + self._length * (max(number, waited or 0) + 1)
            self._hear(number, [self._stretch(name, number, number + 1) for name in (A, B)])

    def _hear(self, number: int, message: list[Series], *, requested: bool = False) -> None:
        self._runner.fold(bars_message(message, f"{requested} {number}", requested=requested))
        heard, self._bus.messages = self._bus.messages, []
        for sent in heard:
            self._note(sent, number)
            if isinstance(sent, BarsRequested) and number not in self._unserved:
                begin = max(self._begins, (sent.since_s - START) // self._length)
                answer = [self._stretch(name, begin, number + 1) for name in sent.instruments]
                self._hear(number, answer, requested=True)

    def _note(self, sent: Message, number: int) -> None:
        if isinstance(sent, Targets):
            self.targets |= {(number, of.instance, of.instrument): of.weight for of in sent.targets}
        if isinstance(sent, LegStatus):
            self.codes += [(number, leg.instance, leg.code) for leg in sent.statuses if leg.instrument == A]
        if isinstance(sent, BarsRequested):
            self.requests.append(number)

    def _stretch(self, name: str, first: int, last: int) -> Series:
        after = self._rows[name][first - 1].closes_at_s if first > self._begins else 0
        rows = self._rows[name][first:last]
        return series(name, rows, after, self._timeframe)


@cache
def undisturbed(timeframe: str, name: str) -> dict[tuple[int, str, str], float]:
    market = Market(timeframe)
    market.run(small_desk(own=STRATEGIES[name] | {"timeframe": timeframe}), 0, COUNT)
    return market.targets


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("finest", [("1m", "5m"), ("5m", "1m")])
@pytest.mark.parametrize("unserved", [0, 3])
def test_after_the_venues_timeframe_changed_a_leg_is_silent_until_its_bars_are_back(
    name: str, finest: tuple[str, str], unserved: int
) -> None:
    tested, expected = small_desk(own=STRATEGIES[name] | {"timeframe": "5m"}), undisturbed("5m", name)
    market, back = Market("5m", range(CHANGED, CHANGED + unserved)), CHANGED + unserved
    market.run(tested, 0, CHANGED, finest[0])
    market.run(tested, CHANGED, COUNT, finest[1])
    silent = range(CHANGED, back + 1)
    assert market.targets == {key: weight for key, weight in expected.items() if key[0] not in silent}
    assert market.codes[-2:] == [(CHANGED, "own", LegCode.WARMING_UP), (back, "own", LegCode.OK)]
    assert market.requests[-len(silent) :] == list(silent)


def test_bars_that_waited_while_signal_was_away_request_no_history_each() -> None:
    strategy = STRATEGIES["reversion"]
    market = Market("1m", range(60, 70))
    market.run(small_desk(own=strategy), 50, 60)
    longer = strategy | {"params": {"window": 45, "entry": 1.0, "exit": 0.2}}
    market.run(small_desk(own=longer), 60, COUNT, waited=70)
    assert [number for number in market.requests if number >= 60] == [67, 68, 69, 70]
    assert min(number for number, *_ in market.targets if number >= 60) == 71


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_leg_whose_bars_never_come_back_warms_up_as_a_new_one_does(name: str) -> None:
    tested = small_desk(own=STRATEGIES[name] | {"timeframe": "5m"})
    market, new = Market("5m", range(CHANGED, COUNT)), Market("5m")
    market.run(tested, 0, CHANGED, "1m")
    market.run(tested, CHANGED, COUNT, "5m")
    new.run(tested, CHANGED, COUNT, begins=CHANGED)
    late = {key: weight for key, weight in market.targets.items() if key[0] >= CHANGED}
    assert late == {key: weight for key, weight in new.targets.items() if key[0] >= min(late)[0]}
    assert min(late)[0] == market.codes[-1][0] == CHANGED + LOOKBACKS[name]


@pytest.mark.parametrize("added", range(40, 70, 3))
@pytest.mark.parametrize("unserved", [0, 2, COUNT])
def test_a_longer_lookback_beside_it_takes_no_decision_from_an_unchanged_leg(added: int, unserved: int) -> None:
    plain, market = Market("1m"), Market("1m", range(added, added + unserved))
    plain.run(small_desk(old=STRATEGIES["reversion"]), added - 5, COUNT)
    market.run(small_desk(old=STRATEGIES["reversion"]), added - 5, added)
    longer = small_desk(old=STRATEGIES["reversion"], new=instance(params={"fast": 5, "slow": 25}))
    market.run(longer, added, COUNT)
    assert {key: weight for key, weight in market.targets.items() if key[1] == "old"} == plain.targets
    first = min(number for number, who, _ in market.targets if who == "new")
    assert first == min(added + unserved + 1, added + 8)


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("unserved", [3, COUNT])
def test_a_process_of_its_own_for_every_bar_says_the_same(name: str, unserved: int) -> None:
    tested = small_desk(own=STRATEGIES[name] | {"timeframe": "5m"})
    warm, cold = (Market("5m", range(CHANGED, CHANGED + unserved)) for _ in range(2))
    for market in (warm, cold):
        market.run(tested, 0, CHANGED, "1m")
    warm.run(tested, CHANGED, COUNT, "5m")
    for number in range(CHANGED, COUNT):
        cold.run(tested, number, number + 1, "5m")
    assert (cold.targets, cold.codes, cold.requests) == (warm.targets, warm.codes, warm.requests)
