"""Laws that hold of a desk when all is quiet; each names its breaches."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import limit_laws
from world import World

from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.paper_book import PaperBook
from fanfold.aws.dynamodb.table import Table
from fanfold.ledger import orders, positions
from fanfold.ledger.account_books import AccountBooks
from fanfold.ledger.orders import OrderRecord
from fanfold.matching.book import RestingOrder
from fanfold.messages import (
    ExecutionReport,
    Fill,
    Message,
    OrdersApproved,
    OrdersRefused,
    TradingState,
    TradingStateChanged,
    decode,
)
from fanfold.money import exact

D = Decimal
DUST = D("0.002")
# The bar that opens at or after an order's time ends it, when it is closed.
LATE = timedelta(minutes=2)


class Outcome:
    """The end of a world: the books, the orders, what rests at the venue, every message that was published."""

    def __init__(self, world: World) -> None:
        self.world, self.table = world, Table(world.cloud.call, "ledger")
        self.books: AccountBooks = ledger.read(self.table, "main")
        self.records = _records(world, self.table)
        self.resting: list[RestingOrder] = PaperBook(Table(world.cloud.call, "paper_book")).read("main").resting
        queue = world.cloud.sqs.queue(world.places["audit"])
        self.heard: list[Message] = [decode(letter.body) for letter in queue.messages]
        self.unique = {message.id: message for message in self.heard}

    def told(self, kind: type[Message]) -> list[Any]:
        return [message for message in self.unique.values() if isinstance(message, kind)]

    @property
    def reports(self) -> list[ExecutionReport]:
        """Reports of bookings, in the order of the books."""
        bookings = [report for report in self.told(ExecutionReport) if report.fills]
        return sorted(bookings, key=lambda report: report.version)

    @property
    def fills(self) -> list[Fill]:
        return [fill for report in self.reports for fill in report.fills]

    @property
    def live(self) -> list[OrderRecord]:
        return [record for record in self.records.values() if record.state in orders.LIVE]


def _records(world: World, table: Table) -> dict[str, OrderRecord]:
    prefix = ledger.order_key("")[0]
    names = [
        name.removeprefix(prefix) for name in world.cloud.dynamodb.table("ledger").partitions if name.startswith(prefix)
    ]
    return ledger.records(table, names)


def one_id_is_one_message(outcome: Outcome) -> Iterator[str]:
    for message in outcome.heard:
        if message != outcome.unique[message.id] and not isinstance(message, OrdersRefused):
            yield f"{message.id} is two messages"


def nothing_is_left_unpublished(outcome: Outcome) -> Iterator[str]:
    for service in ("risk", "execution"):
        left = [item for item in outcome.table.query(f"outbox#{service}") if "body" in item]
        yield from (f"{service} never published {item['sk']}" for item in left)
        aside = outcome.table.query(f"quarantine#{service}")
        yield from (f"{item['sk']} was put aside: {item['reason']}" for item in aside)


def the_index_of_live_orders_is_what_lives(outcome: Outcome) -> Iterator[str]:
    listed = {order.order_id for order in ledger.live(outcome.table, "main")}
    lives = {record.order.order_id for record in outcome.live}
    yield from (f"order {order_id} is listed as live, or lives, but not both" for order_id in sorted(listed ^ lives))


def no_trade_is_booked_twice(outcome: Outcome) -> Iterator[str]:
    published = Counter(f"{fill.instrument} {fill.trade_id}" for fill in outcome.fills)
    for counts in (published, outcome.world.witness.booked):
        yield from (f"{trade} is booked {count} times" for trade, count in counts.items() if count > 1)


def cash_is_what_the_fills_say(outcome: Outcome) -> Iterator[str]:
    assert outcome.books.account is not None
    cash = outcome.world.desk.accounts["main"].cash + sum(map(positions.cash_flow, outcome.fills), D(0))
    if outcome.books.account.cash != cash:
        yield f"cash is {outcome.books.account.cash}, the fills come to {cash}"


def reserved_is_what_live_orders_hold(outcome: Outcome) -> Iterator[str]:
    assert outcome.books.account is not None
    held = sum(map(orders.held, outcome.records.values()), D(0))
    if outcome.books.account.reserved != held:
        yield f"{outcome.books.account.reserved} is reserved, live orders hold {held}"


def positions_are_the_folds_of_their_fills(outcome: Outcome) -> Iterator[str]:
    legs = {(fill.instance, fill.instrument) for fill in outcome.fills} | outcome.books.positions.keys()
    for leg in sorted(legs):
        fold = positions.fold(fill for fill in outcome.fills if (fill.instance, fill.instrument) == leg)
        if leg not in outcome.books.positions or outcome.books.positions[leg].position != fold:
            yield f"the position of {leg} is not the fold of its fills"


def legs_await_what_live_orders_have_to_fill(outcome: Outcome) -> Iterator[str]:
    for leg, item in sorted(outcome.books.positions.items()):
        mine = [record for record in outcome.live if (record.order.instance, record.order.instrument) == leg]
        unfilled = sum((record.remaining if record.order.side == "buy" else -record.remaining for record in mine), D(0))
        if item.open != unfilled:
            yield f"{leg} awaits {item.open}, its live orders {unfilled}"


def orders_fill_what_they_are_for_and_no_more(outcome: Outcome) -> Iterator[str]:
    filled: dict[str, Decimal] = {}
    for fill in outcome.fills:
        filled[fill.order_id] = filled.get(fill.order_id, D(0)) + fill.quantity
    for name, record in outcome.records.items():
        if record.filled != filled.pop(name, D(0)) or record.filled > record.order.quantity:
            yield f"order {name} of {record.order.quantity} counts {record.filled}"
    yield from (f"fills of {name}, which is no order" for name in filled)


def what_is_approved_is_what_the_ledger_has(outcome: Outcome) -> Iterator[str]:
    approved = {order.order_id: order for approval in outcome.told(OrdersApproved) for order in approval.orders}
    known = {name: record.order for name, record in outcome.records.items()}
    if approved != known:
        yield f"approved or in the ledger, but not both: {sorted(approved.keys() ^ known.keys())}"


def no_live_order_is_without_a_future(outcome: Outcome) -> Iterator[str]:
    resting = {entry.order.order_id for entry in outcome.resting}
    for record in outcome.live:
        if record.order.order_id not in resting:
            yield f"order {record.order.order_id} is {record.state}, and nobody works on it"
        elif record.order.expires_at + LATE < outcome.world.clock():
            yield f"order {record.order.order_id} rests past its time"


def nothing_rests_that_the_ledger_has_ended(outcome: Outcome) -> Iterator[str]:
    live = {record.order.order_id for record in outcome.live}
    yield from (
        f"order {entry.order.order_id} rests, and is ended"
        for entry in outcome.resting
        if entry.order.order_id not in live
    )


def spot_cash_is_never_below_zero(outcome: Outcome) -> Iterator[str]:
    if outcome.world.desk.accounts["main"].kind == "spot":
        yield from (
            f"cash was {report.cash}" for report in outcome.reports if report.cash is not None and report.cash < 0
        )


def no_order_is_over_its_limit(outcome: Outcome) -> Iterator[str]:
    limit = outcome.world.desk.limits["main"].order_notional_max
    for name, record in outcome.records.items():
        if not record.order.reduce_only and record.order.quantity * record.order.reference_price > limit:
            yield f"order {name} is over {limit}"


def flatten_ends_flat(outcome: Outcome) -> Iterator[str]:
    return still_held(outcome, DUST)


def still_held(outcome: Outcome, least: Decimal) -> Iterator[str]:
    """Positions above ``least`` under FLATTENING without an exit of all of it: a bar takes only so much."""
    assert outcome.books.account is not None
    if outcome.books.account.trading_state is TradingState.FLATTENING:
        yield from (
            f"{leg} still holds {item.position.quantity}"
            for leg, item in sorted(outcome.books.positions.items())
            if abs(item.position.quantity) > least and item.position.quantity + item.open
        )


def no_entry_is_live_where_none_may_be(outcome: Outcome) -> Iterator[str]:
    assert outcome.books.account is not None
    if outcome.books.account.trading_state is not TradingState.ACTIVE:
        yield from (
            f"entry {record.order.order_id} is {record.state} under {outcome.books.account.trading_state}"
            for record in outcome.live
            if not record.order.reduce_only
        )


def nothing_is_claimed_that_the_state_forbids(outcome: Outcome) -> Iterator[str]:
    for state, record in outcome.world.witness.claims:
        if state is TradingState.HALTED or (state is not TradingState.ACTIVE and not record.order.reduce_only):
            yield f"order {record.order.order_id} was claimed under {state}"


def no_entry_fills_in_a_bar_that_opened_under_a_halt(outcome: Outcome) -> Iterator[str]:
    for fill in outcome.fills:
        closed = fill.at.timestamp()
        states = outcome.world.witness.in_force(closed - 60, closed + 60)
        if TradingState.ACTIVE not in states and not outcome.records[fill.order_id].order.reduce_only:
            yield f"entry {fill.order_id} filled at {fill.at:%H:%M} under {sorted(states)}"


def every_trading_state_is_told_last(outcome: Outcome) -> Iterator[str]:
    assert outcome.books.account is not None
    changes = outcome.told(TradingStateChanged)
    if changes and max(changes, key=lambda change: change.at).state is not outcome.books.account.trading_state:
        yield f"the state is {outcome.books.account.trading_state}, which was not told last"


LAWS: list[Callable[[Outcome], Iterator[str]]] = [
    one_id_is_one_message,
    nothing_is_left_unpublished,
    the_index_of_live_orders_is_what_lives,
    no_trade_is_booked_twice,
    cash_is_what_the_fills_say,
    reserved_is_what_live_orders_hold,
    positions_are_the_folds_of_their_fills,
    legs_await_what_live_orders_have_to_fill,
    orders_fill_what_they_are_for_and_no_more,
    what_is_approved_is_what_the_ledger_has,
    no_live_order_is_without_a_future,
    nothing_rests_that_the_ledger_has_ended,
    spot_cash_is_never_below_zero,
    no_order_is_over_its_limit,
    flatten_ends_flat,
    no_entry_is_live_where_none_may_be,
    nothing_is_claimed_that_the_state_forbids,
    no_entry_fills_in_a_bar_that_opened_under_a_halt,
    every_trading_state_is_told_last,
    *limit_laws.LAWS,
]


def broken(world: World, laws: list[Callable[[Outcome], Iterator[str]]] = LAWS) -> list[str]:
    """Every breach, after the name of its law."""
    outcome = Outcome(world)
    return [f"{law.__name__}: {breach}" for law in laws for breach in breaches(law, outcome)]


@exact
def breaches(law: Callable[[Outcome], Iterator[str]], outcome: Outcome) -> list[str]:
    """Breaches of a law, by exact figures."""
    return list(law(outcome))
