"""Cut a booking into parts, each of which one commit takes."""

from collections.abc import Iterator, Sequence

import msgspec

from fanfold.matching.fills import Resolution
from fanfold.messages import OrderState
from fanfold.money import ZERO, exact

# An order's step, its position and its place in the index; each fill is one change more.
ORDER_CHANGES = 3


def chunks(resolutions: Sequence[Resolution], changes_max: int) -> Iterator[list[Resolution]]:
    """Yield resolutions in their order, as many as so many changes take; one with more fills comes in parts."""
    if resolutions and sum(ORDER_CHANGES + len(resolution.fills) for resolution in resolutions) <= changes_max:
        yield list(resolutions)
        return
    chunk: list[Resolution] = []
    room = changes_max
    for part in (part for resolution in resolutions for part in _parts(resolution, changes_max - ORDER_CHANGES)):
        cost = ORDER_CHANGES + len(part.fills)
        if chunk and cost > room:
            yield chunk
            chunk, room = [], changes_max
        chunk.append(part)
        room -= cost
    if chunk:
        yield chunk


@exact
def _parts(resolution: Resolution, fills_max: int) -> list[Resolution]:
    parts = [resolution]
    while len(parts[0].fills) > fills_max:
        first, rest = parts[0].fills[:-fills_max], parts[0].fills[-fills_max:]
        filled = parts[0].resting.filled - sum((fill.quantity for fill in rest), ZERO)
        before = msgspec.structs.replace(parts[0].resting, filled=filled)
        parts[:1] = [
            Resolution(resting=before, state=OrderState.PARTIAL, fills=first),
            msgspec.structs.replace(parts[0], fills=rest),
        ]
    return parts
