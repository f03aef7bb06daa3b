"""Signal's store: whatever is folded, a cold process that loads it goes on as if it had never stopped."""

from collections.abc import Iterator
from random import Random

import pytest

from fanfold.aws.dynamodb.folds import FoldTable
from fanfold.aws.dynamodb.table import Table
from fanfold.errors import AT_ONCE, Conflict
from fanfold.market.bars import Bar, Series, pack
from fanfold.messages import Message, Targets
from fanfold.signals.fold import Fold
from fanfold.signals.stored_fold import StoredFold
from fanfold.simulation.plain_stores import PlainFolds
from fanfold.simulation.stores import MemoryBus, MemoryFolds
from signal_service.fold import FoldStore, StrategyRunner
from support.core_desk import START, A, B, bars_message, instance, series, small_desk, stretch, walk
from support.emulator import Cloud
from support.ledger_examples import AT, create_table, once

EVERYTHING = {"trend": instance(), "pair": instance("pairs"), "slow": instance("breakout", timeframe="5m")}


@pytest.fixture(params=["table", "memory", "plain"])
def store(request: pytest.FixtureRequest, cloud: Cloud) -> FoldStore:
    if request.param != "table":
        once(cloud)
        return MemoryFolds() if request.param == "memory" else PlainFolds()
    return table_store(cloud)


def table_store(cloud: Cloud) -> FoldTable:
    create_table(cloud.admin, "folds")
    return FoldTable(Table(cloud.call, "folds"), "v", "1m")


def outputs(name: str) -> list[Message]:
    return [Targets(id=name, cause="c", at=AT, account="main", poll_id="b", targets=[])]


def append(store: FoldStore, fold: Fold, version: int, message: list[Series]) -> None:
    at = max(stretched.through for stretched in message)
    fold.accept(message, at)
    store.append(version, f"m{version}", pack(fold.fresh), fold.snapshot(), outputs(f"t{version}"))


def test_an_empty_store_has_no_version(store: FoldStore) -> None:
    assert store.load(Fold(small_desk(), "v").groups) == StoredFold(0, [], None, {})


def test_a_version_is_written_once(store: FoldStore) -> None:
    fold, whole = Fold(small_desk(), "v"), walk(1, A, 3)
    append(store, fold, 1, [stretch(A, whole, 0, 2)])
    with pytest.raises(Conflict):
        store.append(1, "other", [], fold.snapshot(), [])
    kept = store.load(fold.groups)
    assert (kept.version, kept.snapshot) == (1, fold.snapshot())
    assert {name: list(outputs_kept) for name, outputs_kept in kept.outputs.items()} == {"m1": outputs("t1")}
    assert [bar for window in kept.windows for bar in window.bars] == whole[:2]


def test_recent_outputs_are_known_however_short_the_window(store: FoldStore) -> None:
    fold, whole = Fold(small_desk(), "v"), walk(1, A, 40)
    for version in range(1, 41):
        append(store, fold, version, [stretch(A, whole, version - 1, version)])
    assert list(store.load({("1m", (A,)): 1}).outputs) == [f"m{version}" for version in range(1, 41)]


def minutes(seed: int, count: int) -> Iterator[list[Series]]:
    """A message a minute with holes in either instrument, and the longer bars that close with it."""
    random = Random(seed)
    fine = {name: walk(seed, name, count, 60, frozenset(random.sample(range(6, count), 8))) for name in (A, B)}
    coarse = {name: walk(seed, name, count // 5, 300) for name in (A, B)}
    for number in range(1, count + 1):
        at = START + 60 * number
        message = [*_at(fine, at, "1m"), *_at(coarse, at, "5m")]
        if message:
            yield message


def _at(by_name: dict[str, list[Bar]], at: int, timeframe: str) -> list[Series]:
    return [
        stretch(name, rows, index, index + 1, timeframe)
        for name, rows in by_name.items()
        for index, bar in enumerate(rows)
        if bar.closes_at_s == at
    ]


@pytest.mark.parametrize("seed", range(2))
def test_a_cold_process_goes_on_where_the_warm_one_stands(cloud: Cloud, seed: int) -> None:
    once(cloud)
    tested, store = small_desk(**EVERYTHING), table_store(cloud)
    warm = Fold(tested, "v")
    for version, message in enumerate(minutes(seed, 45), 1):
        if version % 4 == 0:
            kept = store.load(warm.groups)
            cold, at = Fold(tested, "v"), max(stretched.through for stretched in message)
            assert kept.snapshot is not None
            cold.restore(kept.windows, kept.snapshot)
            untouched = Fold(tested, "v")
            untouched.restore(kept.windows, kept.snapshot)
            assert cold.snapshot() == warm.snapshot()
            expected = warm.accept(message, at), warm.fresh, warm.snapshot()
            assert (cold.accept(message, at), cold.fresh, cold.snapshot()) == expected
            warm = untouched
        append(store, warm, version, message)


def test_a_window_is_read_back_only_as_far_as_strategies_look(cloud: Cloud) -> None:
    once(cloud)
    tested, store, whole = small_desk(), table_store(cloud), walk(1, A, 120)
    fold = Fold(tested, "v")
    for version in range(1, 121):
        append(store, fold, version, [stretch(A, whole, version - 1, version)])
    # B never had a bar, and is not looked for.
    assert sum(len(window.bars) for window in store.load(fold.groups).windows) == fold.groups["1m", (A,)] + 1


def test_bars_longer_than_the_venues_alone_are_kept_and_loaded(cloud: Cloud) -> None:
    tested, store = small_desk(slow=instance(timeframe="5m")), table_store(cloud)
    fold, whole = Fold(tested, "v"), walk(1, A, 30, 300)
    for version in range(1, 31):
        at = START + 300 * version
        fine = series(A, [Bar(at, 1, 1, 1, 1, 1)], at - 60)
        append(store, fold, version, [fine, stretch(A, whole, version - 1, version, "5m")])
    kept = store.load(fold.groups)
    lookback = fold.groups["5m", (A,)]
    assert [bar for window in kept.windows for bar in window.bars] == whole[30 - lookback - 1 :]
    assert {window.timeframe for window in kept.windows} == {"5m"}


def test_a_group_with_holes_is_loaded_to_as_many_common_times_as_it_looks_back_on(cloud: Cloud) -> None:
    once(cloud)
    tested, store = small_desk(pair=instance("pairs")), table_store(cloud)
    fold = Fold(tested, "v")
    a = walk(1, A, 120, missing=frozenset(range(40, 120, 2)))
    b = walk(1, B, 120, missing=frozenset(range(41, 116, 2)))
    by_time: dict[int, list[Series]] = {}
    for name, rows in ((A, a), (B, b)):
        for index, bar in enumerate(rows):
            by_time.setdefault(bar.closes_at_s, []).append(stretch(name, rows, index, index + 1))
    for version, at in enumerate(sorted(by_time), 1):
        append(store, fold, version, by_time[at])
    kept, cold = store.load(fold.groups), Fold(tested, "v")
    assert kept.snapshot is not None
    cold.restore(kept.windows, kept.snapshot)
    message = [
        series(name, walk(2, name, 121)[120:], a[-1].closes_at_s if name == A else b[-1].closes_at_s) for name in (A, B)
    ]
    at = START + 60 * 121
    assert cold.accept(message, at) == fold.accept(message, at)
    assert cold.snapshot() == fold.snapshot()


def test_a_folder_on_a_table_publishes_what_one_in_memory_does(cloud: Cloud) -> None:
    once(cloud)
    tested, stores = small_desk(**EVERYTHING), (table_store(cloud), MemoryFolds())
    heard = []
    for store in stores:
        bus = MemoryBus()
        for message in minutes(3, 30):
            # A process of its own for every message.
            StrategyRunner(tested, "v", store, bus, AT_ONCE).fold(bars_message(message))
        heard.append(bus.messages)
    assert heard[0] == heard[1]
    assert heard[0]
