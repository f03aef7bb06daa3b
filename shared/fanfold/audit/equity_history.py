"""The equity of an account over time, from audit's views and the bars of its instruments."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from fanfold.audit.account_equity import BooksNow, EquitySpan, equity_span
from fanfold.audit.bar_history import BarHistory, BarSpan
from fanfold.audit.queries import Reading, days, fills_of, holdings_of
from fanfold.desk import Desk
from fanfold.market import timeframes
from fanfold.messages import Fill, PositionSnapshot

# Seconds between two values by the most days that they are for: some hundreds of values are a line.
GRID_S = {1: 60, 7: 900, 31: 3_600}


class EquityHistory(NamedTuple):
    """An account's equity from a UTC midnight on, its cash now, and what it holds."""

    span: EquitySpan
    cash: Decimal
    holdings: Sequence[PositionSnapshot]
    midnight: int


def equity_history(
    desk: Desk, views: Reading, bars: BarHistory, name: str, day_count: int, now: datetime
) -> EquityHistory:
    """Return the equity of some days until an account's last matched bar, or now where none was matched yet."""
    account, books, matched = desk.accounts[name], views.read(("books", name)), views.read(("matched", name))
    through = datetime.fromisoformat(matched["through"]) if matched else now
    midnight = int(through.timestamp()) // timeframes.DAY_S * timeframes.DAY_S
    since = midnight - (day_count - 1) * timeframes.DAY_S
    holdings = holdings_of(views, name)
    whole = BarSpan(
        account.venue,
        desk.venues[account.venue].timeframe,
        {holding.instrument for holding in holdings},
        since - 1,
        int(through.timestamp()),
        next(every_s for most, every_s in GRID_S.items() if day_count <= most),
    )
    cash = Decimal(books["cash"]) if books else account.cash
    fills = _fills(views, name, since, through)
    span = equity_span(BooksNow.of(cash, holdings), fills, _closes(bars, whole))
    return EquityHistory(span, cash, holdings, midnight)


def _fills(views: Reading, account: str, since: int, through: datetime) -> list[Fill]:
    return [fill for day in days(datetime.fromtimestamp(since, UTC), through) for fill in fills_of(views, account, day)]


def _closes(history: BarHistory, span: BarSpan) -> dict[int, dict[str, Decimal]]:
    """Return the closes of a span by their times."""
    closes: dict[int, dict[str, Decimal]] = {}
    for instrument, shown in history.bars(span).items() if span.instruments else ():
        for at, bar in shown.items():
            closes.setdefault(at, {})[instrument] = bar.close
    return closes
