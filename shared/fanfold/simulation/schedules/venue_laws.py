"""Laws of a live account: one order at the venue for each intent, and the books are what the venue has."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from fanfold.ledger import orders
from fanfold.messages import OrderState
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.state_laws import still_held
from fanfold.simulation.schedules.venue import RealVenue

# A position of less cannot be closed: fees in the base leave some, and the venue takes no order of so little.
LEAST = Decimal("0.06")
# States that say that the venue never had an order.
NEVER_THERE = (OrderState.REJECTED, OrderState.STALE, OrderState.BLOCKED, OrderState.APPROVED)


def one_order_for_each_intent(outcome: Outcome) -> Iterator[str]:
    """The venue has at most one order of each client order id."""
    counts = Counter(placed.order.client_order_id for placed in outcome.venue.orders)
    yield from (f"{name} is {count} orders at the venue" for name, count in counts.items() if count > 1)


def what_is_at_the_venue_was_approved_and_is_known_to_be_there(outcome: Outcome) -> Iterator[str]:
    """Each order at the venue was approved with these terms, and its fills are booked."""
    known = {record.order.client_order_id: record for record in outcome.records.values()}
    for placed in outcome.venue.orders:
        record = known.get(placed.order.client_order_id)
        if record is None or orders.terms_of(record.order) != orders.terms_of(placed.order):
            yield f"{placed.order.client_order_id} was never approved like that"
        elif record.state in NEVER_THERE:
            yield f"{record.order.order_id} is {record.state}, and the venue has it"
        elif record.filled != placed.filled:
            yield f"{record.order.order_id} filled {placed.filled}, of which {record.filled} is booked"


def requests_carry_the_time_of_their_claim(outcome: Outcome) -> Iterator[str]:
    """A request is stamped with the time and the deadline of its claim, never with that of sending."""
    claims = {(record.order.order_id, record.claimed_at, record.deadline) for _, record in outcome.witness.claims}
    for request in outcome.venue.requests:
        if (request.order.order_id, request.claimed_at, request.deadline) not in claims:
            yield f"a request of {request.order.order_id} was not stamped by its claim"


def balances_are_what_the_fills_come_to(outcome: Outcome) -> Iterator[str]:
    """The balances of the venue are what the booked fills come to."""
    start, flows = RealVenue(outcome.world.clock).holdings, outcome.books.real.flows
    for currency, held in outcome.venue.holdings.items():
        if held != start.get(currency, Decimal(0)) + flows.get(currency, Decimal(0)):
            yield f"the venue has {held} {currency}, the books come to {flows.get(currency)}"
    doubted = {name for name, record in outcome.records.items() if record.doubt}
    if unfounded := [source for _, source in outcome.books.real.frozen if source not in doubted]:
        yield f"frozen without a reason: {unfounded}"


def positions_and_cash_are_what_the_venue_holds(outcome: Outcome) -> Iterator[str]:
    """Positions and cash of the books agree with the flows of each currency."""
    assert outcome.books.account is not None
    booked = {
        "USDT": outcome.books.account.cash - outcome.world.desk.accounts[outcome.account].cash,
        "BTC": Decimal(0),
        "ETH": Decimal(0),
    }
    for (_, instrument), item in outcome.books.positions.items():
        booked[instrument.split("/")[0]] += item.position.quantity
    for currency, amount in booked.items():
        if amount != outcome.books.real.flows.get(currency, Decimal(0)):
            yield f"{amount} {currency} in the books, {outcome.books.real.flows.get(currency)} by the fills"


def flatten_ends_with_no_more_than_cannot_be_sold(outcome: Outcome) -> Iterator[str]:
    """An account that is flattened holds less than its venue's smallest order."""
    return still_held(outcome, LEAST)


def no_outcome_stays_unknown(outcome: Outcome) -> Iterator[str]:
    """No order stays approved or submitting for ever, unless it is named as a doubt."""
    for record in outcome.live:
        if record.state in (OrderState.APPROVED, OrderState.SUBMITTING) and not record.doubt:
            yield f"{record.order.order_id} is {record.state} for ever"
