"""Items of a batch that DynamoDB leaves unprocessed are asked for again after a while, and not for ever."""

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.aws.client.call import AwsFault, throttled
from fanfold.aws.client.connect import PAUSE_S_MAX, pause
from fanfold.aws.dynamodb.table import BATCH_TRIES, Key, Table

KEYS: list[Key] = [("a", f"{number:03}") for number in range(130)]
ITEMS = {key: {"n": 1} for key in KEYS}


class Slow:
    """DynamoDB that takes of each batch what the plan says, and everything once the plan is over."""

    def __init__(self, *taken: int) -> None:
        self.taken = list(taken)
        self.kept: list[Any] = []

    def __call__(self, _service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        request = parameters["RequestItems"]["things"]
        keys = request if operation == "BatchWriteItem" else request["Keys"]
        count = self.taken.pop(0) if self.taken else len(keys)
        self.kept += keys[:count]
        left = keys[count:] if operation == "BatchWriteItem" else {**request, "Keys": keys[count:]}
        rest = {"things": left} if keys[count:] else {}
        if operation == "BatchWriteItem":
            return {"UnprocessedItems": rest}
        return {"Responses": {"things": keys[:count]}, "UnprocessedKeys": rest}


@given(taken=st.lists(st.integers(min_value=1, max_value=25), max_size=40))
def test_all_items_are_written_and_read_however_few_a_round_takes(taken: list[int]) -> None:
    waits: list[int] = []
    call = Slow(*taken)
    table = Table(call, "things", waits.append)
    table.put_all(ITEMS)
    assert [entry["PutRequest"]["Item"]["sk"]["S"] for entry in call.kept] == [sk for _, sk in KEYS]
    assert set(Table(Slow(*taken), "things", waits.append).get_all(KEYS)) == set(KEYS)
    assert set(waits) <= {1}


def test_rounds_without_progress_wait_longer_and_then_fail_as_throttled() -> None:
    for act in (lambda table: table.put_all(ITEMS), lambda table: table.get_all(KEYS)):
        waits: list[int] = []
        with pytest.raises(AwsFault) as fault:
            act(Table(Slow(*[0] * 99), "things", waits.append))
        assert throttled(fault.value)
        assert waits == list(range(1, BATCH_TRIES))
        waits.clear()
        act(Table(Slow(*[0] * (BATCH_TRIES - 1)), "things", waits.append))
        assert waits == list(range(1, BATCH_TRIES))


def test_a_round_with_progress_does_not_count_as_a_try() -> None:
    waits: list[int] = []
    Table(Slow(*[0, 0, 1] * 8), "things", waits.append).put_all(ITEMS)
    assert max(waits) == 3


def test_a_pause_grows_has_a_jitter_and_an_end() -> None:
    pauses: list[float] = []
    for attempt in range(1, 12):
        pause(attempt, pauses.append, lambda: 1.0)
    assert pauses[:5] == [0.1, 0.2, 0.4, 0.8, PAUSE_S_MAX]
    assert max(pauses) == PAUSE_S_MAX
    drawn = random.Random(7)
    pauses.clear()
    for _ in range(20):
        pause(3, pauses.append, drawn.random)
    assert len(set(pauses)) == 20
    assert max(pauses) <= 0.4
