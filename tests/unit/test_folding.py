"""The fold: whatever the delivery, states and targets are those of a plain fold over the bars in order."""

from collections import defaultdict
from random import Random

import msgspec
import pytest

from fanfold.desk import Desk
from fanfold.market.bars import Bar, Series
from fanfold.messages import Target
from fanfold.signals.fold import Fold
from fanfold.signals.short_windows import Gap
from fanfold.signals.stored_fold import Snapshot
from support.core_desk import START, A, B, instance, plain_fold, series, small_desk, stretch, walk

COUNT = 24
EVERYTHING = {
    "trend": instance(),
    "pair": instance("pairs"),
    "slow": instance("breakout", timeframe="5m"),
}


def market(seed: int) -> dict[tuple[str, str], list[Bar]]:
    """Bars of two instruments in two timeframes, each with holes of its own."""
    random = Random(seed)
    return {
        (timeframe, name): walk(seed, name, COUNT * 60 // length, length, frozenset(random.sample(range(2, 12), 2)))
        for timeframe, length in (("1m", 60), ("5m", 300))
        for name in (A, B)
    }


def deliveries(bars: dict[tuple[str, str], list[Bar]], random: Random) -> list[list[Series]]:
    """Stretches that follow on one another, but for the first ones in any order, some of them twice or overlapping."""
    first_ones, messages = [], []
    for (timeframe, name), series_bars in bars.items():
        at = 0
        while at < len(series_bars):
            size = random.randint(1, 4)
            first = max(0, at - random.randint(0, 3))
            message = [stretch(name, series_bars, first, at + size, timeframe)]
            (messages if at else first_ones).extend([message] * random.choice([1, 1, 2]))
            at += size
    random.shuffle(messages)
    return first_ones + messages


def through(message: list[Series]) -> int:
    return max(series.through for series in message)


def deliver(
    fold: Fold, messages: list[list[Series]], whole: dict[tuple[str, str], list[Bar]]
) -> dict[int, list[Target]]:
    """Targets by time; a gap is filled when it is told of."""
    targets_by_time: dict[int, list[Target]] = {}
    for message in messages:
        targets, gaps = fold.accept(message, through(message))
        targets_by_time.setdefault(through(message), []).extend(target for _, target in targets)
        for gap in gaps:
            filling = filled(gap, whole)
            targets, none = fold.accept([filling], gap.until)
            assert not none, "what was asked for fills the gap"
            targets_by_time.setdefault(gap.until, []).extend(target for _, target in targets)
    return targets_by_time


def standing(fold: Fold) -> tuple[object, ...]:
    """The time up to which bars were taken, and each leg's state, without the messages on the way."""
    snapshot = fold.snapshot()
    return snapshot.through, {key: (leg.state, leg.seen, leg.at) for key, leg in snapshot.states.items()}


def filled(gap: Gap, whole: dict[tuple[str, str], list[Bar]]) -> Series:
    series_bars = whole[gap.timeframe, gap.instrument]
    missing = [bar for bar in series_bars if gap.since < bar.closes_at_s <= gap.until]
    before = [bar.closes_at_s for bar in series_bars if bar.closes_at_s <= gap.since]
    return series(gap.instrument, missing, before[-1] if before else 0, gap.timeframe)


@pytest.mark.parametrize("seed", range(40))
def test_any_order_of_delivery_gives_the_states_and_no_other_targets_than_a_plain_fold(seed: int) -> None:
    tested, bars = small_desk(**EVERYTHING), market(seed)
    plain, expected = plain_fold(tested, bars)
    fold = Fold(tested, "v")
    delivered = deliver(fold, deliveries(bars, Random(seed)), bars)
    assert standing(fold) == standing(plain)
    for at, targets in delivered.items():
        assert {target.signal_id: target for target in targets}.items() <= {
            target.signal_id: target for target in expected[at]
        }.items()


@pytest.mark.parametrize("seed", range(10))
def test_in_order_every_target_is_there_bit_for_bit_once(seed: int) -> None:
    tested, bars = small_desk(**EVERYTHING), market(seed)
    _, expected = plain_fold(tested, bars)
    fold, random, delivered = Fold(tested, "v"), Random(seed), defaultdict[int, list[Target]](list)
    for at in expected:
        # Split in two messages, each of them twice, older bars with them.
        parts = [
            stretch(name, series_bars, max(0, index - random.randint(0, 2)), index + 1, timeframe)
            for (timeframe, name), series_bars in bars.items()
            for index, bar in enumerate(series_bars)
            if bar.closes_at_s == at
        ]
        cut = random.randint(0, len(parts))
        for message in (parts[:cut], parts[:cut], parts[cut:], parts):
            delivered[at] += [target for _, target in fold.accept(message, at)[0]]
    assert {at: sorted(targets, key=str) for at, targets in delivered.items()} == {
        at: sorted(targets, key=str) for at, targets in expected.items()
    }


@pytest.mark.parametrize("seed", range(6))
def test_a_cold_start_after_any_message_changes_nothing(seed: int) -> None:
    tested, bars = small_desk(**EVERYTHING), market(seed)
    messages = deliveries(bars, Random(seed))
    warm, kept = Fold(tested, "v"), list[Series]()
    for message in messages:
        cold = restored(tested, kept, warm.snapshot())
        at = through(message)
        assert cold.accept(message, at) == warm.accept(message, at)
        assert cold.fresh == warm.fresh
        kept += warm.fresh
        assert cold.snapshot() == warm.snapshot()


def restored(tested: Desk, windows: list[Series], snapshot: Snapshot) -> Fold:
    fold = Fold(tested, "v")
    packed = msgspec.msgpack.decode(msgspec.msgpack.encode(snapshot), type=Snapshot)
    fold.restore(windows, packed)
    return fold


@pytest.mark.parametrize("at", range(1, COUNT))
def test_a_window_as_long_as_the_lookback_is_enough_to_go_on(at: int) -> None:
    tested = small_desk(trend=instance(), fast=instance("breakout"))
    whole = {name: walk(3, name, COUNT) for name in (A, B)}
    warm = Fold(tested, "v")
    for index in range(at):
        warm.accept([stretch(name, whole[name], index, index + 1) for name in whole], START + 60 * (index + 1))
    longest = max(warm.groups.values())
    windows = [stretch(name, whole[name], max(0, at - longest - 1), at) for name in whole]
    cold = restored(tested, windows, warm.snapshot())
    for index in range(at, COUNT):
        message = [stretch(name, whole[name], index, index + 1) for name in whole]
        closes_at_s = START + 60 * (index + 1)
        assert cold.accept(message, closes_at_s) == warm.accept(message, closes_at_s)
    assert cold.snapshot() == warm.snapshot()


def test_changed_params_start_afresh_and_are_folded_over_the_window() -> None:
    bars = {("1m", name): walk(4, name, COUNT) for name in (A, B)}
    before, _ = plain_fold(small_desk(trend=instance(), other=instance("breakout")), bars)
    changed = small_desk(trend=instance(params={"fast": 3, "slow": 4}), other=instance("breakout"))
    windows = [stretch(name, bars["1m", name], 0, COUNT) for name in (A, B)]
    fold, (plain, _) = restored(changed, windows, before.snapshot()), plain_fold(changed, bars)
    assert standing(fold) == standing(plain)


def test_no_target_is_published_before_the_warm_up_is_over() -> None:
    bars = {("1m", A): walk(5, A, 9), ("1m", B): walk(5, B, 9)}
    fold, delivered = plain_fold(small_desk(), bars)
    lookback = fold.groups["1m", (A,)]
    assert [len(delivered[at]) for at in sorted(delivered)] == [0] * lookback + [2] * (9 - lookback)


def test_a_gap_asks_for_what_is_missing_and_parks_that_instrument_alone() -> None:
    a, b = walk(6, A, 12), walk(6, B, 12)
    fold = Fold(small_desk(), "v")
    fold.accept([stretch(A, a, 0, 8), stretch(B, b, 0, 8)], a[7].closes_at_s)
    at = a[10].closes_at_s
    targets, gaps = fold.accept([stretch(A, a, 10, 11), stretch(B, b, 8, 11)], at)
    assert gaps == [Gap(A, "1m", a[7].closes_at_s, at)]
    assert [target.instrument for _, target in targets] == [B]
    targets, gaps = fold.accept([filled(gaps[0], {("1m", A): a})], at)
    assert [target.instrument for _, target in targets] == [A]
    assert gaps == []


def test_a_first_series_reaches_back_as_far_as_its_strategies_look() -> None:
    a = walk(7, A, 12)
    fold, at = Fold(small_desk(), "v"), a[11].closes_at_s
    lookback = fold.lookbacks["1m", A]
    assert fold.accept([stretch(A, a, 11, 12)], at)[1] == [Gap(A, "1m", at - 60 * (lookback + 1), at)]
    targets, gaps = fold.accept([stretch(A, a, 11 - lookback, 12)], at)
    assert len(targets) == 1
    assert gaps == []


def test_bars_that_the_venue_never_had_are_stepped_over() -> None:
    a = walk(8, A, 12, missing=frozenset({9, 10}))
    fold = Fold(small_desk(), "v")
    assert fold.accept([stretch(A, a, 0, 8)], a[7].closes_at_s)[1] == []
    assert fold.accept([stretch(A, a, 8, 10)], a[9].closes_at_s)[1] == []


def test_a_series_in_two_pieces_in_one_message_is_news_to_its_end() -> None:
    a = walk(9, A, 12)
    fold = Fold(small_desk(), "v")
    message = [stretch(A, a, 0, 6), stretch(A, a, 4, 12)]
    fold.accept(message, a[11].closes_at_s)
    assert [bar for series in fold.fresh for bar in series.bars] == a


def test_bars_that_no_strategy_uses_are_ignored() -> None:
    fold = Fold(small_desk(), "v")
    message = [stretch("XRP/USDT", walk(1, "x", 3), 2, 3), stretch(A, walk(1, A, 3), 0, 3, "1h")]
    assert fold.accept(message, START + 180) == ([], [])
    assert fold.fresh == []


def test_the_legs_of_a_pair_have_a_bundle_of_their_instance_and_bar() -> None:
    whole = {name: walk(1, name, 12) for name in (A, B)}
    fold = Fold(small_desk(pair=instance("pairs"), trend=instance()), "v")
    messages = [[stretch(name, whole[name], number, number + 1) for name in (A, B)] for number in range(12)]
    targets = [fold.accept(message, message[0].through)[0] for message in messages]
    bundles = [{target.bundle for _, target in output if target.instance == "pair"} for output in targets[6:]]
    assert all(len(bundle) == 1 and "" not in bundle for bundle in bundles)
    assert len(set.union(*bundles)) == len(bundles)
    assert {target.bundle for output in targets for _, target in output if target.instance == "trend"} == {""}
