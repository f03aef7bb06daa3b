"""Mutants of the protocol, the kill switch, the limits, the outbox, the books and the edge: one guard less each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from test_live_desks import MUTANTS as OF_LIVE_DESKS
from test_mutants import MUTANTS as OF_LAWS
from test_mutants import Guard
from test_real_orders_under_fire import _stamped_now, _unknown_is_rejected

from execution_service import approved, keys, send
from execution_service.trade_booking import TradeBooker
from fanfold.aws.dynamodb import ledger_changes
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.function import sqs
from fanfold.aws.function.sqs import SqsConsumer
from fanfold.ledger import bookings, orders
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.changes import MoveOrder
from fanfold.messages import OrderState


def _nothing(_was: Any) -> Any:
    return lambda *_arguments: None


def _reasonless(_was: Any) -> Any:
    def put_aside(edge: SqsConsumer, record: Any, _reason: str) -> None:
        request = {"QueueUrl": edge.dead_letters, "MessageBody": record["body"] or "(nothing)"}
        group = {"MessageGroupId": "lost", "MessageDeduplicationId": record["messageId"]}
        edge.call("sqs", "SendMessage", request | group)

    return put_aside


def _without_condition(kind: type) -> Callable[[Any], Any]:
    """Return what writes a change of this kind whatever is stored."""

    def instead(write_of: Any) -> Any:
        def wrong(table: Any, outbox: Any, change: Any) -> Any:
            write = write_of(table, outbox, change)
            if isinstance(change, kind):
                ((_, request),) = write.items()
                request.pop("ConditionExpression", None)
            return write

        return wrong

    return instead


def _with_the_secret(_was: Any) -> Any:
    def check(secret: str, values: Any) -> None:
        if values:
            raise RuntimeError(f"{secret} is {values}")

    return check


def _quantity(change: Callable[[Decimal], Decimal]) -> Callable[[Any], Any]:
    """Return what sends another quantity than was approved."""

    def instead(request: Any) -> Any:
        def made(*, order: Any, **more: Any) -> Any:
            return request(order=replace(order, quantity=change(order.quantity)), **more)

        return made

    return instead


def _own_id(request: Any) -> Any:
    """Send each claim under an id of its own."""

    def made(*, order: Any, claimed_at: Any, **more: Any) -> Any:
        name = f"{order.client_order_id[:20]}{int(claimed_at.timestamp()) % 10**9}"
        return request(order=replace(order, client_order_id=name), claimed_at=claimed_at, **more)

    return made


def _twice(claim: Any) -> Any:
    def wrong(*arguments: Any) -> Any:
        claimed = claim(*arguments)
        return replace(claimed, epoch=claimed.epoch + 1)

    return wrong


MUTANTS: dict[str, list[Guard]] = {
    **{f"of the law {name}": guards for name, guards in OF_LAWS.items()},
    **{name: [Guard(*entry) for entry in entries] for name, entries in OF_LIVE_DESKS.items()},
    "a request is stamped when it is sent": [Guard(send, "OrderRequest", _stamped_now)],
    "an unknown outcome is a rejection": [Guard(send.Sender, "_send", _unknown_is_rejected)],
    "an old signal is sent": [Guard(approved, "stale", lambda _was: lambda *_given: False)],
    "the venue's end is taken before its trades": [
        Guard(TradeBooker, "book", lambda _was: lambda *_given: (0, None)),
    ],
    "each claim has an id of its own": [Guard(send, "OrderRequest", _own_id)],
    "the venue is sent a lot more": [Guard(send, "OrderRequest", _quantity(lambda size: size + Decimal("0.001")))],
    "the venue is sent half": [Guard(send, "OrderRequest", _quantity(lambda size: size / 2))],
    "a fill takes an order back to its beginning": [
        Guard(orders, "fill", lambda was: lambda *arguments: replace(was(*arguments), state=OrderState.APPROVED)),
    ],
    "a claim counts twice": [Guard(orders, "claim", _twice)],
    "fills of the venue are not followed": [Guard(TradeBooker, "commit", lambda _was: lambda *_given: 0)],
    "an unknown order is never looked up": [Guard(send.Sender, "_look_up", _nothing)],
    "an order that waits is never taken up again": [Guard(send.Sender, "again", _nothing)],
    "a message that nobody can take has no reason": [Guard(SqsConsumer, "dead_letter", _reasonless)],
    "a message that nobody can take is dropped": [Guard(sqs, "_dead_letter", lambda _was: lambda *_given: True)],
    "a message that failed counts as handled": [Guard(sqs, "_to_deliver_again", lambda was: lambda _failed: was([]))],
    "a fault is recorded with the venue's key": [Guard(keys, "check", _with_the_secret)],
    "a message is deleted from the outbox unpublished": [
        Guard(Outbox, "_published", lambda _was: lambda _outbox, messages: {message.id for message in messages}),
    ],
    "the outbox publishes nothing": [
        Guard(Outbox, "publish", _nothing), Guard(Outbox, "sweep", lambda _was: lambda *_given: 0),
    ],
    "a command is confirmed and not written": [Guard(Approvals, "halt", lambda _was: lambda *_given, **_more: None)],
    "an order moves whatever it is by now": [Guard(ledger_changes, "write_of", _without_condition(MoveOrder))],
    "an ended order keeps its reservation": [Guard(Bookings, "_releasing", lambda _was: lambda *_given: [])],
    "an order that ended lives in the index": [Guard(bookings, "unindexing", lambda _was: lambda *_given: [])],
    "an unknown order is sent again at once": [
        Guard(orders, "fenced", lambda _was: lambda record, _now, _margin_s: record.deadline is not None),
        Guard(orders, "absent", lambda _was: lambda _record, _at, _margin_s: orders.Harmless.SAME_ORDER),
    ],
}  # fmt: skip


# The mutant that each law sees, of those that test_mutants.py does not hold.
SEEN_BY = {
    "a_commanded_state_is_in_force_when_it_is_answered": "a command is confirmed and not written",
    "every_dead_letter_has_its_reason": "a message that nobody can take has no reason",
    "poison_is_put_aside": "a message that nobody can take is dropped",
    "orders_move_along_the_edges_of_their_life": "a fill takes an order back to its beginning",
    "claims_only_count_up": "a claim counts twice",
    "nothing_is_sent_that_is_too_old": "an old signal is sent",
    "no_secret_is_written_down": "a fault is recorded with the venue's key",
    "one_order_for_each_intent": "no margin",
    "what_is_at_the_venue_was_approved_and_is_known_to_be_there": "the venue is sent a lot more",
    "requests_carry_the_time_of_their_claim": "a request is stamped when it is sent",
    "balances_are_what_the_fills_come_to": "flows are not kept",
    "positions_and_cash_are_what_the_venue_holds": "fees in the base are forgotten",
    "flatten_ends_with_no_more_than_cannot_be_sold": "of the law flatten_ends_flat",
    "no_outcome_stays_unknown": "an order that waits is never taken up again",
}
# Where few seeds break a law, or the one that is named, the first that does is near here.
NEAR = {
    "no margin": 471, "an unknown order is sent again at once": 471, "of the law flatten_ends_flat": 338,
    "one_order_for_each_intent": 697, "flatten_ends_with_no_more_than_cannot_be_sold": 352,
}  # fmt: skip
# What the one order of a schedule does not come near: a day of three strategies breaks it.
DAYS = {
    f"of the law {name}"
    for name in (
        "no_order_is_over_its_limit",
        "no_position_is_approved_over_its_limit",
        "no_exposure_is_approved_over_its_limit",
        "no_entry_is_approved_while_a_loss_limit_is_broken",
        "a_broken_loss_limit_is_noted_by_the_last_poll_and_nothing_rests_under_it",
        "flatten_ends_flat",
    )
}
# Laws that a day at a venue breaks.
LIVE_DAYS = {"flatten_ends_with_no_more_than_cannot_be_sold"}


@contextmanager
def without(guards: list[Guard]) -> Iterator[None]:
    """Switch guards off for a while."""
    before = [(guard.owner, guard.name, getattr(guard.owner, guard.name)) for guard in guards]
    try:
        for guard in guards:
            setattr(guard.owner, guard.name, guard.instead(getattr(guard.owner, guard.name)))
        yield
    finally:
        for owner, name, was in reversed(before):
            setattr(owner, name, was)
