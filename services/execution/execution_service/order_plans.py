"""The state machine of order plans: slices that are due later, and the legs of a bundle until all of them have filled.

It only keeps time: it is started with the ids of orders, and each of its steps looks at them. A start and a step may
come twice: an execution is named by its plan, and an order is claimed before it is sent.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET

from fanfold import ids
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.ledger.orders import OrderRecord
from fanfold.messages import ExecutionReport, OrdersApproved, OrderState
from fanfold.records import TERMINAL
from fanfold.risk.standing import uneven_s_max

# The machine looks again after so many seconds at the latest: slices may have been taken back.
WAIT_S_MAX = 300
# How often it looks at the legs of a bundle, and has risk decide while one that ended has not filled. Step Functions
# ends an execution at 25,000 events, of which a look takes nine, so legs that may live for hours are looked at seldom,
# and more often towards their end.
LEGS_WAIT_S = 20
LEGS_LOOKS = 300


class OrderPlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Orders of an account, by their ids. Of a bundle, ``uneven_until`` risk is to decide on legs that did not fill."""

    account: str
    orders: list[str]
    uneven_until: datetime | None = None


class PlanStep(OrderPlan, frozen=True, kw_only=True):
    """The result of a step: the plan to go on with, whether nothing is left of it, and the seconds until the next."""

    done: bool
    wait_s: int

    def result(self) -> dict[str, Any]:
        """Return what the machine reads, and gives to the next step."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return fields


def start(start_once: Callable[[str, str], object], message: OrdersApproved) -> None:
    """Start the machine for each plan of an approval, if it has any.

    ``start_once`` takes a name and a request in JSON; under a name that it had it does nothing.
    """
    for name, order_ids in _plans(message):
        start_once(name, msgspec.json.encode(OrderPlan(account=message.account, orders=order_ids)).decode())


def _plans(message: OrdersApproved) -> Iterator[tuple[str, list[str]]]:
    waiting = [order.order_id for order in message.orders if order.due_at is not UNSET]
    if waiting:
        yield message.id, waiting
    legs: dict[str, list[str]] = {}
    for order in message.orders:
        if order.bundle:
            legs.setdefault(order.bundle, []).append(order.order_id)
    yield from legs.items()


def plan_of(event: Mapping[str, Any]) -> OrderPlan:
    """Return the plan that a step of the machine is of. Raises BadInput for another event."""
    try:
        return msgspec.convert(event, OrderPlan)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"the orders of a plan: {wrong}") from wrong


def step(plan: OrderPlan, records: Sequence[OrderRecord], desk: Desk, now: datetime) -> PlanStep:
    """Return the result of a step after which the plan's orders have these records.

    While a leg of a bundle has ended and not filled, the plan goes on until risk must have closed the bundle.
    """
    slices = [record.order.sendable_at for record in records if record.state is OrderState.APPROVED]
    legs = [record for record in records if record.order.bundle]
    until = plan.uneven_until
    if legs and until is None and any(_unfilled(record) for record in legs):
        until = now + timedelta(seconds=uneven_s_max(_timeframe(desk, plan.account)) + 2 * LEGS_WAIT_S)
    live = [record for record in legs if record.state not in TERMINAL]
    goes_on = bool(live or (until is not None and now < until))
    kept = [record for record in records if goes_on or record.state is OrderState.APPROVED]
    return PlanStep(
        account=plan.account,
        orders=[record.order.order_id for record in kept],
        uneven_until=until,
        done=not kept,
        wait_s=_until_look(live, until or now, now) if legs else _until_due(slices, now),
    )


def uneven(plan: OrderPlan, records: Sequence[OrderRecord], desk: Desk, now: datetime) -> list[ExecutionReport]:
    """Return the report on which risk decides at once: none where no leg of a bundle has ended without its fill."""
    legs = [record for record in records if record.order.bundle and _unfilled(record)]
    if not legs:
        return []
    cause, account = str(legs[0].order.bundle), desk.accounts[plan.account]
    return [
        ExecutionReport(
            id=ids.derive("uneven", cause, now.isoformat()),
            cause=cause,
            at=now,
            account=plan.account,
            venue=account.venue,
            uneven=True,
        )
    ]


def _unfilled(record: OrderRecord) -> bool:
    return record.state in TERMINAL and record.state is not OrderState.FILLED


def _timeframe(desk: Desk, account: str) -> str:
    return desk.venues[desk.accounts[account].venue].timeframe


def _until_look(live: Sequence[OrderRecord], until: datetime, now: datetime) -> int:
    """Return the seconds until the legs of a bundle are looked at again, of which those that live end on their own."""
    ends = max([until, *(record.order.expires_at for record in live)])
    return int(min(max((ends - now).total_seconds() / LEGS_LOOKS, LEGS_WAIT_S), WAIT_S_MAX))


def _until_due(due: Sequence[datetime], now: datetime) -> int:
    """Return the seconds until the first slice is due, up to a whole one: after its time and not before."""
    seconds = min(((at - now).total_seconds() for at in due), default=0.0)
    return int(min(max(seconds, 0.0), WAIT_S_MAX - 1)) + 1
