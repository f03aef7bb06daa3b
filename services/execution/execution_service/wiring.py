"""Execution's parts, built on first use."""

import os
from collections.abc import Callable
from decimal import Decimal
from functools import cache, partial
from typing import Any

from execution_service.match import OrderMatcher
from execution_service.place import Placer
from execution_service.quotes import Quotes
from execution_service.routes import ROUTES
from execution_service.settings import Settings
from execution_service.sweep import Sweeper
from fanfold.aws.dynamodb.ledger import live_of
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.paper_book import PaperBook
from fanfold.aws.dynamodb.pauses import PauseTable
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as build
from fanfold.aws.function.sqs import Arrived, verb_of
from fanfold.aws.sns import Topics
from fanfold.errors import BadInput, VenueUnavailable
from fanfold.ledger.bookings import Bookings
from fanfold.matching.paper import PaperVenue
from fanfold.matching.prices import Quote
from fanfold.messages import BarsClosed, Fill, OrdersApproved, TradingStateChanged


@cache
def runtime() -> Runtime:
    return build(os.environ)


@cache
def settings() -> Settings:
    return read(Settings, os.environ)


@cache
def ledger() -> Table:
    return runtime().table(settings().ledger_table)


@cache
def outbox() -> Outbox:
    topics = Topics(runtime().call, {"executions": settings().executions_topic}, runtime().watch.published)
    return Outbox(ledger(), "execution", topics, runtime().watch, runtime().clock)


@cache
def bookings() -> Bookings:
    return Bookings(DynamoLedger(ledger(), outbox()), _odd, runtime().backoff)


def _odd(fill: Fill, booked: Decimal | None) -> None:
    told = {"trade": fill.trade_id, "order": fill.order_id, "quantity": str(fill.quantity), "booked": str(booked or 0)}
    runtime().watch.log.error("a trade is told with another quantity than is booked; what is booked stands", **told)


@cache
def quote(venue: str) -> Callable[[str], Quote] | None:
    """The best prices of a live venue; recordings have none."""
    found = runtime().desk.venues.get(venue)
    if found is None or found.kind != "ccxt":
        return None
    # An image that only replays never loads ccxt.
    from fanfold.venues.ccxt.venue import ExchangeVenue  # noqa: PLC0415

    exchange = ExchangeVenue.connect(found, runtime().desk.instruments, settings().venue_origin)
    return Quotes(venue, exchange, PauseTable(runtime().table(settings().paper_book_table))).quote


@cache
def paper(venue: str) -> PaperVenue:
    book = PaperBook(runtime().table(settings().paper_book_table))
    return PaperVenue(runtime().desk, book, quote(venue))


@cache
def placer(venue: str) -> Placer:
    return Placer(runtime().desk, bookings(), paper(venue), runtime().clock)


@cache
def matcher(venue: str) -> OrderMatcher:
    return OrderMatcher(runtime().desk, bookings(), paper(venue), swept=True, backoff=runtime().backoff)


@cache
def sweeper() -> Sweeper:
    """What works on orders that are left alone; how many nobody knows the outcome of is counted."""
    overdue = partial(runtime().watch.counts.add, "OrdersOverdue")
    return Sweeper(runtime().desk, bookings(), lambda venue: (placer(venue), matcher(venue)), runtime().clock, overdue)


@cache
def check_keys() -> Callable[[], None]:
    """Where the stage's venue is a real one, the check that it has its keys, which are read again every minute."""
    if not settings().venue_secret:
        return lambda: None
    # What trades on paper does not load what reads secrets.
    from execution_service.keys import check  # noqa: PLC0415
    from fanfold.aws.function.secrets import SecureParameter  # noqa: PLC0415

    secret = SecureParameter(runtime().call, settings().venue_secret, runtime().clock)
    return lambda: check(settings().venue_secret, secret.values())


def place(message: OrdersApproved) -> None:
    """Place orders at their venue; with live quotes, what is at market fills at once."""
    _ready()
    if message.account not in runtime().desk.accounts:
        raise BadInput(f"account {message.account!r} is not in the desk; it has {sorted(runtime().desk.accounts)}")
    venue = runtime().desk.accounts[message.account].venue
    placer(venue).place(message)
    if quote(venue) is not None:
        matcher(venue).take(message)


def _ready() -> None:
    """Raises VenueUnavailable where the venue's keys are missing: a message that waits for them is not wrong."""
    try:
        check_keys()()
    except BadInput as missing:
        raise VenueUnavailable(str(missing)) from missing


def match(message: BarsClosed) -> None:
    """Match what rests at a venue of the desk against its bars."""
    if message.venue in runtime().desk.venues:
        matcher(message.venue).match(message)


def govern(message: TradingStateChanged) -> None:
    """Cancel what the account's state does not let rest, and end what it does not let out."""
    if message.account in runtime().desk.accounts:
        matcher(runtime().desk.accounts[message.account].venue).govern(message)
    sweeper().sweep(bookings().live(message.account))


def sweep() -> dict[str, int]:
    """How many messages a crash had left, and how many orders needed work; both are in what one call reads."""
    items = outbox().items()
    try:
        published = outbox().sweep(items)
    finally:  # A topic that fails stops no order's end.
        orders = sweeper().sweep(live_of(items))
    return {"published": published, "orders": orders}


def execute(arrived: Arrived) -> None:
    """A message again may follow a crash, so the outbox is swept first."""
    if arrived.again:
        outbox().sweep()
    VERBS[verb_of(ROUTES, arrived.message)](arrived.message)


VERBS: dict[str, Callable[[Any], None]] = {"place": place, "match": match, "govern": govern}
