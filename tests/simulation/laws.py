"""What must hold of a desk when all is quiet; each law names what it found, or nothing."""

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
    """What a world came to: the books, the orders, what rests at the venue, every message that was published."""

    def __init__(self, world: World) -> None:
        self.world, self.table = world, Table(world.cloud.call, "ledger")
        self.books: AccountBooks = ledger.read(self.table, "main")
        self.records = _records(world, self.table)
        self.resting: list[RestingOrder] = PaperBook(Table(world.cloud.call, "paper_book")).read("main").resting
        queue = world.cloud.sqs.queue(world.places["audit"])
        self.heard: list[Message] = [decode(one.body) for one in queue.messages]
        self.unique = {message.id: message for message in self.heard}

    def told(self, kind: type[Message]) -> list[Any]:
        return [one for one in self.unique.values() if isinstance(one, kind)]

    @property
    def reports(self) -> list[ExecutionReport]:
        """Reports of bookings, in the order of the books."""
        found = [one for one in self.told(ExecutionReport) if one.fills]
        return sorted(found, key=lambda one: one.version)

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


def one_id_is_one_message(found: Outcome) -> Iterator[str]:
    for message in found.heard:
        if message != found.unique[message.id] and not isinstance(message, OrdersRefused):
            yield f"{message.id} is two messages"


def nothing_is_left_unpublished(found: Outcome) -> Iterator[str]:
    for service in ("risk", "execution"):
        left = [item for item in found.table.query(f"outbox#{service}") if "body" in item]
        yield from (f"{service} never published {item['sk']}" for item in left)
        aside = found.table.query(f"quarantine#{service}")
        yield from (f"{item['sk']} was put aside: {item['reason']}" for item in aside)


def the_index_of_live_orders_is_what_lives(found: Outcome) -> Iterator[str]:
    listed = {one.order_id for one in ledger.live(found.table, "main")}
    lives = {one.order.order_id for one in found.live}
    yield from (f"order {one} is listed as live, or lives, but not both" for one in sorted(listed ^ lives))


def no_trade_is_booked_twice(found: Outcome) -> Iterator[str]:
    told = Counter(f"{fill.instrument} {fill.trade_id}" for fill in found.fills)
    for counts in (told, found.world.witness.booked):
        yield from (f"{trade} is booked {count} times" for trade, count in counts.items() if count > 1)


def cash_is_what_the_fills_say(found: Outcome) -> Iterator[str]:
    assert found.books.account is not None
    cash = found.world.desk.accounts["main"].cash + sum(map(positions.cash_flow, found.fills), D(0))
    if found.books.account.cash != cash:
        yield f"cash is {found.books.account.cash}, the fills come to {cash}"


def reserved_is_what_live_orders_hold(found: Outcome) -> Iterator[str]:
    assert found.books.account is not None
    held = sum(map(orders.held, found.records.values()), D(0))
    if found.books.account.reserved != held:
        yield f"{found.books.account.reserved} is reserved, live orders hold {held}"


def positions_are_the_folds_of_their_fills(found: Outcome) -> Iterator[str]:
    legs = {(fill.instance, fill.instrument) for fill in found.fills} | found.books.positions.keys()
    for leg in sorted(legs):
        fold = positions.fold(fill for fill in found.fills if (fill.instance, fill.instrument) == leg)
        if leg not in found.books.positions or found.books.positions[leg].position != fold:
            yield f"the position of {leg} is not the fold of its fills"


def legs_await_what_live_orders_have_to_fill(found: Outcome) -> Iterator[str]:
    for leg, item in sorted(found.books.positions.items()):
        mine = [one for one in found.live if (one.order.instance, one.order.instrument) == leg]
        unfilled = sum((one.remaining if one.order.side == "buy" else -one.remaining for one in mine), D(0))
        if item.open != unfilled:
            yield f"{leg} awaits {item.open}, its live orders {unfilled}"


def orders_fill_what_they_are_for_and_no_more(found: Outcome) -> Iterator[str]:
    filled: dict[str, Decimal] = {}
    for fill in found.fills:
        filled[fill.order_id] = filled.get(fill.order_id, D(0)) + fill.quantity
    for name, record in found.records.items():
        if record.filled != filled.pop(name, D(0)) or record.filled > record.order.quantity:
            yield f"order {name} of {record.order.quantity} counts {record.filled}"
    yield from (f"fills of {name}, which is no order" for name in filled)


def what_is_approved_is_what_the_ledger_has(found: Outcome) -> Iterator[str]:
    approved = {order.order_id: order for one in found.told(OrdersApproved) for order in one.orders}
    known = {name: record.order for name, record in found.records.items()}
    if approved != known:
        yield f"approved or in the ledger, but not both: {sorted(approved.keys() ^ known.keys())}"


def no_live_order_is_without_a_future(found: Outcome) -> Iterator[str]:
    resting = {one.order.order_id for one in found.resting}
    for record in found.live:
        if record.order.order_id not in resting:
            yield f"order {record.order.order_id} is {record.state}, and nobody works on it"
        elif record.order.expires_at + LATE < found.world.clock():
            yield f"order {record.order.order_id} rests past its time"


def nothing_rests_that_the_ledger_has_ended(found: Outcome) -> Iterator[str]:
    live = {one.order.order_id for one in found.live}
    yield from (
        f"order {one.order.order_id} rests, and is ended" for one in found.resting if one.order.order_id not in live
    )


def spot_cash_is_never_below_zero(found: Outcome) -> Iterator[str]:
    if found.world.desk.accounts["main"].kind == "spot":
        yield from (
            f"cash was {report.cash}" for report in found.reports if report.cash is not None and report.cash < 0
        )


def no_order_is_over_its_limit(found: Outcome) -> Iterator[str]:
    limit = found.world.desk.limits["main"].order_notional_max
    for name, record in found.records.items():
        if not record.order.reduce_only and record.order.quantity * record.order.reference_price > limit:
            yield f"order {name} is over {limit}"


def flatten_ends_flat(found: Outcome) -> Iterator[str]:
    return still_held(found, DUST)


def still_held(found: Outcome, least: Decimal) -> Iterator[str]:
    """What a flattening account holds above ``least`` without an exit of all of it: a bar takes only so much."""
    assert found.books.account is not None
    if found.books.account.trading_state is TradingState.FLATTENING:
        yield from (
            f"{leg} still holds {item.position.quantity}"
            for leg, item in sorted(found.books.positions.items())
            if abs(item.position.quantity) > least and item.position.quantity + item.open
        )


def no_entry_is_live_where_none_may_be(found: Outcome) -> Iterator[str]:
    assert found.books.account is not None
    if found.books.account.trading_state is not TradingState.ACTIVE:
        yield from (
            f"entry {record.order.order_id} is {record.state} under {found.books.account.trading_state}"
            for record in found.live
            if not record.order.reduce_only
        )


def nothing_is_claimed_that_the_state_forbids(found: Outcome) -> Iterator[str]:
    for state, record in found.world.witness.claims:
        if state is TradingState.HALTED or (state is not TradingState.ACTIVE and not record.order.reduce_only):
            yield f"order {record.order.order_id} was claimed under {state}"


def no_entry_fills_in_a_bar_that_opened_under_a_halt(found: Outcome) -> Iterator[str]:
    for fill in found.fills:
        closed = fill.at.timestamp()
        states = found.world.witness.in_force(closed - 60, closed + 60)
        if TradingState.ACTIVE not in states and not found.records[fill.order_id].order.reduce_only:
            yield f"entry {fill.order_id} filled at {fill.at:%H:%M} under {sorted(states)}"


def every_trading_state_is_told_last(found: Outcome) -> Iterator[str]:
    assert found.books.account is not None
    told = found.told(TradingStateChanged)
    if told and max(told, key=lambda one: one.at).state is not found.books.account.trading_state:
        yield f"the state is {found.books.account.trading_state}, which was not told last"


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
    """Every law that does not hold, with what it found."""
    found = Outcome(world)
    return [f"{law.__name__}: {breach}" for law in laws for breach in breaches(law, found)]


@exact
def breaches(law: Callable[[Outcome], Iterator[str]], found: Outcome) -> list[str]:
    """What a law finds, by exact figures."""
    return list(law(found))
