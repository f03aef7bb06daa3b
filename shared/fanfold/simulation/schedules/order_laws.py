"""Laws of orders and of the messages about them: nothing is forgotten, and nothing happens without a word."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec

from fanfold.aws.dynamodb import ledger
from fanfold.ledger.orders import OrderRecord
from fanfold.messages import OrdersApproved, OrdersRefused, OrderState
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.places import RECEIVED_MAX

# The clocks of two processes may be so far apart.
CLOCKS_S = 5
_END = {OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED}
_NEVER_THERE = {OrderState.REJECTED, OrderState.BLOCKED, OrderState.STALE}
# Written apart from the desk's own table: a law that reads what it holds would change with it.
EDGES: dict[OrderState, set[OrderState]] = {
    OrderState.APPROVED: {OrderState.SUBMITTING, OrderState.BLOCKED, OrderState.STALE},
    OrderState.SUBMITTING: {OrderState.OPEN, OrderState.PARTIAL} | _END | _NEVER_THERE,
    OrderState.OPEN: {OrderState.PARTIAL} | _END,
    OrderState.PARTIAL: _END,
    OrderState.CANCELED: {OrderState.FILLED},
    OrderState.EXPIRED: {OrderState.FILLED},
    **{state: set() for state in (OrderState.FILLED, *_NEVER_THERE)},
}
# The bar that opens at or after an order's time ends it, when it is closed.
LATE = timedelta(minutes=2)


def one_id_is_one_message(outcome: Outcome) -> Iterator[str]:
    """A message that is published again is the same to the byte."""
    for message in outcome.heard:
        if message != outcome.unique[message.id] and not isinstance(message, OrdersRefused):
            yield f"{message.id} is two messages"


def nothing_is_left_unpublished(outcome: Outcome) -> Iterator[str]:
    """The outboxes are empty in the end, and nothing was put aside."""
    for service in ("risk", "execution"):
        for name, item in outcome.stored(f"outbox#{service}"):
            if "body" in item:
                yield f"{service} never published {name}"
        for name, item in outcome.stored(f"quarantine#{service}"):
            yield f"{name} was put aside: {item['reason']['S']}"


def the_index_of_live_orders_is_what_lives(outcome: Outcome) -> Iterator[str]:
    """The index lists each live order, and no other."""
    listed = {order.order_id for order in ledger.live(outcome.table, outcome.account)}
    lives = {record.order.order_id for record in outcome.live}
    yield from (f"order {order_id} is listed as live, or lives, but not both" for order_id in sorted(listed ^ lives))


def what_is_approved_is_what_the_ledger_has(outcome: Outcome) -> Iterator[str]:
    """Each order of the ledger was published as approved, with the same terms."""
    approvals = [message for message in outcome.messages_of(OrdersApproved) if message.account == outcome.account]
    approved = {order.order_id: order for approval in approvals for order in approval.orders}
    known = {name: record.order for name, record in outcome.records.items()}
    if approved != known:
        yield f"approved or in the ledger, but not both: {sorted(approved.keys() ^ known.keys())}"


def no_live_order_is_without_a_future(outcome: Outcome) -> Iterator[str]:
    """A live order rests at the venue, and not past its time."""
    resting = {entry.order.order_id for entry in outcome.resting}
    for record in outcome.live:
        if record.order.order_id not in resting:
            yield f"order {record.order.order_id} is {record.state}, and nobody works on it"
        elif record.order.expires_at + LATE < outcome.world.clock():
            yield f"order {record.order.order_id} rests past its time"


def every_dead_letter_has_its_reason(outcome: Outcome) -> Iterator[str]:
    """A message that nobody can take is put aside with the reason, or after so many deliveries."""
    for letter in outcome.dead_letters:
        if "reason" not in letter.attributes and letter.received < RECEIVED_MAX:
            yield f"{letter.body[:40]!r} was put aside without a reason"


def poison_is_put_aside(outcome: Outcome) -> Iterator[str]:
    """A message that nobody understands ends among the dead letters, and is not lost."""
    bodies = {letter.body for letter in outcome.dead_letters}
    poisoned: list[str] = getattr(outcome.world, "poisoned", [])
    yield from (f"{body[:40]!r} is nowhere" for body in poisoned if body not in bodies)


def orders_move_along_the_edges_of_their_life(outcome: Outcome) -> Iterator[str]:
    """No write takes an order from a state to one that does not follow it."""
    for before, after in _steps(outcome):
        if after.state is not before.state and after.state not in EDGES[before.state]:
            yield f"order {after.order.order_id} went from {before.state} to {after.state}"


def claims_only_count_up(outcome: Outcome) -> Iterator[str]:
    """The number of a claim rises by one or stays, and an order's terms and fills are never taken back."""
    for before, after in _steps(outcome):
        if after.epoch - before.epoch not in (0, 1):
            yield f"order {after.order.order_id} went from claim {before.epoch} to {after.epoch}"
        if after.filled < before.filled:
            yield f"order {after.order.order_id} lost a fill"


def nothing_is_sent_that_is_too_old(outcome: Outcome) -> Iterator[str]:
    """No order is claimed that was due longer ago than a signal may be old."""
    oldest = timedelta(seconds=outcome.limits.signal_age_s_max + CLOCKS_S)
    for _, record in outcome.witness.claims:
        if record.claimed_at is not None and record.claimed_at - record.order.sendable_at > oldest:
            yield f"order {record.order.order_id} was claimed {record.claimed_at - record.order.sendable_at} late"


def no_secret_is_written_down(outcome: Outcome) -> Iterator[str]:
    """The venue's key is in no message and in no table."""
    secret: str = getattr(outcome.world, "secret", "")
    bodies = [letter.body for letter in outcome.letters] if secret else []
    yield from ["a message has the secret of the venue"] if any(secret in body for body in bodies) else []
    for name, table in outcome.world.cloud.dynamodb.tables.items() if secret else []:
        # A fraction of what their text would take; text and bytes are in it as they are.
        if table.partitions and secret.encode() in msgspec.msgpack.encode(table.partitions):
            yield f"table {name} has the secret of the venue"


def _steps(outcome: Outcome) -> Iterator[tuple[OrderRecord, OrderRecord]]:
    last: dict[str, OrderRecord] = {}
    for record in outcome.witness.history:
        name = record.order.order_id
        if name in last:
            yield last[name], record
        last[name] = record


def nothing_rests_that_the_ledger_has_ended(outcome: Outcome) -> Iterator[str]:
    """Each order that rests at the venue is live in the ledger."""
    live = {record.order.order_id for record in outcome.live}
    yield from (
        f"order {entry.order.order_id} rests, and is ended"
        for entry in outcome.resting
        if entry.order.order_id not in live
    )
