"""The ledger that risk and execution share: accounts, positions, orders and fills, every change a transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from fanfold import ids
from fanfold.aws.dynamodb.attribute_values import integer
from fanfold.aws.dynamodb.table import ABSENT, PRESENT, Key, Table, Write, sort_key
from fanfold.ledger.booking import AccountBooks, StoredAccount, StoredPosition, Trade, trade
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.positions import Lot, LotPages, Position
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import Fill, Message, Order, TradingState, TradingStateChanged
from fanfold.money import ZERO
from fanfold.records import TERMINAL
from fanfold.risk.exposure import PositionKey

LIVE = "outbox#execution"
_lots = msgspec.json.Decoder(tuple[Lot, ...]).decode
_pages = msgspec.json.Decoder(LotPages).decode
_record = msgspec.json.Decoder(OrderRecord).decode
_encode = msgspec.json.Encoder(decimal_format="string").encode


def account_key(account: str) -> Key:
    return f"account#{account}", "account"


def position_key(account: str, leg: PositionKey) -> Key:
    return f"account#{account}", f"position#{leg[0]}#{leg[1]}"


def resume_key(account: str) -> Key:
    return f"resume#{account}", "resume"


def order_key(order_id: str) -> Key:
    return f"order#{order_id}", "order"


def fill_key(trade: Trade) -> Key:
    return f"fill#{'#'.join(trade)}", "fill"


def live_key(account: str, order_id: str) -> Key:
    """In execution's outbox, which is read every minute: so what is under way is known without another call."""
    return LIVE, f"live#{account}#{order_id}"


class LiveOrder(NamedTuple):
    """An order that has not ended, and the id and time of the message that told of its approval."""

    account: str
    order_id: str
    cause: str
    at: datetime


def read(table: Table, account: str) -> AccountBooks:
    """The books of an account."""
    found: StoredAccount | None = None
    positions: dict[PositionKey, StoredPosition] = {}
    for item in table.query(account_key(account)[0]):
        kind, *leg = sort_key(item).split("#")
        if kind == "account":
            found = _account(account, item)
        elif kind == "position":
            positions[leg[0], leg[1]] = _position(item)
    return AccountBooks(account=found, positions=positions)


def trading_state(table: Table, account: str) -> OrderPermissions:
    """The trading state of an account; none where it was never opened."""
    item = table.get(account_key(account))
    since = datetime.fromisoformat(item["trading_state_at"]) if "trading_state_at" in item else None
    return OrderPermissions(
        TradingState(item["trading_state"]) if "trading_state" in item else None, since, item.get("breach", "")
    )


def live(table: Table, account: str) -> list[LiveOrder]:
    """The orders of an account that have not ended."""
    return live_of(table.query(LIVE, f"live#{account}#"))


def live_of(items: Iterable[Mapping[str, Any]]) -> list[LiveOrder]:
    """The live orders among the items of execution's outbox."""
    return [
        LiveOrder(account, order_id, item["cause"], datetime.fromisoformat(item["at"]))
        for item in items
        if sort_key(item).startswith("live#")
        for _, account, order_id in [sort_key(item).split("#", 2)]
    ]


def records(table: Table, order_ids: list[str]) -> dict[str, OrderRecord]:
    """The orders that are there, by id."""
    return records_and_trades(table, order_ids, [])[0]


def records_and_trades(
    table: Table, order_ids: Iterable[str], trades: Iterable[Trade]
) -> tuple[dict[str, OrderRecord], dict[Trade, Decimal]]:
    """The orders that are there, by id, and the quantities of the trades that are booked; in one call for few."""
    known = {fill_key(trade): trade for trade in trades}
    found = table.get_all([*map(order_key, dict.fromkeys(order_ids)), *known])
    orders = [_record(item["record"]) for item in found.values() if "record" in item]
    booked = {known[key]: item["quantity"] for key, item in found.items() if key in known}
    return {record.order.order_id: record for record in orders}, booked


def opening(table: Table, account: str, cash: Decimal) -> Write:
    """The write that opens an account; it fails where there is one."""
    item = {
        "trading_state": TradingState.ACTIVE,
        "cash": cash,
        "reserved": ZERO,
        "order_minute": 0,
        "orders_in_minute": 0,
        "version": 1,
    }
    return table.putting(account_key(account), item, ABSENT)


def halting(table: Table, account: str, told: TradingStateChanged) -> Write:
    """The write that sets the trading state of an account that there is, and notes the message that tells of it."""
    values = {":state": told.state, ":cause": told.id, ":at": told.at.isoformat(), ":one": 1}
    update = "SET trading_state = :state, trading_state_cause = :cause, trading_state_at = :at ADD version :one"
    return table.updating(account_key(account), update, values, PRESENT)


def breaching(table: Table, account: str, breach: str) -> Write:
    """The write that notes which loss limit an account has broken, "" for none any more."""
    return table.updating(account_key(account), "SET breach = :breach", {":breach": breach}, PRESENT)


def forgetting_resume(table: Table, account: str) -> Write:
    """The write after which a request to resume, made before a halt, cannot be confirmed any more."""
    return table.deleting(resume_key(account))


def reserving(table: Table, before: StoredAccount, reserved: Decimal, minute: int, orders_in_minute: int) -> Write:
    """The account's side of an approval; it fails where the account is not as it was read."""
    return table.updating(
        account_key(before.account),
        "SET reserved = :reserved, orders_in_minute = :orders, order_minute = :minute ADD version :one",
        {
            ":reserved": reserved,
            ":orders": orders_in_minute,
            ":minute": minute,
            ":one": 1,
            ":version": before.version,
            ":state": before.trading_state,
        },
        "version = :version AND trading_state = :state",
    )


def permitting(table: Table, account: str, states: tuple[TradingState, ...]) -> Write:
    """A check that an account's trading state is one of these; it fails where the state is missing."""
    names = {f":state{n}": state for n, state in enumerate(states)}
    return table.checking(account_key(account), f"trading_state IN ({', '.join(names)})", names)


def creating(table: Table, order: Order) -> Write:
    """The write that makes an order; it fails where it was made before."""
    return _storing(table, OrderRecord(order=order), _terms(order), ABSENT, {})


def indexing(table: Table, order: Order, told: Message) -> Write:
    """The write that notes an order as live, and which message tells of it."""
    return table.putting(live_key(order.account, order.order_id), {"cause": told.id, "at": told.at.isoformat()})


def unindexing(table: Table, steps: Sequence[tuple[OrderRecord, OrderRecord]]) -> list[Write]:
    """The writes that forget the orders that these steps have ended."""
    return [
        table.deleting(live_key(after.order.account, after.order.order_id))
        for before, after in steps
        if after.state in TERMINAL and before.state not in TERMINAL
    ]


def expecting(table: Table, account: str, leg: PositionKey, quantity: Decimal) -> Write:
    """The position's side of an approval: more, or less, to be filled."""
    return table.updating(position_key(account, leg), "ADD unfilled :quantity", {":quantity": quantity})


def moving(table: Table, before: OrderRecord, after: OrderRecord) -> Write:
    """The write of an order's step; it fails where another step came first, or where the order is another one."""
    condition = "order_state = :seen AND epoch = :epoch AND filled = :filled AND terms = :terms"
    terms = _terms(before.order)
    seen = {":seen": before.state, ":epoch": before.epoch, ":filled": before.filled, ":terms": terms}
    return _storing(table, after, terms if after.order == before.order else _terms(after.order), condition, seen)


def filling(table: Table, fill: Fill) -> Write:
    """The write that marks a trade as booked; it fails where it was."""
    return table.putting(fill_key(trade(fill)), {"quantity": fill.quantity}, ABSENT)


def positioning(
    table: Table, account: str, leg: PositionKey, before: Position, after: Position, unfilled: Decimal
) -> Write:
    """The write of a position after fills; ``unfilled`` is added to what live orders have still to fill."""
    values: dict[str, Any] = {
        ":lots": _encode(after.lots),
        ":pages": _encode(msgspec.structs.replace(after.pages, read=())),
        ":realised": after.realised,
        ":fees": after.fees,
        ":after": after.version,
        ":before": before.version,
        ":unfilled": unfilled,
    }
    return table.updating(
        position_key(account, leg),
        "SET lots = :lots, pages = :pages, realised = :realised, fees = :fees, version = :after ADD unfilled :unfilled",
        values,
        "version = :before OR attribute_not_exists(version)",
    )


def settling(table: Table, before: StoredAccount, cash: Decimal, reserved: Decimal) -> Write:
    """The account's side of fills; it fails where the account is not as it was read."""
    return table.updating(
        account_key(before.account),
        "SET cash = :cash, reserved = :reserved ADD version :one",
        {":cash": cash, ":reserved": reserved, ":one": 1, ":version": before.version},
        "version = :version",
    )


def _storing(table: Table, record: OrderRecord, terms: str, condition: str, values: dict[str, Any]) -> Write:
    item = {
        "record": _encode(record),
        "order_state": record.state,
        "epoch": record.epoch,
        "filled": record.filled,
        "terms": terms,
    }
    return table.putting(order_key(record.order.order_id), item, condition, values)


def _terms(order: Order) -> str:
    """What was approved, in a word: an order of the same id that differs in any of it was not."""
    return ids.derive(
        "terms",
        order.account,
        order.venue,
        order.instance,
        order.instrument,
        order.side,
        order.kind,
        order.quantity,
        order.limit_price,
        order.stop_price,
        order.time_in_force,
        order.reduce_only,
        order.reserved,
    )


def _account(account: str, item: dict[str, Any]) -> StoredAccount:
    return StoredAccount(
        account=account,
        trading_state=TradingState(item["trading_state"]) if "trading_state" in item else None,
        trading_state_cause=item.get("trading_state_cause", ""),
        breach=item.get("breach", ""),
        cash=item["cash"],
        reserved=item["reserved"],
        minute=integer(item["order_minute"]),
        orders_in_minute=integer(item["orders_in_minute"]),
        version=integer(item["version"]),
    )


def _position(item: dict[str, Any]) -> StoredPosition:
    position = Position()
    if "lots" in item:
        position = Position(
            lots=_lots(item["lots"]),
            pages=_pages(item["pages"]),
            realised=item["realised"],
            fees=item["fees"],
            version=integer(item["version"]),
        )
    return StoredPosition(position=position, open=item.get("unfilled", ZERO))
