"""Bars and equity over time for the HTTP API, from the lake and what the log has beyond it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
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
from fanfold.audit.account_equity import BooksNow, EquitySpan, below, deepest, equity_span
from fanfold.audit.bar_history import BarHistory, BarSpan
from fanfold.audit.queries import Reading, days, fills_of, holdings_of
from fanfold.desk import Account, Desk
from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.messages import Fill, PositionSnapshot
from fanfold.money import ZERO, exact

# Seconds between two values of equity, by the days that they are for: some hundreds of values are a line.
GRID_S = {1: 60, 7: 900, DAYS_MAX: 3_600}


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
    account, books, matched = desk.accounts[name], views.read(("books", name)), views.read(("matched", name))
    through = datetime.fromisoformat(matched["through"]) if matched else now
    midnight = int(through.timestamp()) // timeframes.DAY_S * timeframes.DAY_S
    since = midnight - (query.days - 1) * timeframes.DAY_S
    holdings = holdings_of(views, name)
    instruments = {holding.instrument for holding in holdings}
    whole = BarSpan(
        account.venue,
        desk.venues[account.venue].timeframe,
        instruments,
        since - 1,
        int(through.timestamp()),
        next(every_s for most, every_s in GRID_S.items() if query.days <= most),
    )
    cash = Decimal(books["cash"]) if books else account.cash
    fills = _fills(views, name, since, through)
    span = equity_span(BooksNow.of(cash, holdings), fills, _closes(history, whole))
    return _described(name, account, span, span.equity[-1] if span.equity else cash, holdings, midnight)


def _fills(views: Reading, account: str, since: int, through: datetime) -> list[Fill]:
    return [fill for day in days(datetime.fromtimestamp(since, UTC), through) for fill in fills_of(views, account, day)]


def _closes(history: BarHistory, span: BarSpan) -> dict[int, dict[str, Decimal]]:
    """Return the closes of a span by their times."""
    closes: dict[int, dict[str, Decimal]] = {}
    for instrument, shown in history.bars(span).items() if span.instruments else ():
        for at, bar in shown.items():
            closes.setdefault(at, {})[instrument] = bar.close
    return closes


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
