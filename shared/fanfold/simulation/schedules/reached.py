"""Rare states: what a schedule came through, so that it is known which of them the seeds reach, and how often."""

from collections import Counter
from collections.abc import Iterator

from fanfold.messages import OrdersRefused, OrderState, TradingState
from fanfold.simulation.schedules.faults import KINDS
from fanfold.simulation.schedules.one_order import ORDER_KINDS
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.places import RECEIVED_MAX

# Nothing waits to be sent, or for its answer, when all is over.
ENDS = tuple(state for state in OrderState if state not in (OrderState.APPROVED, OrderState.SUBMITTING))
NAMES = (
    *(KINDS[kind] for kind in ORDER_KINDS),
    *(f"an order ends {state}" for state in ENDS),
    *(f"the account ends {state}" for state in TradingState),
    "AWS answers ConditionalCheckFailedException",
    "AWS answers TransactionCanceledException",
    "a message is dead-lettered after so many deliveries",
    "a message is dead-lettered with its reason",
    "a process begins cold",
    "an exit is approved",
    "an order fills in parts",
    "an order is cancelled while it rests",
    "an order is claimed a second time",
    "an order is quarantined",
    "an order is quarantined, and found at the venue after all",
    "an order is quarantined, and its venue proves to have none",
    "risk refuses an order",
    "the venue accepts an order late",
    "the venue accepts an order late, after it was not found",
    "the venue rejects a request that comes after its deadline",
    "two processes work on one message",
)


def reached(outcome: Outcome) -> Counter[str]:
    """Count the states of NAMES that a schedule reached, each once."""
    world = outcome.world
    names = {KINDS[hit.kind] for hit in world.faults.hits} | world.reached.keys() | set(_states(outcome))
    return Counter(names & set(NAMES))


def _states(outcome: Outcome) -> Iterator[str]:
    yield from (f"an order ends {record.state}" for record in outcome.records.values())
    if outcome.books.account is not None:
        yield f"the account ends {outcome.books.account.trading_state}"
    for record in outcome.records.values():
        yield from ["an order is claimed a second time"] if record.epoch > 1 else []
        yield from ["an exit is approved"] if record.order.reduce_only else []
    yield from _doubts(outcome)
    counts = Counter(fill.order_id for fill in outcome.fills)
    yield from ["an order fills in parts"] if any(count > 1 for count in counts.values()) else []
    for letter in outcome.dead_letters:
        by_count = letter.received >= RECEIVED_MAX
        yield f"a message is dead-lettered {'after so many deliveries' if by_count else 'with its reason'}"
    canceled = any(record.state is OrderState.CANCELED for record in outcome.world.witness.history)
    yield from ["an order is cancelled while it rests"] if canceled else []
    yield from ["risk refuses an order"] if outcome.messages_of(OrdersRefused) else []


def _doubts(outcome: Outcome) -> Iterator[str]:
    """The quarantines of orders, and how they ended."""
    for name in {record.order.order_id for record in outcome.world.witness.history if record.doubt}:
        yield "an order is quarantined"
        record = outcome.records[name]
        if not record.doubt:
            ending = "found at the venue after all" if record.venue_order_id else "its venue proves to have none"
            yield f"an order is quarantined, and {ending}"
