"""A cache of what a process read of the views, valid until audit records more: one read of the heads tells."""

from collections.abc import Callable, Hashable
from hashlib import blake2b
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from fanfold.audit.chain import Tip
from fanfold.audit.lineage import Segments
from fanfold.audit.order_cache import Asides, KnownOrders, OrderCache
from fanfold.audit.queries import Reading

# A reader asks some paths, with some queries each; more are of somebody who looks through old pages.
KEPT_MAX = 64
T = TypeVar("T")
_encode = msgspec.json.Encoder().encode


class Recorded(Reading, Asides, Protocol):
    """Audit's views with the ends of its streams; see fanfold.aws.dynamodb.views."""

    def tips(self) -> list[Tip]: ...


class _Answers(NamedTuple):
    """All answers read while the heads had one tag, by their keys."""

    tag: str
    by_key: dict[Hashable, object]


class ReadCache:
    """The answers of one process. Any number of threads may read.

    A writer promises a segment at the head before it changes a view, and takes the promise back with the head that it
    moves last. So while no head has a promise and all are where they were, no view has changed.
    """

    def __init__(self, views: Recorded, log: Segments) -> None:
        self._views = views
        self._known = _Answers("", {})
        self._orders = OrderCache(views, log)

    def read(self, key: Hashable | None, read: Callable[[Reading], T]) -> tuple[T, str]:
        """Return what ``read`` does, or did for the same key, and the tag of all that was recorded before.

        Without a key it is read each time. While a writer is at work it is too, and nothing that is remembered is used.
        """
        # The heads come first: what is recorded while we read is in the next tag.
        tips = self._views.tips()
        tag = blake2b(_encode(tips), digest_size=16).hexdigest()
        if any(tip.promised for tip in tips):
            return read(self._views), tag
        if key is None:
            return read(KnownOrders(self._views, self._orders.until(tips))), tag
        known = self._known if self._known.tag == tag else _Answers(tag, {})
        if key in known.by_key:
            return known.by_key[key], tag  # type: ignore[return-value]
        answer = read(KnownOrders(self._views, self._orders.until(tips)))
        kept = known if len(known.by_key) < KEPT_MAX else _Answers(tag, {})
        kept.by_key[key] = answer
        # Once it is there: a thread with a later tag may have put another in this place meanwhile.
        self._known = kept
        return answer, tag
