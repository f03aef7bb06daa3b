"""Bars and equity over time for the HTTP API, from the lake and what the log has beyond it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from fanfold.api.chart_schemas import (
    DAYS_MAX,
    AccountEquity,
    BarColumns,
    BarsQuery,
    EquityQuery,
    InstanceResult,
    ValuedPosition,
)
from fanfold.api.problems import bad_request, not_found
from fanfold.api.requests import accounts
from fanfold.audit.account_equity import EquitySpan, below, deepest
from fanfold.audit.bar_history import BarHistory, BarSpan
from fanfold.audit.equity_history import equity_history
from fanfold.audit.queries import Reading
from fanfold.desk import Account, Desk
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.messages import PositionSnapshot
from fanfold.money import ZERO, exact


def bars(desk: Desk, history: BarHistory, query: BarsQuery, now: datetime) -> BarColumns:
    """Return the bars of an instrument up to a time, as many as asked for and as the span may be long."""
    venue = venue_of(desk, query)
    timeframe = query.timeframe or desk.venues[venue].timeframe
    until = int(now.timestamp()) if query.until is None else query.until
    since = max(0, until - min(query.limit * _seconds(timeframe), DAYS_MAX * timeframes.DAY_S))
    shown = history.bars(BarSpan(venue, timeframe, {query.instrument}, since, until))[query.instrument]
    rows = [shown[at] for at in sorted(shown)]
    return BarColumns(
        venue=venue,
        instrument=query.instrument,
        timeframe=timeframe,
        since=since,
        at=[bar.closes_at for bar in rows],
        open=[bar.open for bar in rows],
        high=[bar.high for bar in rows],
        low=[bar.low for bar in rows],
        close=[bar.close for bar in rows],
        volume=[bar.volume for bar in rows],
    )


def equity(desk: Desk, views: Reading, history: BarHistory, query: EquityQuery, now: datetime) -> AccountEquity:
    """Return an account's equity from a UTC midnight on, with what it holds at its last closes."""
    (name,) = accounts(desk, query.account)
    made = equity_history(desk, views, history, name, query.days, now)
    last = made.span.equity[-1] if made.span.equity else made.cash
    return _described(name, desk.accounts[name], made.span, last, made.holdings, made.midnight)


@exact
def _described(
    name: str,
    account: Account,
    span: EquitySpan,
    now: Decimal,
    holdings: Sequence[PositionSnapshot],
    midnight: int,
) -> AccountEquity:
    positions = [_valued(holding, span.marks) for holding in holdings if holding.quantity]
    before = [value for at, value in zip(span.at, span.equity, strict=True) if at <= midnight] or span.equity[:1]
    return AccountEquity(
        account=name,
        currency=account.currency,
        start=account.cash,
        equity_now=now,
        day_result=now - before[-1] if before else ZERO,
        drawdown=below(now, max(span.equity, default=ZERO)),
        deepest=deepest(span.equity),
        gross=sum((abs(position.value) for position in positions), ZERO),
        net=sum((position.value for position in positions), ZERO),
        at=span.at,
        equity=span.equity,
        instances=[InstanceResult(instance=instance, result=result) for instance, result in span.results.items()],
        positions=positions,
    )


@exact
def _valued(holding: PositionSnapshot, marks: Mapping[str, Decimal]) -> ValuedPosition:
    mark = marks.get(holding.instrument)
    return ValuedPosition(
        instance=holding.instance,
        instrument=holding.instrument,
        quantity=holding.quantity,
        cost=holding.cost,
        mark=mark,
        value=ZERO if mark is None else holding.quantity * mark,
    )


def venue_of(desk: Desk, query: BarsQuery) -> str:
    """Return the venue that is named, or the first that has the instrument. Raises Problem where none has."""
    having = [name for name, venue in desk.venues.items() if query.instrument in venue.symbols]
    if query.venue not in {None, *having} or not having:
        raise not_found(f"no venue {query.venue or 'of the desk'} has the instrument {query.instrument!r}")
    return query.venue or having[0]


def _seconds(timeframe: str) -> int:
    try:
        return timeframes.seconds(timeframe)
    except BadInput as wrong:
        raise bad_request(str(wrong)) from wrong
