"""The parts of ministack that the emulator process replaces: they exist, and so does each replacement."""

import inspect
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ministack import app
from ministack.core import iam_actions, lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb, lambda_svc, sns, sqs

from fanfold.local.batching_windows import AT_ONCE, Windows

BATCH, WINDOW_S = 25, 3_600
URL = "http://localhost:4566/000000000000/embedded-test"
TOUCHED: dict[Any, tuple[str, ...]] = {
    app: ("app", "save_all", "main", "_MAIN_LOOP"),
    dynamodb: ("_condition_syntax_error",),
    iam_actions: ("extract_iam_action", "extract_resource_arn"),
    lambda_runtime: ("execution_credentials",),
    lambda_svc: (
        "_ESM_IDLE_WAKE_GAP_SECONDS", "_ESM_SQS_DEFAULT_CONCURRENCY", "_emit_lambda_logs", "_emit_lambda_metrics",
        "_esm_wake", "_execute_function_proxy", "_iter_all_esms", "_poll_dynamodb_streams", "_poll_kinesis",
        "_proxy_url_for",
    ),
    sns: ("_prune_sns_dedup",),
    sqs: ("_CANONICAL_NETLOC", "_delete_messages_for_esm", "_prune_dedup", "_queues", "_receive_messages_for_esm"),
}  # fmt: skip


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in TOUCHED.items() for name in names])
def test_every_replaced_part_of_ministack_exists_and_is_used(module, name):
    assert hasattr(module, name)
    # Defined once, and asked for where it is.
    assert (inspect.getsource(module) + inspect.getsource(lambda_svc)).count(name) > 1


def message(number: int, visible_at: float) -> dict[str, Any]:
    return {"id": f"m{number}", "body": "{}", "sent_at": visible_at, "visible_at": visible_at, "receive_count": 0}


class Queue:
    """A queue of the emulator, whose mapping has a window."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        arn = f"arn:aws:sqs:{get_region()}:{get_account_id()}:embedded-test"
        sqs._queues[URL] = {
            "name": "embedded-test",
            "url": URL,
            "is_fifo": False,
            "messages": self.messages,
            "attributes": {"QueueArn": arn, "VisibilityTimeout": "30", "MessageRetentionPeriod": "345600"},
        }
        lambda_svc._esms["embedded-test"] = {
            "EventSourceArn": arn,
            "MaximumBatchingWindowInSeconds": WINDOW_S,
            "UUID": "embedded-test",
        }
        self.windows = Windows()

    def put(self, count: int, age_s: float = 0.0) -> None:
        now = time.time()
        self.messages += [message(len(self.messages) + at, now - age_s) for at in range(count)]

    def taken(self, batch: int = BATCH) -> list[str]:
        return [received["id"] for received in self.windows.receive(URL, batch)]


@pytest.fixture
def queue() -> Iterator[Queue]:
    yield Queue()
    del sqs._queues[URL], lambda_svc._esms["embedded-test"]


def test_messages_wait_for_a_whole_batch(queue):
    assert queue.taken() == []
    queue.put(BATCH - 1)
    assert queue.taken() == []
    queue.put(2)
    assert queue.taken() == [f"m{number}" for number in range(BATCH)]
    assert queue.taken() == []


def test_a_batching_window_that_ends_delivers_the_waiting_messages(queue):
    queue.put(1, age_s=WINDOW_S + 1)
    queue.put(2)
    assert queue.taken() == ["m0", "m1", "m2"]


def test_a_wait_for_quiet_skips_batching_windows(queue):
    queue.put(AT_ONCE + 1)
    with queue.windows, queue.windows:
        assert len(queue.taken()) == AT_ONCE + 1
    queue.put(1)
    with queue.windows:
        pass
    assert queue.taken() == []


def test_a_mapping_of_ten_messages_at_most_has_no_window(queue):
    queue.put(AT_ONCE + 1)
    assert len(queue.taken(AT_ONCE)) == AT_ONCE
    assert len(queue.taken(AT_ONCE)) == 1
