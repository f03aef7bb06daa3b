"""Signal's verb: whatever crashes or comes first, each message publishes what it publishes undisturbed."""

from itertools import pairwise
from typing import Any

import pytest

from fanfold import desk
from fanfold.errors import AT_ONCE, Conflict
from fanfold.messages import BarsClosed, BarsRequested, Message, Targets, encode
from fanfold.simulation.stores import MemoryBus, MemoryFolds
from signal_service.fold import StrategyRunner
from support.core_desk import A, B, bars_message, instance, raw, small_desk, stretch, walk
from support.crashes import Fuse, Mortal, until_it_lives

DESK = small_desk(trend=instance(), pair=instance("pairs"))
WHOLE = {name: walk(1, name, 30) for name in (A, B)}


def message(first: int, last: int, *names: str, **more: Any) -> BarsClosed:
    return bars_message([stretch(name, WHOLE[name], first, last) for name in names or (A, B)], **more)


MESSAGES = [
    message(0, 10),
    *(message(at, at + 1) for at in range(10, 16)),
    message(17, 18),
    message(16, 18, name="again"),
]


def undisturbed() -> list[Message]:
    bus = MemoryBus()
    folder = StrategyRunner(DESK, "v", MemoryFolds(), bus, AT_ONCE)
    for bars_closed in MESSAGES:
        folder.fold(bars_closed)
    return bus.messages


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 25))
def test_a_crash_at_any_effect_changes_no_published_message(nth: int, after: bool) -> None:
    store, bus = MemoryFolds(), MemoryBus()

    def attempt(fuse: Fuse) -> None:
        # All of it again from where it died: earlier messages tell again what they told.
        folder = StrategyRunner(DESK, "v", Mortal(store, fuse), Mortal(bus, fuse), AT_ONCE)
        for bars_closed in MESSAGES:
            folder.fold(bars_closed)

    until_it_lives(attempt, nth, after=after)
    by_id = {sent.id: sent for sent in bus.messages}
    assert by_id == {sent.id: sent for sent in undisturbed()}
    assert all(by_id[sent.id] == sent for sent in bus.messages)


def test_a_message_delivered_twice_publishes_the_same_messages_twice() -> None:
    bus = MemoryBus()
    folder = StrategyRunner(DESK, "v", MemoryFolds(), bus, AT_ONCE)
    for bars_closed in MESSAGES[:5]:
        folder.fold(bars_closed)
        folder.fold(bars_closed)
    once = undisturbed()[: len(bus.messages) // 2]
    assert bus.messages[::2] == bus.messages[1::2] == once


def test_a_process_whose_stored_fold_was_overtaken_reloads_it() -> None:
    store, bus = MemoryFolds(), MemoryBus()
    folders = [StrategyRunner(DESK, "v", store, bus, AT_ONCE) for _ in range(2)]
    for number, bars_closed in enumerate(MESSAGES):
        folders[number % 2].fold(bars_closed)
    assert bus.messages == undisturbed()


def test_a_message_is_redelivered_if_every_write_conflicts() -> None:
    class Beaten(MemoryFolds):
        def append(self, *_args: object) -> None:
            raise Conflict("another came first")

    bus = MemoryBus()
    with pytest.raises(Conflict, match="the fold of v changed in 5 tries"):
        StrategyRunner(DESK, "v", Beaten(), bus, AT_ONCE).fold(MESSAGES[0])
    assert bus.messages == []


def test_a_gap_is_asked_for_once_by_each_range_and_bars_that_fill_it_tell_no_targets() -> None:
    bus = MemoryBus()
    folder = StrategyRunner(DESK, "v", MemoryFolds(), bus, AT_ONCE)
    folder.fold(message(0, 10))
    bus.messages.clear()
    folder.fold(message(12, 13))
    empty, wanted = bus.messages
    assert isinstance(empty, Targets)
    assert empty.targets == []
    assert isinstance(wanted, BarsRequested)
    assert (wanted.instruments, wanted.since_s, wanted.until_s) == (
        [A, B],
        WHOLE[A][9].closes_at_s,
        WHOLE[A][12].closes_at_s,
    )
    folder.fold(message(10, 13, name="wanted", requested=True))
    assert bus.messages == [empty, wanted]
    folder.fold(message(13, 14))
    assert isinstance(bus.messages[-1], Targets)


def test_every_part_of_a_poll_is_answered_even_without_a_target_but_not_what_fills_a_gap() -> None:
    bus = MemoryBus()
    folder = StrategyRunner(DESK, "v", MemoryFolds(), bus, AT_ONCE)
    folder.fold(message(0, 2, part=1, parts=2))
    folder.fold(message(2, 4, part=2, parts=2))
    folder.fold(message(4, 6, name="wanted", part=1, parts=2, requested=True))
    assert [(sent.part, sent.targets) for sent in bus.messages if isinstance(sent, Targets)] == [(1, []), (2, [])]


def test_a_leg_s_state_is_announced_at_most_once_a_bar() -> None:
    published = [sent for sent in undisturbed() if isinstance(sent, Targets)]
    targets = [(sent.at, target.signal_id) for sent in published for target in sent.targets]
    assert len(targets) == len(set(targets))
    assert all(before[0] <= after[0] for before, after in pairwise(targets))


def test_targets_over_the_topic_s_limit_are_split_and_none_is_lost_or_doubled() -> None:
    names = [f"COIN{number:04d}/USDT" for number in range(1_000)]
    legs = {"strategy": "sma_cross", "instruments": names, "timeframe": "1m", "allocation": "0.5", "account": "main"}
    document = raw(
        trend_following=legs | {"params": {"fast": 1, "slow": 2}},
        trend_following_slowly=legs | {"params": {"fast": 1, "slow": 3}},
    )
    document["venues"]["v"]["symbols"] = names
    document["instruments"] = {name: document["instruments"][A] | {"base": name[:8]} for name in names}
    bus, rows = MemoryBus(), walk(1, A, 5)
    folder = StrategyRunner(desk.build(document, "test"), "v", MemoryFolds(), bus, AT_ONCE)
    folder.fold(bars_message([stretch(name, rows, 0, 4) for name in names]))
    bus.messages.clear()
    folder.fold(bars_message([stretch(name, rows, 4, 5) for name in names]))
    chunks = [sent for sent in bus.messages if isinstance(sent, Targets)]
    numbers = range(1, len(chunks) + 1)
    assert [(chunk.chunk, chunk.chunks) for chunk in chunks] == [(number, len(chunks)) for number in numbers]
    assert len({sent.id for sent in chunks}) == len(chunks) > 1
    assert max(len(encode(sent)) for sent in bus.messages) < 256_000
    assert len({target.signal_id for sent in chunks for target in sent.targets}) == 2_000
