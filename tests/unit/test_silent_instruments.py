"""An instrument that is silent, or trades seldom, costs a cold start nothing, and is alone in its silence."""

from collections import Counter
from collections.abc import Iterable

import pytest

from fanfold.aws.dynamodb import folds
from fanfold.aws.dynamodb.folds import FoldTable
from fanfold.aws.dynamodb.table import Table
from fanfold.errors import AT_ONCE
from fanfold.market import bars
from fanfold.market.bars import Bar, Series
from fanfold.messages import BarsClosed, BarsRequested, LegCode, LegStatus, Targets
from fanfold.signals.fold import Fold
from fanfold.signals.stored_fold import searched
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.stores import MemoryBus
from signal_service.fold import StrategyRunner
from support.core_desk import START, A, B, bars_message, instance, series, small_desk, walk

COUNT = 600
ROWS = {name: walk(4, name, COUNT) for name in (A, B)}
LOOKBACK = 4
SILENT = range(100, 100 + 2 * searched(LOOKBACK))
STRATEGIES = {"trend": instance(), "pair": instance("pairs", params={"window": 5, "entry": 0.5, "exit": 0.1})}
DESK = small_desk(**STRATEGIES)


class Speech:
    """Signal, of which every message is a new process, at a venue where B has no bars at the minutes of ``silent``."""

    def __init__(self, silent: range, *, suspended: bool = False, every: int = 1, warm: bool = False) -> None:
        self._runner: StrategyRunner | None = None
        self._warm, self._bus = warm, MemoryBus()
        self._table, self._afters, self._silent = MemoryCloud().table("folds"), dict[str, int](), silent
        # Whether the venue had no bars either.
        self._suspended = suspended
        # The venue has a bar of B in one of so many minutes.
        self._every = every
        self.targets: dict[tuple[int, str, str], float] = {}
        self.codes: list[tuple[int, str, str]] = []
        self.requests: list[BarsRequested] = []

    def minute(self, number: int) -> None:
        names = (A,) if number in self._silent or number % self._every else (A, B)
        if number == self._silent.stop and not self._suspended:
            self._afters[B] = ROWS[B][number - 1].closes_at_s
        pieces = message(number, *names, afters=self._afters)
        for request in self._fold(number, bars_message(pieces)):
            first = max(0, (request.since_s - START) // 60)
            answer = [series(name, self._had(name, first, number), request.since_s) for name in request.instruments]
            self._fold(number, bars_message(answer, f"answer {number}", requested=True))

    def _had(self, name: str, first: int, last: int) -> list[Bar]:
        gone = self._silent if name == B and self._suspended else range(0)
        every = self._every if name == B else 1
        return [ROWS[name][number] for number in range(first, last + 1) if number not in gone and number % every == 0]

    def _fold(self, number: int, message: BarsClosed) -> list[BarsRequested]:
        bus = self._bus
        if self._runner is None or not self._warm:
            self._runner = StrategyRunner(DESK, "v", FoldTable(self._table, "v", "1m"), bus, AT_ONCE)
        self._runner.fold(message)
        heard, bus.messages = bus.messages, []
        for sent in heard:
            if isinstance(sent, Targets):
                self.targets |= {(number, of.instance, of.instrument): of.weight for of in sent.targets}
            if isinstance(sent, LegStatus):
                self.codes += [(number, leg.instance, leg.code) for leg in sent.statuses if leg.instrument == B]
        requests = [sent for sent in heard if isinstance(sent, BarsRequested)]
        self.requests += requests
        return requests


@pytest.mark.parametrize("suspended", [False, True])
def test_one_that_comes_back_asks_for_what_it_looks_back_on_and_the_others_go_on_all_the_time(suspended: bool) -> None:
    plain, speech = Speech(range(-1, -1)), Speech(SILENT, suspended=suspended)
    for number in range(SILENT.stop + 20):
        plain.minute(number)
        speech.minute(number)
    back = SILENT.stop + 1
    mute = {key for key in plain.targets if key[1:] != ("trend", A) and SILENT.start <= key[0] < back}
    expected = {key: weight for key, weight in plain.targets.items() if key not in mute}
    assert speech.targets.keys() == expected.keys()
    # Of one that was suspended the bars of before lie in its window until there are enough of after it.
    alike = {key for key in expected if not suspended or not back <= key[0] < back + LOOKBACK}
    assert {key: speech.targets[key] for key in alike} == {key: expected[key] for key in alike}
    assert {(code, who) for number, who, code in speech.codes if number < back} > {
        (LegCode.MISSING_BARS, who) for who in STRATEGIES
    }
    assert {code for number, _, code in speech.codes if number >= back} <= {LegCode.OK}
    lengths = [(request.until_s - request.since_s) // 60 for request in speech.requests]
    assert max(lengths) <= 2 * (LOOKBACK + 1)
    # Two while B is silent, and one a bar until the windows are whole.
    assert len(lengths) <= LOOKBACK + 3
    assert plain.requests == []


def message(number: int, *names: str, afters: dict[str, int]) -> list[Series]:
    pieces = [series(name, ROWS[name][number : number + 1], afters.get(name, 0)) for name in names]
    afters |= {piece.instrument: piece.through for piece in pieces}
    return pieces


def filled(minutes: int, silent: Iterable[int]) -> tuple[MemoryCloud, Fold]:
    """Return a table of a fold of which B has no bars at some minutes, and the fold."""
    cloud, fold, silent, afters = MemoryCloud(), Fold(DESK, "v"), frozenset(silent), {}
    store = FoldTable(cloud.table("folds"), "v", "1m")
    for number in range(minutes):
        pieces = message(number, *((A,) if number in silent else (A, B)), afters=afters)
        fold.accept(pieces, pieces[0].through)
        store.append(number + 1, f"m{number}", bars.pack(fold.fresh), fold.snapshot(), [])
    return cloud, fold


def read(cloud: MemoryCloud, fold: Fold) -> tuple[int, Counter[str]]:
    """Return how many items a cold start reads, and how many bars of each instrument it holds."""
    items, inner = 0, cloud.table("folds")

    def call(service, operation, parameters):
        nonlocal items
        answer = inner.call(service, operation, parameters)
        items += len(answer.get("Items", []))
        return answer

    windows = FoldTable(Table(call, inner.name), "v", "1m").load(fold.groups).windows
    return items, Counter({window.instrument: len(window.bars) for window in windows})


def test_bars_that_are_stored_twice_count_once() -> None:
    cloud, fold = filled(100, range(0))
    store = FoldTable(cloud.table("folds"), "v", "1m")
    for version in (101, 102):
        repeated = [series(name, ROWS[name][97:100]) for name in (A, B)]
        store.append(version, f"m{version}", bars.pack(repeated), fold.snapshot(), [])
    assert read(cloud, fold)[1] == {A: LOOKBACK + 1, B: LOOKBACK + 1}


def test_the_old_bars_of_one_that_catches_up_do_not_end_the_search() -> None:
    cloud, fold = filled(300, range(100, COUNT))
    store = FoldTable(cloud.table("folds"), "v", "1m")
    fold.accept([series(B, ROWS[B][100:120], ROWS[B][99].closes_at_s)], START + 60 * 300)
    store.append(301, "old", bars.pack(fold.fresh), fold.snapshot(), [])
    assert read(cloud, fold)[1] == {A: LOOKBACK + 1}


@pytest.mark.parametrize("minutes", [300, COUNT])
def test_a_cold_start_reads_no_more_however_long_an_instrument_is_silent(minutes: int) -> None:
    assert read(*filled(minutes, range(100, COUNT))) == (65, {A: LOOKBACK + 1})


@pytest.mark.parametrize("every", [10, 40, 110])
def test_a_cold_start_looks_further_back_for_an_instrument_that_trades_seldom(every: int) -> None:
    cloud, fold = filled(COUNT, {number for number in range(COUNT) if (number - 15) % every})
    items, held = read(cloud, fold)
    assert held[B] == LOOKBACK + 1
    assert items <= every * (LOOKBACK + 1) + 65


def test_it_looks_no_further_for_one_whose_bars_would_not_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud, fold = filled(COUNT, {number for number in range(COUNT) if number % 40})
    monkeypatch.setattr(folds, "SEARCHED_AGAIN", 40)
    items, held = read(cloud, fold)
    assert items <= searched(LOOKBACK) + 65
    assert held[B] < LOOKBACK
    assert held[A] <= searched(LOOKBACK) + 1


def test_it_looks_further_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars came often of late, and not before: they promise more than there is."""
    cloud, fold = filled(COUNT, set(range(20, COUNT)) - {COUNT - 60, COUNT - 20})
    monkeypatch.setattr(folds, "SEARCHED_AGAIN", 200)
    items, held = read(cloud, fold)
    assert searched(LOOKBACK) + 200 < items <= searched(LOOKBACK) + 200 + 65
    assert held[B] == 2


@pytest.mark.parametrize("every", [10, 40])
def test_one_that_trades_seldom_goes_on_after_a_cold_start_as_in_one_process(every: int) -> None:
    cold, warm = (Speech(range(-1, -1), every=every, warm=warm) for warm in (False, True))
    for number in range(COUNT):
        cold.minute(number)
        warm.minute(number)
    assert cold.targets == warm.targets
    assert len([key for key in cold.targets if key[1:] == ("trend", B)]) >= COUNT // every - LOOKBACK - 1
    assert cold.requests == warm.requests
