"""The AWS requests of a minute of bars, and of one order more: the requests that a change must not raise."""

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


def risen(known: dict[str, Requests], measured_requests: dict[str, Requests]) -> list[str]:
    """Each request that there is more than a twentieth more of than the baseline has, or that it does not have."""
    return [
        f"{kind}: {name} {known[kind].get(name, 0)} -> {count}"
        for kind, counts in measured_requests.items()
        for name, count in counts.items()
        if count > known[kind].get(name, 0) * TOLERANCE + 1e-9 and count > 0
    ]


def _a_minute(*, ordering: bool) -> Requests:
    situation = many(SYMBOLS, MINUTES + WARM, ordering=ordering)
    # The lake's schedule falls on some minutes only.
    functions = {
        name: activity
        for name, activity in day(Scenario("baseline", situation, "full", WARM)).functions.items()
        if name not in {"audit/flush", "audit/compact"}
    }
    requests: Counter[str] = Counter()
    for activity in functions.values():
        requests.update(activity.calls)
        requests.update({name: float(count) for name, count in activity.units.items()})
        requests["lambda-request"] += activity.invocations
        requests["sqs-request"] += activity.received + activity.deletes
    return {name: round(count / MINUTES, 4) for name, count in sorted(requests.items())}
