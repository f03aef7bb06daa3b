"""Batching windows for the emulator, which accepts the setting, ignores it, and delivers ten messages at most."""

import time
from typing import Any

from ministack.services import lambda_svc, sqs

AT_ONCE = 10


class Windows:
    """The batch that a mapping takes from its queue: a full one, or what has arrived when the window of the first ends.

    A FIFO queue's mapping has no window, and batches of AT_ONCE at most, as on AWS.
    """

    def __init__(self) -> None:
        self._receive = sqs._receive_messages_for_esm
        self._hurried = 0

    def __enter__(self) -> None:
        """Skip the windows while a caller waits for queues to run empty."""
        self._hurried += 1
        lambda_svc._esm_wake.set()

    def __exit__(self, *_: object) -> None:
        self._hurried -= 1

    def receive(self, queue_url: str, batch: int) -> list[dict[str, Any]]:
        """Replace the emulator's own; only its poller calls this, for one queue after the other."""
        if not sqs._queues[queue_url]["messages"]:
            # Of most queues, most of the times that the poller looks.
            return []
        if batch > AT_ONCE and not self._hurried and not self._due(queue_url, batch):
            return []
        taken: list[dict[str, Any]] = []
        while len(taken) < batch:
            received = self._receive(queue_url, min(AT_ONCE, batch - len(taken)))
            if not received:
                break
            taken += received
        return taken

    def _due(self, queue_url: str, batch: int) -> bool:
        now, queue = time.time(), sqs._queues[queue_url]
        since = [message["visible_at"] for message in list(queue["messages"]) if message["visible_at"] <= now]
        return len(since) >= batch or (bool(since) and now - min(since) >= _window_s(queue["attributes"]["QueueArn"]))


def _window_s(queue_arn: str) -> float:
    mappings = (mapping for _, _, mapping in lambda_svc._iter_all_esms() if mapping["EventSourceArn"] == queue_arn)
    return max(float(mapping.get("MaximumBatchingWindowInSeconds", 0)) for mapping in mappings)
