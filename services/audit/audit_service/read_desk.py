"""Accounts, positions and signals for the HTTP API, as audit recorded them: moments behind the ledger."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from fanfold.api.requests import accounts
from fanfold.api.schemas import AccountStatus, PositionList, PositionView, ReportedLeg, Signals, StandingSignal, Status
from fanfold.audit.open_orders import OpenOrders
from fanfold.audit.queries import Fields, Reading, holdings_of, is_unknown, reported_legs, signals_of
from fanfold.desk import Desk
from fanfold.market import timeframes
from fanfold.messages import PositionSnapshot
from fanfold.money import ZERO, exact

NOT_OPENED = "not opened"


def status(desk: Desk, views: Reading, open_orders: OpenOrders, account: str | None) -> Status:
    return Status(accounts=[_account(name, desk, views, open_orders.of(name)) for name in accounts(desk, account)])


def positions(desk: Desk, views: Reading, account: str | None) -> PositionList:
    """Return every position of the accounts."""
    rows = [_position(name, holding) for name in accounts(desk, account) for holding in holdings_of(views, name)]
    return PositionList(positions=rows)


def signals(desk: Desk, views: Reading, account: str | None) -> Signals:
    """Return the last signal of every strategy instance of the accounts."""
    rows = [row for name in accounts(desk, account) for row in signals_of(views, desk, name)]
    return Signals(signals=[StandingSignal(**row) for row in rows])


def _account(name: str, desk: Desk, views: Reading, live: list[Fields]) -> AccountStatus:
    account, venue = desk.accounts[name], desk.venues[desk.accounts[name].venue]
    state, books = views.read(("trading-state", name)), views.read(("books", name))
    matched, held = views.read(("matched", name)), holdings_of(views, name)
    return AccountStatus(
        account=name,
        venue=account.venue,
        currency=account.currency,
        trading_state=state.get("state", NOT_OPENED),
        trading_state_reason=state.get("reason", ""),
        trading_state_actor=state.get("actor", ""),
        start=account.cash,
        cash=Decimal(books["cash"]) if books else account.cash,
        realised=_sum(position.realised for position in held),
        fees=_sum(position.fees for position in held),
        positions=sum(1 for position in held if position.quantity),
        open_orders=len(live),
        unknown_orders=sum(map(is_unknown, live)),
        bar_s=timeframes.seconds(venue.timeframe),
        instruments=venue.symbols,
        timeframes=sorted({venue.timeframe, *_timeframes(desk, name)}, key=timeframes.seconds),
        as_of=_time(books, "at"),
        matched_through=_time(matched, "through"),
        legs=[msgspec.convert(leg, ReportedLeg) for leg in reported_legs(views, desk, name)],
    )


def _timeframes(desk: Desk, account: str) -> Iterator[str]:
    """Yield the timeframe of each strategy instance of an account."""
    return (instance.timeframe for instance in desk.strategies.values() if instance.account == account)


def _position(account: str, holding: PositionSnapshot) -> PositionView:
    return PositionView(
        account=account,
        instance=holding.instance,
        instrument=holding.instrument,
        quantity=holding.quantity,
        cost=holding.cost,
        realised=holding.realised,
        fees=holding.fees,
    )


@exact
def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, ZERO)


def _time(view: dict[str, Any], field: str) -> datetime | None:
    return datetime.fromisoformat(view[field]) if view else None
