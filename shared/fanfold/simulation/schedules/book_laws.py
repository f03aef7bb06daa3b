"""Laws of the books: cash, positions, reservations and fills come to the same."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from fanfold.ledger import orders, positions
from fanfold.ledger.booking import Pending
from fanfold.simulation.schedules.outcome import Outcome


def cash_is_what_the_fills_say(outcome: Outcome) -> Iterator[str]:
    """Cash is what the account began with and what its fills paid and earned."""
    assert outcome.books.account is not None
    cash = outcome.world.desk.accounts[outcome.account].cash + sum(map(positions.cash_flow, outcome.fills), Decimal(0))
    if outcome.books.account.cash != cash:
        yield f"cash is {outcome.books.account.cash}, the fills come to {cash}"


def reserved_is_what_live_orders_hold(outcome: Outcome) -> Iterator[str]:
    """No reservation outlives its order."""
    assert outcome.books.account is not None
    held = sum(map(orders.held, outcome.records.values()), Decimal(0))
    if outcome.books.account.reserved != held:
        yield f"{outcome.books.account.reserved} is reserved, live orders hold {held}"


def positions_are_the_folds_of_their_fills(outcome: Outcome) -> Iterator[str]:
    """A position is what its fills come to, lot by lot."""
    legs = {(fill.instance, fill.instrument) for fill in outcome.fills} | outcome.books.positions.keys()
    for leg in sorted(legs):
        fold = positions.fold(fill for fill in outcome.fills if (fill.instance, fill.instrument) == leg)
        if leg not in outcome.books.positions or outcome.books.positions[leg].position != fold:
            yield f"the position of {leg} is not the fold of its fills"


def legs_await_what_live_orders_have_to_fill(outcome: Outcome) -> Iterator[str]:
    """A leg awaits what its live orders have left to fill."""
    for leg, item in sorted(outcome.books.positions.items()):
        pending = Pending()
        for record in outcome.live:
            if record.order.leg == leg and not record.order.protects:
                pending = pending.moved(record.order.side, record.remaining)
        if (item.open, item.sales) != pending:
            yield f"{leg} awaits {item.open}, of which sales {item.sales}, its live orders {pending}"


def no_trade_is_booked_twice(outcome: Outcome) -> Iterator[str]:
    """Each trade of a venue is booked and published once."""
    published = Counter(f"{fill.instrument} {fill.trade_id}" for fill in outcome.fills)
    for counts in (published, outcome.witness.booked):
        yield from (f"{trade} is booked {count} times" for trade, count in counts.items() if count > 1)


def orders_fill_what_they_are_for_and_no_more(outcome: Outcome) -> Iterator[str]:
    """An order counts the quantity of its fills, and no more than it is for."""
    filled: dict[str, Decimal] = {}
    for fill in outcome.fills:
        filled[fill.order_id] = filled.get(fill.order_id, Decimal(0)) + fill.quantity
    for name, record in outcome.records.items():
        if record.filled != filled.pop(name, Decimal(0)) or record.filled > record.order.quantity:
            yield f"order {name} of {record.order.quantity} counts {record.filled}"
    yield from (f"fills of {name}, which is no order" for name in filled)


def spot_cash_is_never_below_zero(outcome: Outcome) -> Iterator[str]:
    """The cash of a spot account is never below zero."""
    if outcome.world.desk.accounts[outcome.account].kind == "spot":
        yield from (
            f"cash was {report.cash}" for report in outcome.reports if report.cash is not None and report.cash < 0
        )
