"""The lake's tables, and the rows that a message adds to them.

The columns are defined in this one place: the Parquet files, the catalogue of Athena and the views for local queries
are all made from it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any, Literal

import msgspec

from fanfold.ledger import positions
from fanfold.market import bars
from fanfold.messages import BarsClosed, ExecutionReport, Fill, Message, Order, OrdersApproved, OrdersRefused, Targets

_WHOLE_DIGITS, _DECIMALS = 20, 18
Type = Literal["string", "bigint", "double", "timestamp", "decimal(38,18)"]


class LakeTable(msgspec.Struct, frozen=True, kw_only=True):
    """Columns by name and type, in order. Rows that agree in ``key`` are one row; ``sort`` is a compacted day's order.

    Every table is partitioned by ``dt``, the UTC date of the row's market time, a string such as 2026-01-31.
    """

    name: str
    about: str
    columns: dict[str, Type]
    key: tuple[str, ...]
    sort: tuple[str, ...]


class LakeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a day of a table. Columns that are not named are null."""

    table: str
    dt: str
    values: dict[str, Any]


BARS = LakeTable(
    name="bars",
    about="Closed bars, every timeframe; closes_at is when the bar closed.",
    columns={
        "venue": "string",
        "instrument": "string",
        "timeframe": "string",
        "closes_at": "timestamp",
        "open": "decimal(38,18)",
        "high": "decimal(38,18)",
        "low": "decimal(38,18)",
        "close": "decimal(38,18)",
        "volume": "decimal(38,18)",
        "message_id": "string",
        "sent_at": "timestamp",
    },
    # A bar that was asked for again comes in another message and is the same bar.
    key=("venue", "instrument", "timeframe", "closes_at"),
    sort=("timeframe", "instrument", "closes_at", "message_id"),
)
SIGNALS = LakeTable(
    name="signals",
    about="What each strategy instance wanted to hold as of a bar; weight is a share of its leg's equity, the "
    "protection shares of the price.",
    columns={
        "signal_id": "string",
        "account": "string",
        "instance": "string",
        "instrument": "string",
        "timeframe": "string",
        "weight": "double",
        "stop": "double",
        "take_profit": "double",
        "trail": "double",
        "bundle": "string",
        "at": "timestamp",
        "message_id": "string",
        "sent_at": "timestamp",
    },
    key=("account", "signal_id"),
    sort=("at", "instance", "instrument", "message_id"),
)
ORDERS = LakeTable(
    name="orders",
    about="Every step of every order: APPROVED, REFUSED with its code, then each state the venue led it to.",
    columns={
        "event_id": "string",
        "order_id": "string",
        "client_order_id": "string",
        "signal_id": "string",
        "account": "string",
        "venue": "string",
        "instance": "string",
        "instrument": "string",
        "state": "string",
        "side": "string",
        "kind": "string",
        "quantity": "decimal(38,18)",
        "limit_price": "decimal(38,18)",
        "stop_price": "decimal(38,18)",
        "reference_price": "decimal(38,18)",
        "reserved": "decimal(38,18)",
        "filled": "decimal(38,18)",
        "code": "string",
        "detail": "string",
        "at": "timestamp",
        "message_id": "string",
        "decided_at": "timestamp",
        "sent_at": "timestamp",
    },
    key=("event_id",),
    sort=("at", "order_id", "event_id"),
)
TRADES = LakeTable(
    name="trades",
    about="Fills, keyed by the venue's trade id; fee is in the account's currency, fee_base was taken from the "
    "quantity, and fee_other is the worth of what was charged in other currencies. Cash is the account's after the "
    "report of the fill; of two reports, that of the higher version is newer.",
    columns={
        "trade_id": "string",
        "order_id": "string",
        "client_order_id": "string",
        "account": "string",
        "venue": "string",
        "instance": "string",
        "instrument": "string",
        "side": "string",
        "price": "decimal(38,18)",
        "quantity": "decimal(38,18)",
        "fee": "decimal(38,18)",
        "liquidity": "string",
        "at": "timestamp",
        "message_id": "string",
        "fee_base": "decimal(38,18)",
        "fee_other": "decimal(38,18)",
        "cash": "decimal(38,18)",
        "version": "bigint",
        "sent_at": "timestamp",
    },
    key=("account", "instrument", "trade_id"),
    sort=("at", "instrument", "trade_id", "message_id"),
)
TABLES: dict[str, LakeTable] = {table.name: table for table in (BARS, SIGNALS, ORDERS, TRADES)}

_OF_ORDER = frozenset(ORDERS.columns) & frozenset(Order.__struct_fields__)


def fit_amounts(row: LakeRow) -> tuple[LakeRow, list[str]]:
    """Return a row whose amounts fit decimal(38,18), finer ones rounded, and the columns of amounts from 1e20 on.

    Those are null: the audit log keeps the amount as it was.
    """
    amounts = {name: _amount(value) for name, value in row.values.items() if isinstance(value, Decimal)}
    lost = [name for name, value in amounts.items() if value is None]
    return msgspec.structs.replace(row, values=row.values | amounts), lost


def rows_of(message: Message, sent_at: datetime | None = None) -> Iterator[LakeRow]:
    """Return the rows that a message adds, always the same; trading states, legs' states and requests add none.

    ``sent_at`` is when audit's queue received the message.
    """
    for row in _rows_of(message):
        yield row if sent_at is None else msgspec.structs.replace(row, values=row.values | {"sent_at": sent_at})


def _rows_of(message: Message) -> Iterator[LakeRow]:
    match message:
        case BarsClosed():
            yield from _bars(message)
        case Targets():
            yield from _signals(message)
        case OrdersApproved() | OrdersRefused():
            yield from _decisions(message)
        case ExecutionReport():
            yield from _updates(message)
            yield from (_trade(message, fill) for fill in message.fills)


def day_of(at: datetime) -> str:
    """Return the partition of a time: its UTC date, for a bar the date of its close."""
    return at.astimezone(UTC).date().isoformat()


def _amount(value: Decimal) -> Decimal | None:
    if not value.is_finite() or value.adjusted() >= _WHOLE_DIGITS:
        return None
    if int(value.as_tuple().exponent) < -_DECIMALS:
        value = value.quantize(Decimal(1).scaleb(-_DECIMALS), context=Context(prec=_WHOLE_DIGITS + _DECIMALS + 1))
    return value if value.adjusted() < _WHOLE_DIGITS else None


def _row(table: LakeTable, at: datetime, values: dict[str, Any]) -> LakeRow:
    return LakeRow(table=table.name, dt=day_of(at), values=values)


def _bars(message: BarsClosed) -> Iterator[LakeRow]:
    for series in bars.unpack(message.frames):
        for bar in series.bars:
            closes_at = datetime.fromtimestamp(bar.closes_at_s, UTC)
            values = {
                "venue": message.venue,
                "instrument": series.instrument,
                "timeframe": series.timeframe,
                "closes_at": closes_at,
                "open": series.price(bar.open),
                "high": series.price(bar.high),
                "low": series.price(bar.low),
                "close": series.price(bar.close),
                "volume": series.volume(bar.volume),
                "message_id": message.id,
            }
            yield _row(BARS, closes_at, values)


def _signals(message: Targets) -> Iterator[LakeRow]:
    for target in message.targets:
        values = msgspec.structs.asdict(target)
        yield _row(SIGNALS, message.at, values | _origin(message) | {"account": message.account})


def _decisions(message: OrdersApproved | OrdersRefused) -> Iterator[LakeRow]:
    if isinstance(message, OrdersApproved):
        decisions = [(order, {"state": "APPROVED"}) for order in message.orders]
    else:
        refused = [(refusal.order, {"code": refusal.code, "detail": refusal.detail}) for refusal in message.refusals]
        decisions = [(order, {"state": "REFUSED"} | why) for order, why in refused]
    for n, (order, decision) in enumerate(decisions):
        values = {name: value for name, value in msgspec.structs.asdict(order).items() if name in _OF_ORDER}
        yield _row(ORDERS, message.at, values | decision | _origin(message) | {"event_id": f"{message.id}-{n}"})


def _updates(message: ExecutionReport) -> Iterator[LakeRow]:
    for n, update in enumerate(message.updates):
        values = {
            "event_id": f"{message.id}-{n}",
            "order_id": update.order_id,
            "client_order_id": update.client_order_id,
            "account": message.account,
            "venue": message.venue,
            "instance": update.instance,
            "instrument": update.instrument,
            "state": update.state.value,
            "filled": update.filled,
            "detail": update.reason or None,
        }
        yield _row(ORDERS, message.at, values | _origin(message))


def _trade(report: ExecutionReport, fill: Fill) -> LakeRow:
    values = {name: value for name, value in msgspec.structs.asdict(fill).items() if name in TRADES.columns}
    after = {"cash": report.cash, "version": report.version, "fee_other": positions.other_fee(fill)}
    return _row(TRADES, fill.at, values | after | {"message_id": report.id})


def _origin(message: Message) -> dict[str, Any]:
    return {"at": message.at, "message_id": message.id}
