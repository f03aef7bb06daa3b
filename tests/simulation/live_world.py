"""A desk under fire whose account is live: its venue, too, loses answers, is late, and lets processes die at a call."""

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec
from faulty import Crash
from greenlet import getcurrent
from laws import LAWS, Outcome, still_held
from processes import Process
from world import World

from execution_service import wiring
from execution_service.settings import Settings
from fanfold.ledger import orders
from fanfold.messages import OrderState
from support.real_venue import RealVenue
from support.real_world import NEVER_THERE, D

# What only holds of orders that rest in a paper venue's book, or where nothing fills between two polls.
PAPER = {
    "no_live_order_is_without_a_future",
    "nothing_rests_that_the_ledger_has_ended",
    "no_entry_fills_in_a_bar_that_opened_under_a_halt",
    "flatten_ends_flat",
    "a_broken_loss_limit_is_noted_by_the_last_poll_and_nothing_rests_under_it",
}
# A position of less cannot be closed: fees in the base leave some, and the venue takes no order of so little.
LEAST = D("0.06")


class Wire:
    """The way to the venue: every call of it is a point at which the process may be stopped."""

    def __init__(self, world: "LiveWorld") -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._world.venue, name)
        if not callable(method):
            return method

        def call(*parameters: Any) -> Any:
            getcurrent().parent.switch()
            faults = self._world.faults
            faults.note("venue", name)
            if faults.hit("before"):
                raise Crash
            answer = method(*parameters)
            if faults.hit("after"):
                raise Crash
            return answer

        return call


class LiveWorld(World):
    """The desk, with a live account at a venue in memory."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        account = msgspec.structs.replace(self.desk.accounts["main"], mode="live")
        self.desk = msgspec.structs.replace(self.desk, accounts={"main": account})
        dice, self.lags = Random(f"venue {seed}"), Random(f"lag {seed}")
        self.venue = RealVenue(self.clock, dice)
        self.venue.listed = dict(self.desk.instruments)
        self.venue.fee_currency = dice.choice(["base", "quote", "BNB"])
        self.venue.named = dice.random() < 0.7

    def process(self, service: str) -> Process:
        process = super().process(service)
        if service == "execution" and not hasattr(process, "live"):
            places = {name: self.places[name] for name in ("executions_topic", "ledger_table", "paper_book_table")}
            settings = Settings(**places, live_venue=self.desk.accounts["main"].venue)
            process.parts = wiring.build(process.runtime, settings, lambda _account: Wire(self))
            process.live = True
        return process

    def minute(self, minute: int) -> None:
        self.venue.move()
        self.venue.lag_s = self.lags.choice((0, 0, 2, 10)) if self.faults.on else 0
        super().minute(minute)

    def heal(self) -> None:
        self.venue.random, self.venue.lag_s = None, 0
        super().heal()


def one_order_for_each_intent(outcome: Outcome) -> Iterator[str]:
    counts = Counter(placed.order.client_order_id for placed in outcome.world.venue.orders)
    yield from (f"{name} is {count} orders at the venue" for name, count in counts.items() if count > 1)


def what_is_at_the_venue_was_approved_and_is_known_to_be_there(outcome: Outcome) -> Iterator[str]:
    known = {record.order.client_order_id: record for record in outcome.records.values()}
    for placed in outcome.world.venue.orders:
        record = known.get(placed.order.client_order_id)
        if record is None or orders.terms_of(record.order) != orders.terms_of(placed.order):
            yield f"{placed.order.client_order_id} was never approved like that"
        elif record.state in NEVER_THERE:
            yield f"{record.order.order_id} is {record.state}, and the venue has it"
        elif record.filled != placed.filled:
            yield f"{record.order.order_id} filled {placed.filled}, of which {record.filled} is booked"


def requests_carry_the_time_of_their_claim(outcome: Outcome) -> Iterator[str]:
    claims = {(record.order.order_id, record.claimed_at, record.deadline) for _, record in outcome.world.witness.claims}
    for request in outcome.world.venue.requests:
        if (request.order.order_id, request.claimed_at, request.deadline) not in claims:
            yield f"a request of {request.order.order_id} was not stamped by its claim"


def balances_are_what_the_fills_come_to(outcome: Outcome) -> Iterator[str]:
    start, flows = RealVenue(outcome.world.clock).holdings, outcome.books.real.flows
    for currency, held in outcome.world.venue.holdings.items():
        if held != start.get(currency, D(0)) + flows.get(currency, D(0)):
            yield f"the venue has {held} {currency}, the books come to {flows.get(currency)}"
    if outcome.books.real.frozen:
        yield f"frozen without a reason: {outcome.books.real.frozen}"


def positions_and_cash_are_what_the_venue_holds(outcome: Outcome) -> Iterator[str]:
    assert outcome.books.account is not None
    booked = {"USDT": outcome.books.account.cash - outcome.world.desk.accounts["main"].cash, "BTC": D(0), "ETH": D(0)}
    for (_, instrument), item in outcome.books.positions.items():
        booked[instrument.split("/")[0]] += item.position.quantity
    for currency, amount in booked.items():
        if amount != outcome.books.real.flows.get(currency, D(0)):
            yield f"{amount} {currency} in the books, {outcome.books.real.flows.get(currency)} by the fills"


def flatten_ends_with_no_more_than_cannot_be_sold(outcome: Outcome) -> Iterator[str]:
    return still_held(outcome, LEAST)


def no_outcome_stays_unknown(outcome: Outcome) -> Iterator[str]:
    for record in outcome.live:
        if record.state in (OrderState.APPROVED, OrderState.SUBMITTING) and not record.doubt:
            yield f"{record.order.order_id} is {record.state} for ever"


REAL_LAWS: list[Callable[[Outcome], Iterator[str]]] = [
    *(law for law in LAWS if law.__name__ not in PAPER),
    one_order_for_each_intent,
    what_is_at_the_venue_was_approved_and_is_known_to_be_there,
    requests_carry_the_time_of_their_claim,
    balances_are_what_the_fills_come_to,
    positions_and_cash_are_what_the_venue_holds,
    flatten_ends_with_no_more_than_cannot_be_sold,
    no_outcome_stays_unknown,
]
