"""What a minute of bars asks of AWS, and what one order more does: the requests that a change must not raise."""

from collections import Counter

from cost_situations import Scenario
from counted_chain import day

from support.situations import many

SYMBOLS = 10
# Whole windows of audit.
MINUTES = 20
WARM = 5
TOLERANCE = 1.05
Requests = dict[str, float]


def measured() -> dict[str, Requests]:
    """Calls by operation and units by price item: a minute's, and an order's beside it."""
    quiet, busy = _a_minute(ordering=False), _a_minute(ordering=True)
    # The second desk orders once a minute, one of the ten.
    order = {name: round(busy[name] - quiet.get(name, 0), 4) for name in busy}
    return {"bars": quiet, "order": {name: more for name, more in order.items() if more}}


def risen(known: dict[str, Requests], found: dict[str, Requests]) -> list[str]:
    """Each request that there is more than a twentieth more of than the baseline has, or that it does not have."""
    return [
        f"{kind}: {name} {known[kind].get(name, 0)} -> {count}"
        for kind, some in found.items()
        for name, count in some.items()
        if count > known[kind].get(name, 0) * TOLERANCE + 1e-9 and count > 0
    ]


def _a_minute(*, ordering: bool) -> Requests:
    situation = many(SYMBOLS, MINUTES + WARM, ordering=ordering)
    # The lake's schedule falls on some minutes only.
    functions = {
        name: one
        for name, one in day(Scenario("baseline", situation, "full", WARM)).functions.items()
        if name not in {"audit/flush", "audit/compact"}
    }
    found: Counter[str] = Counter()
    for activity in functions.values():
        found.update(activity.calls)
        found.update({name: float(count) for name, count in activity.units.items()})
        found["lambda-request"] += activity.invocations
        found["sqs-request"] += activity.received + activity.deletes
    return {name: round(count / MINUTES, 4) for name, count in sorted(found.items())}
