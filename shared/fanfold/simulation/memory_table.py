"""The items of one DynamoDB table in memory, by partition and sort key."""

from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any

from fanfold.aws.dynamodb.attribute_values import Item
from fanfold.simulation.items import checked_size, invalid

Key = tuple[str, str]
# Bytes that a partition key and a sort key may have.
PARTITION_BYTES, SORT_BYTES = 2_048, 1_024
NOTHING: Item = {}
_NO_KEY = "The provided key element does not match the schema"


class MemoryTable:
    """One table's items, by partition and sort key."""

    def __init__(self, keys: tuple[str, str]) -> None:
        self.keys = keys
        self.partitions: dict[str, dict[str, Item]] = {}
        # A bound on the bytes of any item of a partition, so that a query need not measure what cannot fill a page.
        self.largest: dict[str, int] = {}
        # The sort keys of partitions that were queried, in order, so that a query costs what it returns.
        self._sorted: dict[str, list[str]] = {}

    def key_of(self, attributes: Mapping[str, Any]) -> Key:
        """Return the key among attributes."""
        first, second = self.keys
        try:
            partition, sort = attributes[first]["S"], attributes[second]["S"]
        except KeyError:
            raise invalid(_NO_KEY) from None
        if not partition or not sort:
            raise invalid(_NO_KEY)
        # A character has at most four bytes: few keys have to be measured.
        long = len(partition) > PARTITION_BYTES // 4 or len(sort) > SORT_BYTES // 4
        if long and (len(partition.encode()) > PARTITION_BYTES or len(sort.encode()) > SORT_BYTES):
            raise invalid(_NO_KEY)
        return partition, sort

    def exact_key_of(self, attributes: Mapping[str, Any]) -> Key:
        # With both names of a key, which are looked up, and no third, it is one.
        if len(attributes) != len(self.keys):
            raise invalid(_NO_KEY)
        return self.key_of(attributes)

    def check_size(self, key: Key, item: Mapping[str, Any]) -> None:
        """Raise DynamoDB's fault for an item over 400 KB."""
        bound = checked_size(item)
        if bound > self.largest.get(key[0], 0):
            self.largest[key[0]] = bound

    def get(self, key: Key) -> Item | None:
        partition, sort = key
        part = self.partitions.get(partition)
        return None if part is None else part.get(sort)

    def put(self, key: Key, item: Item | None) -> None:
        """Store an item; None deletes the stored one."""
        partition, sort = key
        part, names = self.partitions.get(partition), self._sorted.get(partition)
        if part is None:
            part = self.partitions[partition] = {}
        if names is not None and (sort in part) != (item is not None):
            if item is not None:
                insort(names, sort)
            else:
                del names[bisect_left(names, sort)]
        if item is not None:
            part[sort] = item
        else:
            part.pop(sort, None)

    def sort_keys(self, partition: str) -> list[str]:
        """Return the sort keys of a partition in order; the list changes with the table."""
        names = self._sorted.get(partition)
        if names is None:
            names = self._sorted[partition] = sorted(self.partitions.get(partition, ()))
        return names

    def items(self) -> list[Item]:
        """Return all items, in order of their keys."""
        return [part[sort] for _, part in sorted(self.partitions.items()) for sort in sorted(part)]
