"""A cloud as it was at a moment, to begin many schedules from."""

from collections.abc import Callable

from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.memory_table import MemoryTable
from fanfold.simulation.topics import MemoryTopic


class Prepared:
    """The contents of a cloud. Items and bodies are shared, for nobody changes them in place."""

    def __init__(self, cloud: MemoryCloud, places: dict[str, str], now: float) -> None:
        self.now = now
        # A copy: the cloud of a world knows its world, by the clock.
        self._cloud = MemoryCloud(lambda: now)
        self._places = places
        _copy(cloud, self._cloud, lambda: now)

    def fill(self, cloud: MemoryCloud, now: Callable[[], float]) -> dict[str, str]:
        """Put it into an empty cloud; return the names of places."""
        _copy(self._cloud, cloud, now)
        return dict(self._places)


def _copy(source: MemoryCloud, cloud: MemoryCloud, now: Callable[[], float]) -> None:
    for name, table in source.dynamodb.tables.items():
        cloud.dynamodb.tables[name] = filled = MemoryTable(table.keys)
        filled.partitions = {partition: dict(items) for partition, items in table.partitions.items()}
        filled.largest = dict(table.largest)
    for name, queue in source.sqs.queues.items():
        cloud.sqs.queues[name] = queue.copied(now)
    for arn, topic in source.sns.topics.items():
        cloud.sns.topics[arn] = known = MemoryTopic()
        known.subscriptions, known.known = topic.subscriptions, dict(topic.known)
