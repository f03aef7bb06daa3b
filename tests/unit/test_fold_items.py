"""A version of signal's state may be more than an item holds: then the rest lies in items beside it."""

from datetime import UTC, datetime
from random import Random

import pytest

from fanfold.aws.dynamodb.folds import FoldTable
from fanfold.errors import Conflict
from fanfold.market.bars import pack
from fanfold.messages import Message, Target, Targets
from fanfold.signals.fold import Fold
from fanfold.simulation.cloud import MemoryCloud
from support.core_desk import START, A, small_desk, stretch, walk

ITEM_MAX = 400 * 1024


def outputs(legs: int) -> list[Message]:
    """Targets of many legs, whose ids cannot be compressed."""
    chance = Random(legs)
    targets = [
        Target(signal_id=f"{chance.getrandbits(128):032x}", instance="trend", instrument=A, timeframe="1m", weight=1.0)
        for _ in range(legs)
    ]
    at = datetime.fromtimestamp(START, UTC)
    return [
        Targets(id=f"t{first}", cause="c", at=at, account="main", poll_id="b", targets=targets[first : first + 1_000])
        for first in range(0, legs, 1_000)
    ]


@pytest.mark.parametrize("legs", [1_000, 30_000, 90_000])
def test_a_fold_of_any_size_is_written_whole_and_read_back(legs: int) -> None:
    cloud, fold, whole = MemoryCloud(), Fold(small_desk(), "v"), walk(1, A, 2)
    store, published = FoldTable(cloud.table("folds"), "v", "1m"), outputs(legs)
    for version in (1, 2):
        message = [stretch(A, whole, version - 1, version)]
        fold.accept(message, message[0].through)
        store.append(version, f"m{version}", pack(fold.fresh), fold.snapshot(), published)
    items = [item for partition in cloud.dynamodb.tables["folds"].partitions.values() for item in partition.values()]
    assert (len(items) > 2) == (legs > 1_000)
    assert sum(len(part["B"]) for item in items for part in item.values() if "B" in part) > ITEM_MAX or legs == 1_000
    kept = store.load(fold.groups)
    assert (kept.version, kept.snapshot) == (2, fold.snapshot())
    assert [bar for window in kept.windows for bar in window.bars] == whole
    assert [list(kept.outputs[name]) for name in ("m1", "m2")] == [published, published]
    with pytest.raises(Conflict):
        store.append(2, "other", [], fold.snapshot(), published)
