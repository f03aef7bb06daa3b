"""The terms on which a venue takes orders: ids, fences, margins, definitive rejections."""

import re
from itertools import pairwise
from typing import Literal

import msgspec

from fanfold.errors import BadInput

# Six digits around the 26 of an id make a UUID of it: four in front, and its version and variant where they belong.
_MARK, _VERSION, _VARIANT = "fa4f", "4", "a"
_OWN = re.compile(r"[0-9a-f]{26}")


class VenueTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's terms.

    ``fence`` names how a request is kept from being taken after its deadline: "" where the venue has no such thing, and
    then an order of unknown outcome is never sent again. ``margin_s`` is how long after the deadline its "not found"
    becomes final: processing after the window, lag of queries and clock skew together. ``rejections`` are codes that
    are definitive for their request; a code may be followed by a colon and details. ``duplicates`` are codes, or parts
    of the venue's text, that say that the client order id is in use: then the order may well exist.
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
    client_id_form: Literal["as it is", "uuid", "dashed uuid"] = "as it is"

    def client_id(self, client_order_id: str) -> str:
        """Return the id under which the venue gets an order. Raises BadInput where it would not fit."""
        form = client_order_id
        if self.client_id_form != "as it is":
            form = _uuid(client_order_id, dashes=self.client_id_form == "dashed uuid")
        if len(form) > self.client_id_length_max or not re.fullmatch(self.client_id_pattern, form):
            raise BadInput(
                f"{self.exchange} takes no client order id like {client_order_id!r}: {self.client_id_pattern}"
            )
        return form

    def own_id(self, client_id: str) -> str:
        """Return the client order id of an order at the venue; an id that is not ours is returned as it is."""
        digits = client_id.replace("-", "")
        framed = len(digits) == 32 and digits.startswith(_MARK) and digits[12] == _VERSION and digits[16] == _VARIANT
        if self.client_id_form == "as it is" or not framed:
            return client_id
        return digits[4:12] + digits[13:16] + digits[17:]

    def definitive(self, code: str) -> bool:
        """Return whether a code means that the venue will never have the order of its request."""
        return any(code == known or code.startswith(f"{known}:") for known in self.rejections)

    def duplicate(self, code: str, detail: str) -> bool:
        """Return whether an answer says that the client order id is in use."""
        return any(part == code or part in detail for part in self.duplicates)


def _uuid(client_order_id: str, *, dashes: bool) -> str:
    if not _OWN.fullmatch(client_order_id):
        raise BadInput(f"{client_order_id!r} is no client order id; it has 26 hexadecimal digits")
    digits = f"{_MARK}{client_order_id[:8]}{_VERSION}{client_order_id[8:11]}{_VARIANT}{client_order_id[11:]}"
    cuts = (0, 8, 12, 16, 20, 32)
    return "-".join(digits[start:end] for start, end in pairwise(cuts)) if dashes else digits
