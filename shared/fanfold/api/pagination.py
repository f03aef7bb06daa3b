"""Pages of a sorted list: a cursor names the item before the next page, so that new items repeat none."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from hashlib import blake2s
from typing import TypeVar

import msgspec

from fanfold.api.problems import Problem

T = TypeVar("T")
Position = tuple[str, ...]
_position = msgspec.json.Decoder(tuple[str, ...]).decode


def page(
    items: Sequence[T], place: Callable[[T], Position], cursor: str | None, limit: int, scope: tuple[object, ...]
) -> tuple[list[T], str | None]:
    """Return at most ``limit`` items after the cursor, and the cursor of the next page, None on the last.

    Items are sorted by their place, descending. ``scope`` is the query: a cursor is valid only for the query that
    returned it.
    """
    after = decode_cursor(cursor, scope) if cursor is not None else None
    rest = [item for item in items if after is None or place(item) < after]
    shown = rest[:limit]
    return shown, encode_cursor(place(shown[-1]), scope) if len(rest) > limit else None


def encode_cursor(position: Position, scope: tuple[object, ...]) -> str:
    """Return an opaque cursor. Its checksum is against mistakes, not malice: it shows no more than the query does."""
    body = msgspec.json.encode(position)
    return urlsafe_b64encode(_sum(body, scope) + body).decode().rstrip("=")


def decode_cursor(cursor: str, scope: tuple[object, ...]) -> Position:
    """Return the place in a cursor. Raises Problem for one that was changed, or that another query returned."""
    try:
        whole = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        body = whole[8:]
        if whole[:8] == _sum(body, scope) and encode_cursor(_position(body), scope) == cursor:
            return _position(body)
    except (binascii.Error, UnicodeEncodeError, msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise _refused() from wrong
    raise _refused()


def _sum(body: bytes, scope: tuple[object, ...]) -> bytes:
    return blake2s(body, digest_size=8, key=blake2s(repr(scope).encode()).digest()).digest()


def _refused() -> Problem:
    return Problem(400, "bad-cursor", "the cursor is not one that this query gave; start without a cursor")
