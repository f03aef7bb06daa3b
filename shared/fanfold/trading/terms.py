"""The terms on which each venue takes orders, as data: ids, fences, margins, definitive rejections."""

from typing import Literal

import msgspec


class VenueTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's terms.

    ``fence`` names how a request is kept from being taken after its deadline: "" where the venue has no such thing, and
    then an order of unknown outcome is never sent again. ``margin_s`` is how long after the deadline its "not found"
    becomes final: processing after the window, lag of queries and clock skew together.
    """

    exchange: str
    client_id_field: str
    client_id_scope: Literal["open", "forever"]
    client_id_length_max: int
    client_id_pattern: str
    fence: Literal["timestamp and window", "deadline", "expiry", ""]
    window_s: int
    margin_s: int
    rejections: frozenset[str]
    duplicates: frozenset[str]
    sandbox: bool
    cancels_all_after: bool
