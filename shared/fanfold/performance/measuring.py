"""Measure what a run earned: of the whole, and by strategy, instrument and day."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from fanfold.ledger import positions
from fanfold.ledger.positions import FLAT, Position
from fanfold.money import ZERO, exact, ratio
from fanfold.performance import ratios
from fanfold.performance.equity import Closes, buy_and_hold, equity_curve
from fanfold.performance.ratios import Drawdown, EquityPoint
from fanfold.performance.round_trips import PositionKey, RoundTrip, round_trips
from fanfold.records import Fill

# As many points as a chart of a terminal or a page can show; the extremes of what lies between are lost.
CURVE_POINTS = 240


class TripStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of round trips; None where there is none, and a profit factor where none lost."""

    round_trips: int
    win_rate: Decimal | None
    profit_factor: Decimal | None
    expectancy: Decimal | None
    best: Decimal | None
    worst: Decimal | None
    average_held_s: int | None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy instance, an instrument or a UTC day. ``profit`` is net of fees, with what is not realised."""

    name: str
    profit: Decimal
    fees: Decimal
    fills: int
    trips: TripStatistics


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """The results of accounts of one currency together; times in epoch seconds. docs/report.md defines each figure.

    ``unvalued_fees`` are, by currency, those of no known price, which profit and fees lack.
    """

    accounts: list[str]
    currency: str
    since: int
    until: int
    start: Decimal
    equity: Decimal
    fees: Decimal
    total_return: Decimal
    buy_and_hold: Decimal | None
    trips: TripStatistics
    days: int
    sharpe: float | None
    sortino: float | None
    cagr: float | None
    invested: float
    gross_exposure: float
    drawdown: Drawdown | None
    by_strategy: list[Part]
    by_instrument: list[Part]
    by_day: list[Part]
    curve: list[EquityPoint]
    unvalued_fees: dict[str, Decimal] = {}


class Traded(msgspec.Struct, frozen=True, kw_only=True):
    """The input of a measurement: accounts of one currency, their starting cash, instruments, fills and all closes."""

    accounts: list[str]
    currency: str
    cash: Decimal
    instruments: list[str]
    fills: list[Fill]
    closes: Closes


@exact
def measure(traded: Traded, since: int) -> Performance:
    """Measure what was traded from ``since`` on, in epoch seconds: the open of the first bar."""
    curve = equity_curve(since, traded.cash, traded.fills, traded.closes)
    points, trips = curve.points, round_trips(traded.fills)
    returns = ratios.daily_returns(points)
    # As in the curve, what has no close yet is worth what its first fill paid.
    first_fills = sorted(traded.fills, key=lambda fill: fill.at, reverse=True)
    marks = {fill.instrument: fill.price for fill in first_fills} | _last_closes(traded.closes)
    return Performance(
        accounts=traded.accounts,
        currency=traded.currency,
        since=since,
        until=points[-1].at,
        start=traded.cash,
        equity=points[-1].equity,
        fees=sum((positions.fee_of(fill) for fill in traded.fills), ZERO),
        total_return=ratio(points[-1].equity - traded.cash, traded.cash),
        buy_and_hold=buy_and_hold(since, traded.closes, traded.instruments),
        trips=statistics_of(trips),
        days=len(returns),
        sharpe=ratios.sharpe(returns),
        sortino=ratios.sortino(returns),
        cagr=ratios.cagr(points),
        invested=curve.invested,
        gross_exposure=curve.gross,
        drawdown=ratios.max_drawdown(points),
        by_strategy=_parts(traded.fills, trips, marks, lambda key: key[1]),
        by_instrument=_parts(traded.fills, trips, marks, lambda key: key[2]),
        by_day=_days(points, traded.fills, trips),
        curve=_thinned(points),
        unvalued_fees=_unvalued(traded.fills),
    )


def _unvalued(fills: Iterable[Fill]) -> dict[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    for charge in (charge for fill in fills for charge in positions.unvalued(fill)):
        amounts[charge.currency] = amounts.get(charge.currency, ZERO) + charge.amount
    return amounts


def statistics_of(trips: Sequence[RoundTrip]) -> TripStatistics:
    """Return the figures of round trips; one that earned nothing is no win."""
    profits = [trip.profit for trip in trips]
    won = sum((profit for profit in profits if profit > 0), ZERO)
    lost = -sum((profit for profit in profits if profit < 0), ZERO)
    count = Decimal(len(profits))
    return TripStatistics(
        round_trips=len(trips),
        win_rate=ratio(Decimal(sum(profit > 0 for profit in profits)), count) if trips else None,
        profit_factor=ratio(won, lost) if lost else None,
        expectancy=ratio(won - lost, count) if trips else None,
        best=max(profits, default=None),
        worst=min(profits, default=None),
        average_held_s=round(sum(trip.held_s for trip in trips) / len(trips)) if trips else None,
    )


def _parts(
    fills: Sequence[Fill], trips: Sequence[RoundTrip], marks: Mapping[str, Decimal], name: Callable[[PositionKey], str]
) -> list[Part]:
    booked: dict[PositionKey, Position] = {}
    counts: dict[str, int] = defaultdict(int)
    for fill in sorted(fills, key=lambda fill: fill.at):
        key = fill.account, fill.instance, fill.instrument
        booked[key] = positions.apply(booked.get(key, FLAT), fill)
        counts[name(key)] += fill.is_trade
    earned: dict[str, Decimal] = defaultdict(lambda: ZERO)
    fees: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for key, position in booked.items():
        earned[name(key)] += position.realised + position.unrealised(marks[key[2]]) - position.fees
        fees[name(key)] += position.fees
    closed = _grouped(trips, lambda trip: name((trip.account, trip.instance, trip.instrument)))
    return [
        Part(name=part, profit=earned[part], fees=fees[part], fills=counts[part],
             trips=statistics_of(closed.get(part, [])))
        for part in sorted(counts)
    ]  # fmt: skip


def _days(points: Sequence[EquityPoint], fills: Sequence[Fill], trips: Sequence[RoundTrip]) -> list[Part]:
    """Return the UTC days. A close at midnight, and what fills at it, is of the day that ends."""
    last = {_day(point.at): point.equity for point in points[1:]}
    closed = _grouped(trips, lambda trip: _day(trip.closed_at.timestamp()))
    filled: dict[str, list[Fill]] = defaultdict(list)
    for fill in fills:
        filled[_day(fill.at.timestamp())].append(fill)
    days, before = [], points[0].equity
    for day, equity in last.items():
        fees = sum((positions.fee_of(fill) for fill in filled[day]), ZERO)
        count = sum(fill.is_trade for fill in filled[day])
        days.append(Part(name=day, profit=equity - before, fees=fees, fills=count,
                         trips=statistics_of(closed.get(day, []))))  # fmt: skip
        before = equity
    return days


def _day(at: float) -> str:
    return datetime.fromtimestamp(-(-at // 60) * 60 - 60, UTC).date().isoformat()


def _grouped(trips: Iterable[RoundTrip], name: Callable[[RoundTrip], str]) -> dict[str, list[RoundTrip]]:
    groups: dict[str, list[RoundTrip]] = defaultdict(list)
    for trip in trips:
        groups[name(trip)].append(trip)
    return groups


def _last_closes(closes: Closes) -> dict[str, Decimal]:
    last: dict[str, Decimal] = {}
    for at in sorted(closes):
        last |= closes[at]
    return last


def _thinned(points: Sequence[EquityPoint]) -> list[EquityPoint]:
    """Return the points, at even distances where there are many; the first and the last are kept."""
    if len(points) <= CURVE_POINTS:
        return list(points)
    step = (len(points) - 1) / (CURVE_POINTS - 1)
    return [points[round(number * step)] for number in range(CURVE_POINTS)]
