"""Cut a booking into parts, each of which one commit takes."""

from collections.abc import Iterator, Sequence

import msgspec

from fanfold.matching.fills import Resolution
from fanfold.messages import OrderState
from fanfold.money import ZERO, exact

# An order's step, its position and its place in the index.
ORDER_CHANGES = 3
# At a real venue, what it names the order by, and the end of a doubt about it.
NAMING_CHANGES = 2
# What fills at a real venue move the balances of, besides the currencies of their fees: base and quote.
TRADED_CURRENCIES = 2


def changes_of(resolution: Resolution) -> int:
    """Return the most changes that the booking of an order needs by itself: the account's and the message's are none.

    Each fill is one; a stop that protects is noted by its leg; only a real venue has an id of the order.
    """
    changes = ORDER_CHANGES + len(resolution.fills) + resolution.resting.order.protects
    if not resolution.venue_order_id:
        return changes
    charged = {charge.currency for fill in resolution.fills for charge in fill.charges}
    # What is charged in a coin that is traded elsewhere is owed besides.
    owed = charged.difference(resolution.resting.order.instrument.split("/"))
    return changes + NAMING_CHANGES + (TRADED_CURRENCIES + len(charged) + len(owed) if resolution.fills else 0)


def chunks(resolutions: Sequence[Resolution], changes_max: int) -> Iterator[list[Resolution]]:
    """Yield resolutions in their order, as many as so many changes take; one with more fills comes in parts."""
    if resolutions and sum(map(changes_of, resolutions)) <= changes_max:
        yield list(resolutions)
        return
    chunk: list[Resolution] = []
    room = changes_max
    for part in (part for resolution in resolutions for part in _parts(resolution, changes_max)):
        cost = changes_of(part)
        if chunk and cost > room:
            yield chunk
            chunk, room = [], changes_max
        chunk.append(part)
        room -= cost
    if chunk:
        yield chunk


@exact
def _parts(resolution: Resolution, changes_max: int) -> list[Resolution]:
    """Cut an order of many fills; each part has the venue's id of it, for a process may end between two."""
    fills_max = changes_max - changes_of(resolution) + len(resolution.fills)
    parts = [resolution]
    while len(parts[0].fills) > fills_max:
        first, rest = parts[0].fills[:-fills_max], parts[0].fills[-fills_max:]
        filled = parts[0].resting.filled - sum((fill.quantity for fill in rest), ZERO)
        before = msgspec.structs.replace(parts[0].resting, filled=filled)
        parts[:1] = [
            msgspec.structs.replace(parts[0], resting=before, state=OrderState.PARTIAL, fills=first),
            msgspec.structs.replace(parts[0], fills=rest),
        ]
    return parts
