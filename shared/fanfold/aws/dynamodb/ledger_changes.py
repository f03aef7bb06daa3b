"""Each change of the ledger as one write of a transaction: its key, its condition, what it sets."""

from collections.abc import Callable
from typing import Any

import msgspec

from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.polls import rearming
from fanfold.aws.dynamodb.table import ABSENT, PRESENT, Table, Write
from fanfold.ledger.booking import trade
from fanfold.ledger.changes import (
    AddFlow,
    AwaitResume,
    BookTrade,
    Change,
    CreateOrder,
    DropLots,
    DropRules,
    ExpectFill,
    Freeze,
    HoldMessage,
    IndexOrder,
    KeepRules,
    MoveCash,
    MoveCursor,
    MoveOrder,
    MovePosition,
    MoveStop,
    NamePlaced,
    NoteExternal,
    OpenAccount,
    PutLots,
    Rearm,
    RememberRequest,
    RequireTradingState,
    ReserveCash,
    RestStop,
    SetBaseline,
    SetBreach,
    SetTradingState,
    SpendResume,
    Unfreeze,
    UnindexOrder,
    VoidResume,
)
from fanfold.ledger.orders import OrderRecord, terms_of
from fanfold.ledger.real_money import OweFee
from fanfold.ledger.trading_state import no_stricter
from fanfold.messages import TradingState
from fanfold.money import ZERO

_encode = msgspec.json.Encoder(decimal_format="string").encode


def write_of(table: Table, outbox: Outbox, change: Change) -> Write:
    """Return the write of a change; messages are held in the outbox."""
    if type(change) is HoldMessage:
        return outbox.holding(change.message)
    return _WRITES[type(change)](table, change)


def _open_account(table: Table, change: OpenAccount) -> Write:
    item: dict[str, Any] = {"trading_state": TradingState.ACTIVE, "cash": change.cash, "reserved": ZERO}
    item |= {"order_minute": 0, "orders_in_minute": 0, "version": 1}
    return table.putting(ledger.account_key(change.account), item, ABSENT)


def _set_trading_state(table: Table, change: SetTradingState) -> Write:
    message = change.message
    values: dict[str, Any] = {":state": message.state, ":cause": message.id, ":at": message.at.isoformat(), ":one": 1}
    values |= {":actor": message.actor, ":replaces": change.replaces}
    looser = {f":state{number}": state for number, state in enumerate(no_stricter(message.state))}
    return table.updating(
        ledger.account_key(message.account),
        "SET trading_state = :state, trading_state_cause = :cause, trading_state_at = :at, trading_state_actor = :actor"
        " ADD version :one",
        values | looser,
        f"trading_state IN ({', '.join(looser)}) OR trading_state_cause = :replaces",
    )


def _set_breach(table: Table, change: SetBreach) -> Write:
    key = ledger.account_key(change.account)
    return table.updating(key, "SET breach = :breach", {":breach": change.breach}, PRESENT)


def _require_trading_state(table: Table, change: RequireTradingState) -> Write:
    states = {f":state{number}": state for number, state in enumerate(change.states)}
    return table.checking(ledger.account_key(change.account), f"trading_state IN ({', '.join(states)})", states)


def _reserve_cash(table: Table, change: ReserveCash) -> Write:
    return table.updating(
        ledger.account_key(change.before.account),
        "SET reserved = :reserved, orders_in_minute = :orders, order_minute = :minute ADD version :one",
        {
            ":reserved": change.reserved,
            ":orders": change.orders_in_minute,
            ":minute": change.minute,
            ":one": 1,
            ":version": change.before.version,
            ":state": change.before.trading_state,
        },
        "version = :version AND trading_state = :state",
    )


def _move_cash(table: Table, change: MoveCash) -> Write:
    values = {":cash": change.cash, ":reserved": change.reserved, ":one": 1, ":version": change.before.version}
    update = "SET cash = :cash, reserved = :reserved ADD version :one"
    return table.updating(ledger.account_key(change.before.account), update, values, "version = :version")


def _rearm(table: Table, change: Rearm) -> Write:
    return rearming(table, change.account)


def _create_order(table: Table, change: CreateOrder) -> Write:
    return _order(table, OrderRecord(order=change.order), terms_of(change.order), ABSENT, {})


def _move_order(table: Table, change: MoveOrder) -> Write:
    before, after = change.before, change.after
    condition = "order_state = :seen AND epoch = :epoch AND filled = :filled AND terms = :terms"
    terms = terms_of(before.order)
    seen = {":seen": before.state, ":epoch": before.epoch, ":filled": before.filled, ":terms": terms}
    # Another process may have put the order into quarantine: whoever ends that has to know of it.
    condition += " AND doubt = :doubt" if before.doubt else " AND attribute_not_exists(doubt)"
    seen |= {":doubt": before.doubt} if before.doubt else {}
    return _order(table, after, terms if after.order == before.order else terms_of(after.order), condition, seen)


def _order(table: Table, record: OrderRecord, terms: str, condition: str, values: dict[str, Any]) -> Write:
    item = {
        "record": _encode(record),
        "order_state": record.state,
        "epoch": record.epoch,
        "filled": record.filled,
        "terms": terms,
    }
    item |= {"doubt": record.doubt} if record.doubt else {}
    return table.putting(ledger.order_key(record.order.order_id), item, condition, values)


def _index_order(table: Table, change: IndexOrder) -> Write:
    item = {"cause": change.cause, "at": change.at.isoformat()}
    return table.putting(ledger.live_key(change.account, change.order_id), item)


def _unindex_order(table: Table, change: UnindexOrder) -> Write:
    return table.deleting(ledger.live_key(change.account, change.order_id))


def _book_trade(table: Table, change: BookTrade) -> Write:
    return table.putting(ledger.fill_key(trade(change.fill)), {"quantity": change.fill.quantity}, ABSENT)


def _expect_fill(table: Table, change: ExpectFill) -> Write:
    key = ledger.position_key(change.account, change.key)
    return table.updating(key, "ADD unfilled :q, unfilled_sales :s", {":q": change.quantity, ":s": change.sales})


def _move_position(table: Table, change: MovePosition) -> Write:
    after = change.after
    values: dict[str, Any] = {
        ":lots": _encode(after.lots),
        ":pages": _encode(msgspec.structs.replace(after.pages, read=())),
        ":realised": after.realised,
        ":fees": after.fees,
        ":after": after.version,
        ":before": change.before.version,
        ":as_of": change.as_of,
        ":unfilled": change.open,
        ":sales": change.sales,
    }
    sets = "lots = :lots, pages = :pages, realised = :realised, fees = :fees, version = :after, as_of = :as_of"
    # Few positions have paid fees in third currencies.
    if after.other_fees or change.before.other_fees:
        sets, values = f"{sets}, other_fees = :other_fees", values | {":other_fees": after.other_fees}
    return table.updating(
        ledger.position_key(change.account, change.key),
        f"SET {sets} ADD unfilled :unfilled, unfilled_sales :sales",
        values,
        "version = :before OR attribute_not_exists(version)",
    )


def _put_lots(table: Table, change: PutLots) -> Write:
    return table.putting(ledger.page_key(change.account, change.key, change.number), {"lots": _encode(change.lots)})


def _drop_lots(table: Table, change: DropLots) -> Write:
    return table.deleting(ledger.page_key(change.account, change.key, change.number))


def _remember_request(table: Table, change: RememberRequest) -> Write:
    request = change.request
    item = {"request": msgspec.json.encode(request), "expires_at_s": change.expires_at_s}
    return table.putting(ledger.request_key(request.principal, request.key), item, ABSENT)


def _await_resume(table: Table, change: AwaitResume) -> Write:
    item = {
        "pending": msgspec.json.encode(change.pending),
        "confirmation": change.pending.confirmation,
        "expires_at_s": change.expires_at_s,
    }
    return table.putting(ledger.resume_key(change.pending.account), item)


def _spend_resume(table: Table, change: SpendResume) -> Write:
    # Used up rather than deleted: of two that come back with it, the condition lets one through.
    item = {"confirmation": "", "expires_at_s": change.expires_at_s}
    values = {":confirmation": change.pending.confirmation}
    return table.putting(ledger.resume_key(change.pending.account), item, "confirmation = :confirmation", values)


def _freeze(table: Table, change: Freeze) -> Write:
    return table.putting(ledger.doubt_key(change.account, change.instrument, change.source), {"reason": change.reason})


def _unfreeze(table: Table, change: Unfreeze) -> Write:
    return table.deleting(ledger.doubt_key(change.account, change.instrument, change.source))


def _add_flow(table: Table, change: AddFlow) -> Write:
    return table.updating(ledger.flow_key(change.account, change.currency), "ADD amount :a", {":a": change.amount})


def _owe_fee(table: Table, change: OweFee) -> Write:
    key = ledger.owed_key(change.account, change.currency)
    return table.updating(key, "ADD amount :a, worth :w", {":a": change.amount, ":w": change.worth})


def _set_baseline(table: Table, change: SetBaseline) -> Write:
    return table.putting(ledger.baseline_key(change.account, change.currency), {"amount": change.amount})


def _move_cursor(table: Table, change: MoveCursor) -> Write:
    return table.putting(ledger.cursor_key(change.account, change.instrument), {"through": change.through.isoformat()})


def _name_placed(table: Table, change: NamePlaced) -> Write:
    return table.putting(ledger.placed_key(change.account, change.name), {"order_id": change.order_id})


def _note_external(table: Table, change: NoteExternal) -> Write:
    return table.putting(ledger.external_key(change.account, change.name), {"detail": change.detail}, ABSENT)


def _keep_rules(table: Table, change: KeepRules) -> Write:
    return table.putting(ledger.rules_key(change.account, change.instrument), {"rules": _encode(change.rules)})


def _rest_stop(table: Table, change: RestStop) -> Write:
    return table.putting(ledger.stop_key(change.account, change.key), {"stop": _encode(change.stop)}, ABSENT)


def _move_stop(table: Table, change: MoveStop) -> Write:
    key = ledger.stop_key(change.account, change.key)
    return table.deleting(key) if change.stop is None else table.putting(key, {"stop": _encode(change.stop)})


_WRITES: dict[type, Callable[[Table, Any], Write]] = {
    OpenAccount: _open_account,
    SetTradingState: _set_trading_state,
    SetBreach: _set_breach,
    RequireTradingState: _require_trading_state,
    ReserveCash: _reserve_cash,
    MoveCash: _move_cash,
    Rearm: _rearm,
    CreateOrder: _create_order,
    MoveOrder: _move_order,
    IndexOrder: _index_order,
    UnindexOrder: _unindex_order,
    BookTrade: _book_trade,
    ExpectFill: _expect_fill,
    MovePosition: _move_position,
    PutLots: _put_lots,
    DropLots: _drop_lots,
    RememberRequest: _remember_request,
    AwaitResume: _await_resume,
    SpendResume: _spend_resume,
    VoidResume: lambda table, change: table.deleting(ledger.resume_key(change.account)),
    Freeze: _freeze,
    Unfreeze: _unfreeze,
    AddFlow: _add_flow,
    OweFee: _owe_fee,
    SetBaseline: _set_baseline,
    MoveCursor: _move_cursor,
    NamePlaced: _name_placed,
    NoteExternal: _note_external,
    KeepRules: _keep_rules,
    DropRules: lambda table, change: table.deleting(ledger.rules_key(change.account, change.instrument)),
    RestStop: _rest_stop,
    MoveStop: _move_stop,
}
