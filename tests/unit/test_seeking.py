"""Queries and listings in memory cost what they return: they seek, as DynamoDB and S3 do."""

from collections.abc import Iterator

from fanfold.aws.dynamodb.attribute_values import Item
from fanfold.simulation.cloud import MemoryCloud

MANY, FEW = 1_000, 3


class CountingItems(dict[str, Item]):
    """Items of a partition that count how many of them are read."""

    reads = 0

    def __getitem__(self, sort: str) -> Item:
        self.reads += 1
        return super().__getitem__(sort)


def test_a_query_reads_no_item_but_those_that_it_returns() -> None:
    cloud = MemoryCloud()
    table = cloud.table("t")
    table.write([table.putting(("p", f"a{number:04d}"), {}) for number in range(FEW)])
    for number in range(MANY):
        table.write([table.putting(("p", f"b{number:04d}"), {})])
    items = CountingItems(cloud.dynamodb.table("t").partitions["p"])
    cloud.dynamodb.table("t").partitions["p"] = items
    assert len(list(table.query("p", "a"))) == FEW
    newest = table.query("p", "b", newest_first=True, page=FEW)
    assert [next(newest)["sk"] for _ in range(FEW)] == ["b0999", "b0998", "b0997"]
    assert items.reads == 2 * FEW


def test_a_listing_looks_at_no_key_outside_of_its_prefix_and_page() -> None:
    cloud = MemoryCloud()
    cloud.call("s3", "CreateBucket", {"Bucket": "b"})
    for number in range(MANY):
        cloud.call("s3", "PutObject", {"Bucket": "b", "Key": f"days/{number:04d}", "Body": b""})
    bucket, seen = cloud.s3.bucket("b"), list[str]()

    def keys_from(prefix: str, first: str) -> Iterator[str]:
        for key in type(bucket).keys_from(bucket, prefix, first):
            seen.append(key)
            yield key

    bucket.keys_from = keys_from
    wanted = {"Bucket": "b", "Prefix": "days/", "StartAfter": "days/0500", "MaxKeys": FEW}
    page = cloud.call("s3", "ListObjectsV2", wanted)
    assert [line["Key"] for line in page["Contents"]] == ["days/0501", "days/0502", "days/0503"]
    assert len(seen) <= FEW + 2
