"""A cloud as it was at a moment, to begin many schedules from."""

from collections.abc import Callable

from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.memory_table import MemoryTable
from fanfold.simulation.topics import MemoryTopic


class Prepared:
    """The contents of a cloud. Items and bodies are shared, for nobody changes them in place."""

    def __init__(self, cloud: MemoryCloud, places: dict[str, str], now: float) -> None:
        self.now = now
        self._cloud = cloud
        self._places = places

    def fill(self, cloud: MemoryCloud, now: Callable[[], float]) -> dict[str, str]:
        """Put it into an empty cloud; return the names of places."""
        for name, table in self._cloud.dynamodb.tables.items():
            cloud.dynamodb.tables[name] = filled = MemoryTable(table.keys)
            filled.partitions = {partition: dict(items) for partition, items in table.partitions.items()}
            filled.largest = dict(table.largest)
        for name, queue in self._cloud.sqs.queues.items():
            cloud.sqs.queues[name] = queue.copied(now)
        for arn, topic in self._cloud.sns.topics.items():
            cloud.sns.topics[arn] = known = MemoryTopic()
            known.subscriptions, known.known = topic.subscriptions, dict(topic.known)
        return dict(self._places)
