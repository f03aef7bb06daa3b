"""Split a message that is longer than its topic accepts into several, which share what it lists."""

from collections.abc import Iterator
from typing import Any

import msgspec

from fanfold import ids
from fanfold.messages import BarsRequested, ExecutionReport, LegStatus, Message, OrdersApproved, OrdersRefused, encode

# A topic takes 256 KB; the rest is for attributes, and for what is no list.
PART_BYTES = 200_000
_LISTS: dict[type[Message], tuple[str, ...]] = {
    BarsRequested: ("instruments",),
    OrdersApproved: ("orders", "withdrawn"),
    OrdersRefused: ("refusals",),
    LegStatus: ("statuses",),
    ExecutionReport: ("updates", "fills", "positions"),
}
_length = msgspec.json.Encoder(decimal_format="string").encode


def split(message: Message) -> list[Message]:
    """Return the message, or its parts, each under an id that is a function of its own; only the last says ``matched``.

    The entries of a message of another kind belong together: it is left whole, as is an entry that alone is too long.
    """
    lists = _LISTS.get(type(message), ())
    if not lists or len(encode(message)) <= PART_BYTES:
        return [message]
    shares = list(_shares(message, lists))
    parts = [_part(message, lists, number, share) for number, share in enumerate(shares, 1)]
    if isinstance(message, ExecutionReport) and message.matched:
        parts[-1] = msgspec.structs.replace(parts[-1], matched=True)
    return parts


def _shares(message: Message, lists: tuple[str, ...]) -> Iterator[list[tuple[str, Any]]]:
    share: list[tuple[str, Any]] = []
    size = 0
    for name in lists:
        for entry in getattr(message, name) or ():
            length = len(_length(entry)) + 1
            if share and size + length > PART_BYTES:
                yield share
                share, size = [], 0
            share.append((name, entry))
            size += length
    yield share


def _part(message: Message, lists: tuple[str, ...], number: int, share: list[tuple[str, Any]]) -> Message:
    changes: dict[str, Any] = {
        name: [entry for field, entry in share if field == name]
        for name in lists
        if getattr(message, name) is not msgspec.UNSET
    }
    if isinstance(message, ExecutionReport):
        changes["matched"] = False
    return msgspec.structs.replace(message, id=ids.derive("part", message.id, number), **changes)
