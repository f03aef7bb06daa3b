"""The state machine that sends the slices of an approval when they are due: its start, and its step.

A start and a step may come twice: the machine's execution is named by the approval, and an order is claimed before it
is sent.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfold.errors import BadInput
from fanfold.messages import Order, OrdersApproved

# The machine looks again after so many seconds at the latest: slices may have been taken back.
WAIT_S_MAX = 300


class WaitingSlices(msgspec.Struct, frozen=True, kw_only=True):
    """The slices of an account that wait for their time, by their ids as orders."""

    account: str
    slices: list[str]


def start(start_once: Callable[[str, str], None], message: OrdersApproved) -> None:
    """Start the machine for the slices of an approval that are due later, if it has any.

    ``start_once`` takes a name and a request in JSON; under a name that it had it does nothing.
    """
    waiting = [order.order_id for order in message.orders if order.due_at is not msgspec.UNSET]
    if waiting:
        request = msgspec.json.encode(WaitingSlices(account=message.account, slices=waiting))
        start_once(message.id, request.decode())


def waiting_slices(event: Mapping[str, Any]) -> WaitingSlices:
    """Return what a step of the machine is to send. Raises BadInput for another event."""
    try:
        return msgspec.convert(event, WaitingSlices)
    except msgspec.ValidationError as wrong:
        raise BadInput(f"the slices to send: {wrong}") from wrong


def answer(account: str, waiting: Sequence[Order], now: datetime) -> dict[str, Any]:
    """Return the result of a step: the slices that wait, whether none does, and the seconds until the next is due."""
    seconds = [(order.sendable_at - now).total_seconds() for order in waiting]
    return {
        "account": account,
        "slices": [order.order_id for order in waiting],
        "done": not waiting,
        # Up to a whole second, which is after its time and not before.
        "wait_s": int(min(max(min(seconds, default=0.0), 0.0), WAIT_S_MAX - 1)) + 1,
    }
