"""The pages that DynamoDB answers a query or a scan in."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, islice
from typing import Any

from fanfold.aws.dynamodb.attribute_values import Item
from fanfold.simulation.items import may_exceed, size

PAGE_BYTES = 1024 * 1024
# Items are read on so many at a time until a page is full.
CHUNK_ITEMS = 500


def page(keys: tuple[str, str], matching: Iterable[Item], limit: int | None, largest: int) -> dict[str, Any]:
    """Return as many items as a page takes: its limit, or 1 MB, the item that exceeds it included.

    None of them has more bytes than the largest.
    """
    few = CHUNK_ITEMS if limit is None else min(CHUNK_ITEMS, limit - 1)
    if isinstance(matching, list) and len(matching) <= few and not _may_fill(matching, largest):
        return {"Items": matching, "Count": len(matching)}
    wanted, items, end = islice(matching, limit), list[Item](), None
    while end is None and (chunk := list(islice(wanted, CHUNK_ITEMS))):
        items += chunk
        end = _end_of_page(items, largest)
    if end is None and len(items) != limit:
        return {"Items": items, "Count": len(items)}
    items = items[:end]
    last = {name: items[-1][name] for name in keys}
    return {"Items": items, "Count": len(items), "LastEvaluatedKey": last}


def _may_fill(items: Sequence[Item], largest: int) -> bool:
    """Return whether items could fill a page, none of them larger than the largest, which few can."""
    return len(items) * largest >= PAGE_BYTES and may_exceed(items, PAGE_BYTES - 1)


def _end_of_page(items: Sequence[Item], largest: int) -> int | None:
    """Return how many items reach 1 MB together; None where all of them do not."""
    if not _may_fill(items, largest):
        return None
    weights = accumulate(map(size, items))
    return next((count for count, weight in enumerate(weights, 1) if weight >= PAGE_BYTES), None)
