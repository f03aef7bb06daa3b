"""The ledger's items: their keys, and how they are read."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfold.aws.dynamodb.attribute_values import Item, unmarshal
from fanfold.aws.dynamodb.real_money import real_money
from fanfold.aws.dynamodb.table import Key, Table, sort_key, sort_key_as_stored
from fanfold.errors import Conflict
from fanfold.ledger.account_books import AccountBooks, StoredAccount, StoredPosition
from fanfold.ledger.booking import Trade
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.positions import FLAT, Lot, LotPages, Position
from fanfold.ledger.real_money import RealMoney
from fanfold.ledger.requests import PendingResume, Remembered
from fanfold.ledger.store import Excerpt, LiveOrder
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import TradingState
from fanfold.money import ZERO
from fanfold.risk.exposure import PositionKey

LIVE = "outbox#execution"
NO_PAGES = b"{}"
ON_PAPER = RealMoney()
READS_MAX = 5
_STATES: dict[str, TradingState] = {state.value: state for state in TradingState}
_lots = msgspec.json.Decoder(tuple[Lot, ...]).decode
_pages = msgspec.json.Decoder(LotPages).decode
_record = msgspec.json.Decoder(OrderRecord).decode
_pending = msgspec.json.Decoder(PendingResume).decode
_remembered = msgspec.json.Decoder(Remembered).decode


def account_key(account: str) -> Key:
    return f"account#{account}", "account"


def position_key(account: str, key: PositionKey) -> Key:
    return f"account#{account}", f"position#{key[0]}#{key[1]}"


def page_key(account: str, key: PositionKey, number: int) -> Key:
    """Return the key of a page of lots, in a partition of its own: a read of the books reads no pages."""
    return f"lots#{account}#{key[0]}#{key[1]}", f"page#{number:09}"


def resume_key(account: str) -> Key:
    return f"resume#{account}", "resume"


def request_key(principal: str, key: str) -> Key:
    return f"request#{principal}", key


def order_key(order_id: str) -> Key:
    return f"order#{order_id}", "order"


def fill_key(trade: Trade) -> Key:
    return f"fill#{'#'.join(trade)}", "fill"


def doubt_key(account: str, instrument: str, source: str) -> Key:
    """Return a key in the account's partition, which risk reads as a whole: it knows what is frozen without a call."""
    return f"account#{account}", f"frozen#{instrument}#{source}"


def flow_key(account: str, currency: str) -> Key:
    return f"account#{account}", f"flow#{currency}"


def owed_key(account: str, currency: str) -> Key:
    return f"account#{account}", f"owed#{currency}"


def baseline_key(account: str, currency: str) -> Key:
    return f"account#{account}", f"baseline#{currency}"


def cursor_key(account: str, instrument: str) -> Key:
    return f"account#{account}", f"cursor#{instrument}"


def external_key(account: str, name: str) -> Key:
    return f"account#{account}", f"external#{name}"


def rules_key(account: str, instrument: str) -> Key:
    """Return a key in the account's partition, as of a doubt: risk knows the rules without a call."""
    return f"account#{account}", f"rules#{instrument}"


def stop_key(account: str, key: PositionKey) -> Key:
    return f"account#{account}", f"stop#{key[0]}#{key[1]}"


def placed_key(account: str, name: str) -> Key:
    return f"placed#{account}#{name}", "placed"


def live_key(account: str, order_id: str) -> Key:
    """Return a key in execution's outbox, which is read every minute: live orders then take no other call."""
    return LIVE, f"live#{account}#{order_id}"


class ReadPosition(msgspec.Struct, frozen=True):
    """A position as it was read, with the item that said so."""

    item: Item
    key: PositionKey
    stored: StoredPosition


def read(table: Table, account: str, known: dict[str, ReadPosition] | None = None) -> AccountBooks:
    """Return the books of an account.

    ``known`` has the positions of the last read by their sort keys, and after it those of this one: most have not
    changed, and are not parsed again. A query is no snapshot: one that a booking overtook is made again, or a Conflict.
    """
    for _ in range(READS_MAX):
        if books := _read(table, account, {} if known is None else known):
            return books
    raise Conflict(f"bookings overtook {READS_MAX} reads of the books of {account}")


def _read(table: Table, account: str, before: dict[str, ReadPosition]) -> AccountBooks | None:
    """Return the books, None where a booking was committed while they were read."""
    stored: StoredAccount | None = None
    positions: dict[str, ReadPosition] = {}
    others: list[dict[str, Any]] = []
    for item in table.query_as_stored(account_key(account)[0]):
        name = sort_key_as_stored(item)
        position = before.get(name)
        if position is not None and position.item == item:
            positions[name] = position
            continue
        kind, *key = name.split("#")
        if kind == "account":
            stored = _account(account, unmarshal(item))
        elif kind == "position":
            positions[name] = ReadPosition(item, (key[0], key[1]), _position(unmarshal(item)))
        else:
            others.append(unmarshal(item))
    before.clear()
    before.update(positions)
    newest = max((int(each.item["as_of"]["N"]) for each in positions.values() if "as_of" in each.item), default=0)
    if stored and newest > stored.version:
        return None
    by_key = {position.key: position.stored for position in positions.values()}
    return AccountBooks(account=stored, positions=by_key, real=real_money(others) if others else ON_PAPER)


def placed(table: Table, account: str, names: Sequence[str]) -> dict[str, str]:
    """Return the ids of those orders that a venue knows by these names, by them."""
    by_key = {placed_key(account, name): name for name in names}
    return {by_key[key]: item["order_id"] for key, item in table.get_all(list(by_key)).items()}


def lots(table: Table, account: str, key: PositionKey, numbers: Iterable[int]) -> dict[int, tuple[Lot, ...]]:
    """Return those pages of a position's lots that exist, by number."""
    by_key = {page_key(account, key, number): number for number in numbers}
    return {by_key[page]: _lots(item["lots"]) for page, item in table.get_all(list(by_key)).items()}


def trading_state(table: Table, account: str) -> OrderPermissions:
    """Return the trading state of an account; none where it was never opened."""
    return _permissions(table.get(account_key(account)))


def _permissions(item: Mapping[str, Any]) -> OrderPermissions:
    since = datetime.fromisoformat(item["trading_state_at"]) if "trading_state_at" in item else None
    return OrderPermissions(
        trading_state=_STATES[item["trading_state"]] if "trading_state" in item else None,
        since=since,
        breach=item.get("breach", ""),
        change=item.get("trading_state_cause", ""),
        actor=item.get("trading_state_actor", ""),
    )


def live(table: Table, account: str) -> list[LiveOrder]:
    """Return the orders of an account that have not ended."""
    return live_of(table.query(LIVE, f"live#{account}#"))


def live_of(items: Iterable[Mapping[str, Any]]) -> list[LiveOrder]:
    """Return the live orders among the items of execution's outbox."""
    return [
        LiveOrder(account, order_id, item["cause"], datetime.fromisoformat(item["at"]))
        for item in items
        if sort_key(item).startswith("live#")
        for _, account, order_id in [sort_key(item).split("#", 2)]
    ]


def records(table: Table, order_ids: Sequence[str]) -> dict[str, OrderRecord]:
    """Return the orders that exist, by id."""
    return _orders(table.get_all([order_key(order_id) for order_id in dict.fromkeys(order_ids)]).values())


def excerpt(
    table: Table, account: str, keys: Iterable[PositionKey], order_ids: Iterable[str], trades: Iterable[Trade]
) -> Excerpt:
    """Return an account with some of its positions, orders and trades; a call for a hundred of them."""
    own = account_key(account)
    positions = {position_key(account, key): key for key in keys}
    booked = {fill_key(trade): trade for trade in trades}
    items = table.get_all([own, *positions, *map(order_key, dict.fromkeys(order_ids)), *booked])
    stored = items.get(own)
    return Excerpt(
        books=AccountBooks(
            account=None if stored is None else _account(account, stored),
            positions={key: _position(items[at]) for at, key in positions.items() if at in items},
        ),
        permissions=_permissions(stored or {}),
        orders=_orders(items.values()),
        trades={trade: items[at]["quantity"] for at, trade in booked.items() if at in items},
    )


def _orders(items: Iterable[Mapping[str, Any]]) -> dict[str, OrderRecord]:
    return {each.order.order_id: each for each in (_record(item["record"]) for item in items if "record" in item)}


def remembered(table: Table, principal: str, key: str) -> Remembered | None:
    """Return the request that was done under a key."""
    item = table.get(request_key(principal, key))
    return _remembered(item["request"]) if item else None


def pending_resume(table: Table, account: str) -> PendingResume | None:
    """Return the request to resume that waits for its confirmation."""
    item = table.get(resume_key(account))
    return _pending(item["pending"]) if item.get("confirmation") else None


def _account(account: str, item: dict[str, Any]) -> StoredAccount:
    return StoredAccount(
        account=account,
        trading_state=_STATES[item["trading_state"]] if "trading_state" in item else None,
        trading_state_cause=item.get("trading_state_cause", ""),
        breach=item.get("breach", ""),
        cash=item["cash"],
        reserved=item["reserved"],
        minute=int(item["order_minute"]),
        orders_in_minute=int(item["orders_in_minute"]),
        version=int(item["version"]),
    )


def _position(item: dict[str, Any]) -> StoredPosition:
    position = FLAT
    if "lots" in item:
        pages = item["pages"]
        position = Position(
            lots=_lots(item["lots"]),
            # Few positions are of so many lots that they have pages.
            pages=_pages(pages) if pages != NO_PAGES else FLAT.pages,
            realised=item["realised"],
            fees=item["fees"],
            other_fees=item.get("other_fees", ZERO),
            version=int(item["version"]),
        )
    return StoredPosition(position=position, open=item.get("unfilled", ZERO), sales=item.get("unfilled_sales", ZERO))
