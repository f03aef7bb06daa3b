"""The life cycle of an order: a table of its transitions, and the record that follows them."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

import msgspec

from fanfold import ids, money
from fanfold.errors import BadInput
from fanfold.messages import Fill, Order, OrderState, OrderUpdate
from fanfold.money import EXACT, ZERO, exact
from fanfold.records import TERMINAL

NEXT: dict[OrderState, frozenset[OrderState]] = {
    OrderState.APPROVED: frozenset({OrderState.SUBMITTING, OrderState.BLOCKED, OrderState.STALE}),
    OrderState.SUBMITTING: frozenset(
        {
            OrderState.SUBMITTING,  # The outcome is unknown, or "not found" is final and a new claim sends it again.
            OrderState.OPEN,
            OrderState.PARTIAL,  # A fill may overtake the acknowledgement.
            OrderState.FILLED,
            OrderState.CANCELED,  # The venue took it and threw it out before we heard of either.
            OrderState.EXPIRED,
            OrderState.REJECTED,
            OrderState.BLOCKED,  # It never reached the venue, and a halt came before the next claim.
            OrderState.STALE,  # It never reached the venue, and is too old to be sent again.
        }
    ),
    OrderState.OPEN: frozenset({OrderState.PARTIAL, OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED}),
    OrderState.PARTIAL: frozenset({OrderState.PARTIAL, OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED}),
    # A fill may arrive after the cancel that it overtook at the venue: it counts, and the last one makes it FILLED.
    OrderState.CANCELED: frozenset({OrderState.CANCELED, OrderState.FILLED}),
    OrderState.EXPIRED: frozenset({OrderState.EXPIRED, OrderState.FILLED}),
    OrderState.FILLED: frozenset(),
    # The venue never had these. A fill for one means that an assumption of the protocol is broken: somebody must look.
    OrderState.REJECTED: frozenset(),
    OrderState.BLOCKED: frozenset(),
    OrderState.STALE: frozenset(),
}
# What still may fill, and so holds its reservation.
LIVE = frozenset(OrderState) - TERMINAL


class BrokenLife(Exception):
    """A transition that the life cycle of an order does not have. Nothing was changed; do not retry."""


class OrderRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order as stored in the ledger.

    ``epoch`` counts the claims. A request carries the time of its claim, and the venue takes none after ``deadline``.
    ``doubt`` says why the order is quarantined: nobody knows what became of it, it is not sent again, and it holds its
    reservation. ``rejection`` is the venue's answer to a later claim, which does not speak for the request before it.
    ``real`` says that it was claimed for a real venue, which alone knows what became of it.
    """

    order: Order
    state: OrderState = OrderState.APPROVED
    epoch: int = 0
    claimed_at: datetime | None = None
    deadline: datetime | None = None
    filled: Decimal = ZERO
    venue_order_id: str = ""
    reason: str = ""
    doubt: str = ""
    rejection: str = ""
    real: bool = False

    @property
    def remaining(self) -> Decimal:
        return EXACT.subtract(self.order.quantity, self.filled)


# An order before and after a transition.
Step = tuple[OrderRecord, OrderRecord]


def advance(state: OrderState, to: OrderState) -> OrderState:
    """Return the state after a transition. Raises BrokenLife for one that is not in the table.

    >>> advance(OrderState.OPEN, OrderState.FILLED)
    <OrderState.FILLED: 'FILLED'>
    """
    if to not in NEXT[state]:
        raise BrokenLife(f"an order that is {state} cannot become {to}")
    return to


def fenced(record: OrderRecord, now: datetime, margin_s: int) -> bool:
    """Return whether no request of the current claim can still arrive, so that "not found" is final."""
    return record.deadline is not None and now >= record.deadline + timedelta(seconds=margin_s)


class Harmless(Enum):
    """A reason why a claim cannot lead to a second order, whatever became of requests before it.

    UNSENT: there was no claim, so no request. SAME_ORDER: its venue takes the id, as often as it comes, as one order.
    """

    UNSENT = "UNSENT"
    SAME_ORDER = "SAME_ORDER"


class Absence(msgspec.Struct, frozen=True, kw_only=True):
    """The proof that no request of a claim came to the venue or still can: it was looked up after its fence.

    Only ``absent`` makes one.
    """

    order_id: str
    epoch: int
    looked_up_at: datetime


def absent(record: OrderRecord, looked_up_at: datetime, margin_s: int) -> Absence:
    """Return the proof by a look-up that began at a time and found nothing. Raises BrokenLife for one too early."""
    if record.venue_order_id or not fenced(record, looked_up_at, margin_s):
        raise BrokenLife(f"order {record.order.order_id} may be at its venue, or may still arrive there")
    return Absence(order_id=record.order.order_id, epoch=record.epoch, looked_up_at=looked_up_at)


def rests_to_enter(record: OrderRecord) -> bool:
    """Return whether an order rests at its venue that adds to a position: risk may take it back."""
    order, is_open = record.order, record.state in (OrderState.OPEN, OrderState.PARTIAL)
    return is_open and order.kind == "limit" and order.time_in_force == "gtc" and not order.reduce_only


def claim(
    record: OrderRecord, now: datetime, window_s: int, proof: Harmless | Absence, *, real: bool = False
) -> OrderRecord:
    """Return the record under a new claim, whose request the venue accepts until ``window_s`` seconds from now.

    Raises BrokenLife while a request of the claim before may still be accepted, or where the ``proof`` is not of it.
    """
    if record.deadline is not None and now < record.deadline:
        raise BrokenLife(f"order {record.order.order_id} is claimed until {record.deadline.isoformat()}")
    if not _proven(record, proof):
        raise BrokenLife(f"order {record.order.order_id} may have been sent under claim {record.epoch}")
    return msgspec.structs.replace(
        record,
        state=advance(record.state, OrderState.SUBMITTING),
        epoch=record.epoch + 1,
        claimed_at=now,
        deadline=now + timedelta(seconds=window_s),
        real=real,
    )


def _proven(record: OrderRecord, proof: Harmless | Absence) -> bool:
    if isinstance(proof, Absence):
        return (proof.order_id, proof.epoch) == (record.order.order_id, record.epoch)
    return proof is Harmless.SAME_ORDER or record.epoch == 0


def quarantine(record: OrderRecord, doubt: str) -> OrderRecord:
    """Return the record of an order that nobody knows the outcome of, and that is not sent again."""
    if record.state in TERMINAL or record.state is OrderState.APPROVED:
        raise BrokenLife(f"order {record.order.order_id} is {record.state}: there is no doubt about it")
    return msgspec.structs.replace(record, doubt=doubt)


def acknowledge(record: OrderRecord, venue_order_id: str) -> OrderRecord:
    """Return the record after the venue acknowledged the order. Fills or an end that came earlier are kept."""
    if record.venue_order_id not in ("", venue_order_id):
        known, order_id = record.venue_order_id, record.order.order_id
        raise BrokenLife(f"order {order_id} is {known} at its venue, and now also {venue_order_id}")
    if record.state is OrderState.APPROVED:
        raise BrokenLife(f"order {record.order.order_id} was acknowledged before it was claimed")
    state = advance(record.state, OrderState.OPEN) if record.state is OrderState.SUBMITTING else record.state
    return msgspec.structs.replace(record, state=state, venue_order_id=venue_order_id, doubt="", rejection="")


@exact
def fill(record: OrderRecord, execution: Fill) -> OrderRecord:
    """Return the record after a new fill. The caller removes duplicates by trade id."""
    if execution.order_id != record.order.order_id:
        raise BadInput(f"fill {execution.trade_id} is of order {execution.order_id}, not {record.order.order_id}")
    filled = record.filled + execution.quantity
    if execution.quantity <= 0 or filled > record.order.quantity:
        held = f"{record.filled} of {record.order.quantity}"
        raise BrokenLife(f"fill {execution.trade_id} of {execution.quantity} does not fit an order filled {held}")
    state = advance(record.state, _state_filled(record, filled))
    return msgspec.structs.replace(record, state=state, filled=filled, doubt="", rejection="")


def _state_filled(record: OrderRecord, filled: Decimal) -> OrderState:
    if filled == record.order.quantity:
        return OrderState.FILLED
    # A closed order stays closed under a late fill: nothing of it is reserved, and nothing more is awaited.
    return record.state if record.state in TERMINAL else OrderState.PARTIAL


def close(record: OrderRecord, state: OrderState, reason: str) -> OrderRecord:
    """Return the record after it ended other than by fills. Idempotent."""
    if state not in TERMINAL or state is OrderState.FILLED:
        raise BadInput(f"an order is not closed as {state}; fills make it PARTIAL or FILLED")
    if record.state is state:
        return record
    return msgspec.structs.replace(record, state=advance(record.state, state), reason=reason, doubt="", rejection="")


@exact
def held(record: OrderRecord) -> Decimal:
    """Return the cash still reserved: the share of the remaining quantity, rounded up to a step of cash."""
    if record.state in TERMINAL:
        return ZERO
    reserved, quantity = record.order.reserved, record.order.quantity
    if not reserved:  # Nothing is reserved on margin, nor for a sale.
        return reserved
    share = money.ceil_to(money.ratio(reserved * record.remaining, quantity), money.CASH_STEP)
    return min(reserved, share)


@exact
def released(before: OrderRecord, after: OrderRecord) -> Decimal:
    """Return the cash that a transition releases. Over a whole life the sum is exactly what was reserved."""
    return held(before) - held(after)


def terms_of(order: Order) -> str:
    """Return a digest of what was approved: an order of the same id that differs in any of it was not.

    It is kept with the order, of which a function writes several steps.
    """
    kept: dict[str, str] = order.__dict__
    if "terms" not in kept:
        kept["terms"] = _digest(order)
    return kept["terms"]


def _digest(order: Order) -> str:
    return ids.derive(
        "terms",
        order.account,
        order.venue,
        order.instance,
        order.instrument,
        order.side,
        order.kind,
        order.quantity,
        order.limit_price,
        order.stop_price,
        order.time_in_force,
        order.reduce_only,
        order.reserved,
        *(() if order.due_at is msgspec.UNSET else (order.due_at.isoformat(),)),
        *((order.replaces.order_id, order.replaces.filled) if order.replaces else ()),
        *(("post-only",) if order.post_only else ()),
        *(() if order.profit_price is msgspec.UNSET else ("profit", order.profit_price)),
    )


def update(step: Step) -> OrderUpdate:
    """Return the update to publish after a transition."""
    before, record = step
    return OrderUpdate(
        order_id=record.order.order_id,
        client_order_id=record.order.client_order_id,
        instance=record.order.instance,
        instrument=record.order.instrument,
        state=record.state,
        filled=record.filled,
        reason=record.reason,
        doubt=record.doubt or msgspec.UNSET,
        doubt_ended=True if before.doubt and not record.doubt else msgspec.UNSET,
    )
