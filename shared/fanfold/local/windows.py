"""Batching windows: the emulator takes them down and does not keep them, and hands out ten messages at most."""

import time
from typing import Any

from ministack.services import lambda_svc, sqs

AT_ONCE = 10


class Windows:
    """What a mapping takes from its queue: a whole batch, or what there is when the first has waited for the window.

    A FIFO queue's has no window, and batches of AT_ONCE at most, on AWS too.
    """

    def __init__(self) -> None:
        self._receive = sqs._receive_messages_for_esm
        self._hurried = 0

    def __enter__(self) -> None:
        """While somebody waits for queues to run empty, no window is waited for."""
        self._hurried += 1
        lambda_svc._esm_wake.set()

    def __exit__(self, *_: object) -> None:
        self._hurried -= 1

    def receive(self, queue_url: str, batch: int) -> list[dict[str, Any]]:
        """In place of the emulator's own; its poller alone asks, one queue after the other."""
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
