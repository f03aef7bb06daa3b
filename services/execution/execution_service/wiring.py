"""Execution's parts, built on first use."""

import os
from functools import cache

from fanfold.aws.bookings import Bookings
from fanfold.aws.edge import Arrived
from fanfold.aws.outbox import Outbox
from fanfold.aws.paper_book import PaperBook
from fanfold.aws.runtime import Runtime, read
from fanfold.aws.runtime import runtime as build
from fanfold.aws.tables import Table
from fanfold.aws.topics import Topics
from fanfold.messages import Bars, OrdersApproved
from fanfold.refusals import BadInput
from fanfold.venues.paper import PaperVenue

from execution_service.place import Placer
from execution_service.settings import Settings
from execution_service.settle import Settler


@cache
def runtime() -> Runtime:
    return build(os.environ)


@cache
def settings() -> Settings:
    return read(Settings, os.environ)


@cache
def ledger() -> Table:
    return Table(runtime().call, settings().ledger_table)


@cache
def outbox() -> Outbox:
    return Outbox(ledger(), "execution", Topics(runtime().call, {"executions": settings().executions_topic}))


@cache
def bookings() -> Bookings:
    return Bookings(ledger(), outbox())


@cache
def paper() -> PaperVenue:
    return PaperVenue(runtime().desk, PaperBook(Table(runtime().call, settings().paper_book_table)))


@cache
def placer() -> Placer:
    return Placer(runtime().desk, bookings(), paper(), runtime().clock)


@cache
def settler() -> Settler:
    return Settler(runtime().desk, bookings(), paper())


def execute(arrived: Arrived) -> None:
    if arrived.again:
        outbox().sweep()
    match arrived.message:
        case OrdersApproved():
            placer().place(arrived.message)
        case Bars():
            settler().settle(arrived.message)
        case other:
            raise BadInput(f"execution takes approved orders and bars, not {type(other).__name__}")
