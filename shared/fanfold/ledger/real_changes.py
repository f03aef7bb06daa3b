"""The changes that steps and fills bring with them: of resting stops, and of a real account flows, the venue's ids,
frozen instruments."""

from collections.abc import Callable, Sequence

from fanfold.desk import Desk
from fanfold.ledger.changes import AddFlow, Change, Freeze, MoveStop, NamePlaced, Unfreeze
from fanfold.ledger.orders import OrderRecord, Step
from fanfold.ledger.real_money import OweFee, flows_of, owed_by
from fanfold.messages import Fill, OrderState
from fanfold.money import ZERO
from fanfold.records import TERMINAL
from fanfold.risk.exposure import RestingStop


def name_at_venue(instrument: str, venue_order_id: str) -> str:
    """Return what an order is known by at its venue: some number the orders of each instrument separately."""
    return f"{instrument} {venue_order_id}"


def currencies_of(desk: Desk, instrument: str) -> tuple[str, str]:
    """Return base and quote of an instrument, also of one that was removed from the desk."""
    known = desk.instruments.get(instrument)
    if known is not None:
        return known.base, known.quote
    base, _, quote = instrument.partition("/")
    return base, quote


def changes_of(desk: Desk) -> Callable[[str, Sequence[Step], Sequence[Fill]], list[Change]]:
    """Return the function that yields these changes, for ``fanfold.ledger.bookings``."""
    coins = {instrument.base for instrument in desk.instruments.values()}

    def changes(account: str, steps: Sequence[Step], fills: Sequence[Fill]) -> list[Change]:
        flows = flows_of(fills, {fill.instrument: currencies_of(desk, fill.instrument) for fill in fills})
        added: list[Change] = [AddFlow(account, currency, amount) for currency, amount in flows.items() if amount]
        added += [OweFee(account, coin, owed.amount, owed.worth) for coin, owed in owed_by(fills, coins).items()]
        return added + [change for step in steps for change in _of_step(account, step)]

    return changes


def stops_of(account: str, steps: Sequence[Step], _fills: Sequence[Fill]) -> list[Change]:
    """Return the changes of an account's resting stops, which are all that one on paper has."""
    return [change for before, after in steps for change in _of_stop(account, before, after)]


def resting(record: OrderRecord) -> RestingStop:
    """Return a resting stop as its leg notes it."""
    order = record.order
    return RestingStop(
        order_id=order.order_id,
        quantity=order.quantity,
        price=order.stop_price or ZERO,
        profit=order.profit_price or ZERO,
        filled=record.filled,
        ended=record.state in TERMINAL,
        rejected_at=order.decided_at if record.state is OrderState.REJECTED else None,
        side=order.side,
    )


def _of_stop(account: str, before: OrderRecord, after: OrderRecord) -> list[Change]:
    ends = after.state in TERMINAL and before.state not in TERMINAL
    if not after.order.protects or not (ends or after.filled != before.filled):
        return []
    # Without a fill or a rejection there is nothing that risk has to know of its end.
    noted = resting(after) if after.filled or after.state is OrderState.REJECTED else None
    return [MoveStop(account, after.order.leg, noted)]


def _of_step(account: str, step: Step) -> list[Change]:
    before, after = step
    order, changes = after.order, _of_stop(account, before, after)
    if after.venue_order_id and not before.venue_order_id:
        name = name_at_venue(order.instrument, after.venue_order_id)
        changes.append(NamePlaced(account, name, order.order_id))
    if after.doubt and after.doubt != before.doubt:
        changes.append(Freeze(account, order.instrument, order.order_id, after.doubt))
    if before.doubt and not after.doubt:
        changes.append(Unfreeze(account, order.instrument, order.order_id))
    return changes
