"""Write the page of the lake's views: their columns, and of each an example over a small lake."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

from fanfold.audit.lake_schema import BARS, ORDERS, SIGNALS, TABLES, TRADES, LakeRow, day_of
from fanfold.audit.lake_view import LakeView
from fanfold.audit.lake_views import VIEWS
from fanfold.aws.s3.lake import table_of
from fanfold.cli import sql

PAGE = "docs/lake-views.md"
_START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_LEG = {"account": "main", "venue": "sim", "instance": "trend", "instrument": "BTC/USDT"}
# Minute of the bar that risk decided on, side, quantity, price then, fills as (minute, price, quantity, fee), end.
_TRADED = [
    (1, "buy", "0.5", "60010", [(2, "60021.5", "0.3", "18.00645"), (3, "60030", "0.2", "12.006")], "FILLED"),
    (5, "sell", "0.5", "60050", [(6, "60058", "0.4", "24.0232")], "CANCELED"),
]
_EXAMPLES = {
    "closed_bars": "SELECT instrument, timeframe, opens_at, closes_at, close, volume FROM closed_bars "
    "WHERE dt = '2026-03-02' ORDER BY closes_at LIMIT 3",
    "longer_bars": "SELECT closes_at, open, high, low, close, volume, parts FROM longer_bars "
    "WHERE timeframe = '5m' ORDER BY closes_at",
    "fills": "SELECT at, side, price, quantity, value, fees, paid FROM fills WHERE dt >= '2026-03-01' ORDER BY at",
    "pnl_by_day": "SELECT day, instance, instrument, fills, fees, position, close, pnl FROM pnl_by_day ORDER BY day",
    "fees_by_venue": "SELECT day, venue, liquidity, fills, turnover, fees, round(fees_bps, 2) AS fees_bps "
    "FROM fees_by_venue ORDER BY day",
    "portfolio_value": "SELECT at, cash, positions, value FROM portfolio_value "
    "WHERE account = 'main' AND at <= timestamp '2026-03-02 12:06:30' ORDER BY at DESC LIMIT 1",
    "order_results": "SELECT order_id, side, quantity, state, fills, filled, value FROM order_results ORDER BY at",
    "fill_ratio": "SELECT dt, instance, orders, filled_whole, filled_partly, ratio FROM fill_ratio ORDER BY dt",
    "slippage": "SELECT trade_id, side, price, arrival, cost, round(arrival_bps, 3) AS arrival_bps, "
    "round(bar_bps, 3) AS bar_bps FROM slippage ORDER BY trade_id",
    "effective_spread": "SELECT instrument, count(*) AS fills, round(avg(spread_bps), 3) AS spread_bps "
    "FROM effective_spread WHERE liquidity = 'taker' GROUP BY instrument",
    "implementation_shortfall": "SELECT order_id, delay, trading, fees, opportunity, shortfall "
    "FROM implementation_shortfall ORDER BY order_id",
    "latency": "SELECT order_id, publish_ms, signal_ms, risk_ms, execution_ms, total_ms FROM latency ORDER BY order_id",
}
_HEAD = """# Views of the lake

Written from `shared/fanfold/audit/views_of_bars.py`, `views_of_fills.py` and `views_of_orders.py`; change the view,
not this page.

The same SQL text is a view of a stage's Athena database and of `fanfold query`. Each shows a row once, also where a
message was recorded twice. Amounts are `decimal(38,18)` and exact: a product of two is rounded once, to the last of
the 18 decimals. Where a column was added later, older files have null there, and what needs it is null.

Bars hold no quotes and no VWAP. So `slippage` takes the mean of high, low and close for the VWAP of a bar, and
`effective_spread` the last price before the bar for the middle of the book. On paper a fill is dated by the close of
its bar.

In Athena restrict `dt` where a view has one. `longer_bars`, `pnl_by_day`, `portfolio_value` and
`implementation_shortfall` read all days: a day depends on those before it, and an order on prices after it.

The examples below were run over ten minutes of bars and two orders.
"""


def lake_views_markdown() -> str:
    """Return the page, with the rows that its examples find now."""
    with TemporaryDirectory() as folder:
        _write_lake(Path(folder))
        files = sql.files_in(Path(folder))
        return "\n".join([_HEAD, *(_section(view, _EXAMPLES[name], files) for name, view in VIEWS.items())])


def _section(view: LakeView, example: str, files: dict[str, list[Path]]) -> str:
    columns = _table(["Column", "Type", "Meaning"], (
        (f"`{name}`", kind, meaning) for name, (kind, meaning) in view.columns.items()))  # fmt: skip
    answer = sql.query(example, files)
    rows = _table(answer.columns, ([_shown(value) for value in row] for row in answer.rows))
    return f"## {view.name}\n\n{view.about}\n\n{columns}\n\n```sql\n{example}\n```\n\n{rows}\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _shown(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _write_lake(folder: Path) -> None:
    for table, rows in ((BARS, _bars()), (SIGNALS, _signals()), (ORDERS, _orders()), (TRADES, _trades())):
        days = defaultdict[str, list[LakeRow]](list)
        for row in rows:
            dt = day_of(row.get("closes_at") or row["at"])
            days[dt].append(LakeRow(table=table.name, dt=dt, values=row))
        for dt, day_rows in days.items():
            path = folder / table.name / f"dt={dt}" / "day.parquet"
            path.parent.mkdir(parents=True)
            pq.write_table(table_of(TABLES[table.name], day_rows), path)


def _after(minute: int, ms: int = 0) -> datetime:
    return _START + timedelta(minutes=minute, milliseconds=ms)


def _bars() -> Iterator[dict[str, Any]]:
    for minute in range(11):
        first = Decimal(60_000 + 10 * (minute - 1))
        yield {
            "venue": "sim", "instrument": "BTC/USDT", "timeframe": "1m", "closes_at": _after(minute), "open": first,
            "high": first + 14, "low": first - 3, "close": first + 10, "volume": Decimal("12.5"),
            "message_id": f"bars-{minute}", "sent_at": _after(minute, 240),
        }  # fmt: skip


def _signals() -> Iterator[dict[str, Any]]:
    for minute, *_ in _TRADED:
        yield _of_leg("account", "instance", "instrument") | {
            "signal_id": f"s{minute}", "timeframe": "1m", "weight": 0.3, "at": _after(minute),
            "message_id": f"targets-{minute}", "sent_at": _after(minute, 410),
        }  # fmt: skip


def _orders() -> Iterator[dict[str, Any]]:
    for minute, side, quantity, price, fills, end in _TRADED:
        named = _LEG | {"order_id": f"o{minute}"}
        yield named | {
            "event_id": f"approved-{minute}", "signal_id": f"s{minute}", "state": "APPROVED", "side": side,
            "kind": "limit", "quantity": Decimal(quantity), "reference_price": Decimal(price), "at": _after(minute),
            "decided_at": _after(minute, 500), "message_id": f"approved-{minute}", "sent_at": _after(minute, 560),
        }  # fmt: skip
        states = ["OPEN", *["PARTIAL"] * len(fills), end]
        for n, state in enumerate(states):
            yield named | {
                "event_id": f"report-{minute}-{n}", "state": state, "at": _after(minute + n),
                "message_id": f"report-{minute}-{n}", "sent_at": _after(minute + n, 790),
            }  # fmt: skip


def _trades() -> Iterator[dict[str, Any]]:
    cash = Decimal(100_000)
    for order, side, _, _, fills, _ in _TRADED:
        for minute, price, quantity, fee in fills:
            value = Decimal(price) * Decimal(quantity)
            cash += (value if side == "sell" else -value) - Decimal(fee)
            yield _LEG | {
                "trade_id": f"t{minute}", "order_id": f"o{order}", "side": side, "price": Decimal(price),
                "quantity": Decimal(quantity), "fee": Decimal(fee), "liquidity": "taker", "at": _after(minute),
                "cash": cash, "version": minute, "message_id": f"report-{order}-{minute - order}",
                "sent_at": _after(minute, 790),
            }  # fmt: skip


def _of_leg(*names: str) -> dict[str, str]:
    return {name: _LEG[name] for name in names}
