"""Laws of orders and of the messages about them: nothing is forgotten, and nothing happens without a word."""

from collections.abc import Iterator
from datetime import timedelta

from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.table import KEY_NAMES
from fanfold.messages import OrdersApproved, OrdersRefused
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.places import RECEIVED_MAX

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
        left = [item for item in outcome.table.query(f"outbox#{service}") if "body" in item]
        yield from (f"{service} never published {item[KEY_NAMES[1]]}" for item in left)
        aside = outcome.table.query(f"quarantine#{service}")
        yield from (f"{item[KEY_NAMES[1]]} was put aside: {item['reason']}" for item in aside)


def the_index_of_live_orders_is_what_lives(outcome: Outcome) -> Iterator[str]:
    """The index lists each live order, and no other."""
    listed = {order.order_id for order in ledger.live(outcome.table, "main")}
    lives = {record.order.order_id for record in outcome.live}
    yield from (f"order {order_id} is listed as live, or lives, but not both" for order_id in sorted(listed ^ lives))


def what_is_approved_is_what_the_ledger_has(outcome: Outcome) -> Iterator[str]:
    """Each order of the ledger was published as approved, with the same terms."""
    approved = {order.order_id: order for approval in outcome.told(OrdersApproved) for order in approval.orders}
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


def nothing_rests_that_the_ledger_has_ended(outcome: Outcome) -> Iterator[str]:
    """Each order that rests at the venue is live in the ledger."""
    live = {record.order.order_id for record in outcome.live}
    yield from (
        f"order {entry.order.order_id} rests, and is ended"
        for entry in outcome.resting
        if entry.order.order_id not in live
    )
