"""End a lost order on an operator's command: one whose outcome can no longer be learned.

The venue is asked first: an order that it has, or may still accept, is not ended here. A trade that comes all the same
is booked if the venue had named the order; else it is reported as EXTERNAL, and its balance differs from the books.
"""

from datetime import datetime, timedelta

from execution_service import approved
from execution_service.trade_booking import FollowedLedger, TradeBooker
from fanfold import ids
from fanfold.errors import BadInput
from fanfold.ledger import orders
from fanfold.ledger.changes import MoveCursor
from fanfold.ledger.orders import OrderRecord
from fanfold.messages import OrdersApproved, OrderState
from fanfold.records import TERMINAL
from fanfold.trading.answers import VenueOrder
from fanfold.trading.venue import TradingVenue

# How long a request may be under way to a venue that takes late ones; none is known to have come later.
UNFENCED_S = 3_600


def end_order(
    account: str, order_id: str, why: str, ledger: FollowedLedger, venue: TradingVenue, booker: TradeBooker,
    now: datetime,
) -> list[str]:  # fmt: skip
    """End an order of an account, by its id or the start of it; return what was done. ``why`` goes into its reason.

    Raises BadInput where it is not lost, and VenueUnavailable where the venue does not say what it knows of it.
    """
    order_id = _named(account, order_id, ledger)
    record = _live(account, order_id, ledger)
    _check_fence(record, venue, now)
    _check_absent(record, venue.find(record.order, record.venue_order_id))
    cause = ids.derive("end", order_id, why)
    booked = booker.fetch(booker.report(account, cause, now), {order_id: record}, {})
    for unavailable in booked.unanswered.values():
        raise unavailable
    record, instrument = _live(account, order_id, ledger), record.order.instrument
    if instrument not in ledger.real_money(account).cursors:
        # Its trades are read from now on, as those of every instrument that was traded.
        ledger.note([MoveCursor(account, instrument, now)])
    after = orders.close(record, OrderState.CANCELED, why)
    message = OrdersApproved(id=cause, cause=record.order.signal_id, at=now, account=account, orders=[record.order])
    step = record, after
    ledger.move([step], approved.report(message, [step]))
    left = f"{after.filled:f} of {after.order.quantity:f} {after.order.instrument} had filled"
    return [f"order {order_id} becomes {after.state}: {left}"]


def _named(account: str, start: str, ledger: FollowedLedger) -> str:
    """Return the id of the live order that begins like that; where none does, the text itself."""
    names = [order.order_id for order in ledger.live(account) if order.order_id.startswith(start)]
    if len(names) > 1:
        raise BadInput(f"{start} is the start of {len(names)} live orders of {account}: {', '.join(sorted(names))}")
    return names[0] if names else start


def _live(account: str, order_id: str, ledger: FollowedLedger) -> OrderRecord:
    record = ledger.records([order_id]).get(order_id)
    if record is None or record.order.account != account:
        raise BadInput(f"account {account} has no order {order_id}; `fanfold orders --open` lists those that are live")
    if record.state in TERMINAL:
        raise BadInput(f"order {order_id} has ended already: it is {record.state}")
    if not record.epoch:
        raise BadInput(f"order {order_id} was never sent; it is sent, or ends by itself, within a minute")
    return record


def _check_fence(record: OrderRecord, venue: TradingVenue, now: datetime) -> None:
    """Raise BadInput while the venue may still accept a request of the order's claim."""
    if record.venue_order_id or record.deadline is None:
        return
    margin_s = venue.terms.margin_s if venue.terms.fence else UNFENCED_S
    if not orders.fenced(record, now, margin_s):
        until = record.deadline + timedelta(seconds=margin_s)
        raise BadInput(f"the exchange may accept order {record.order.order_id} until {until.isoformat()}: end it then")


def _check_absent(record: OrderRecord, stated: VenueOrder | None) -> None:
    if stated is not None:
        known = f"{stated.state}, {stated.filled:f} of {stated.quantity:f} filled"
        raise BadInput(f"the exchange knows order {record.order.order_id}: {known}. The next minute books that")
