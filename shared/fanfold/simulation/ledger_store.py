"""The ledger in memory: a store that only applies changes, by the expectations and effects that each one names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from fanfold.errors import Refused
from fanfold.ledger import changes as to
from fanfold.ledger.account_books import AccountBooks, StoredAccount, StoredPosition
from fanfold.ledger.booking import Pending, Trade, trade
from fanfold.ledger.orders import OrderRecord, terms_of
from fanfold.ledger.positions import Lot, Position
from fanfold.ledger.real_money import OweFee, RealMoney
from fanfold.ledger.requests import PendingResume, Remembered
from fanfold.ledger.store import Excerpt, LiveOrder, within
from fanfold.ledger.trading_state import OrderPermissions, no_stricter
from fanfold.messages import Message, TradingState, TradingStateChanged
from fanfold.money import ZERO, exact
from fanfold.risk.exposure import PositionKey
from fanfold.simulation.items import number
from fanfold.simulation.ledger_records import record_of

CHANGES_MAX = 100


class MemoryLedgerStore:
    """See fanfold.ledger.store.LedgerStore. ``publishing`` receives published messages, ``rearm`` an account's name."""

    def __init__(
        self,
        publishing: Callable[[Sequence[Message]], None],
        rearm: Callable[[str], None] = lambda _account: None,
        changes_max: int = CHANGES_MAX,
    ) -> None:
        self.changes_max = changes_max
        self.accounts: dict[str, StoredAccount] = {}
        self.changes: dict[str, TradingStateChanged] = {}
        self.positions: dict[str, dict[PositionKey, StoredPosition]] = {}
        self.pages: dict[tuple[str, PositionKey], dict[int, tuple[Lot, ...]]] = {}
        self.records: dict[str, OrderRecord] = {}
        self.trades: dict[Trade, Decimal] = {}
        self.index: dict[tuple[str, str], LiveOrder] = {}
        self.held: dict[str, Message] = {}
        self.real: dict[str, RealMoney] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.requests: dict[tuple[str, str], Remembered] = {}
        self.resumes: dict[str, PendingResume] = {}
        self.rearm = rearm
        self._publishing = publishing

    def books(self, account: str) -> AccountBooks:
        positions = dict(self.positions.get(account, {}))
        real = self.real.get(account, RealMoney())
        return AccountBooks(account=self.accounts.get(account), positions=positions, real=real)

    def excerpt(
        self, account: str, keys: Iterable[PositionKey], order_ids: Iterable[str], trades: Iterable[Trade]
    ) -> Excerpt:
        books = self.books(account)
        positions = {key: books.positions[key] for key in keys if key in books.positions}
        return Excerpt(
            books=replace(books, positions=positions, real=RealMoney()),
            permissions=self.permissions(account),
            orders=self.orders(list(order_ids)),
            trades={key: self.trades[key] for key in trades if key in self.trades},
        )

    def orders(self, order_ids: Sequence[str]) -> Mapping[str, OrderRecord]:
        return {order_id: self.records[order_id] for order_id in order_ids if order_id in self.records}

    def lots(self, account: str, key: PositionKey, numbers: Sequence[int]) -> Mapping[int, tuple[Lot, ...]]:
        pages = self.pages.get((account, key), {})
        return {number: pages[number] for number in numbers if number in pages}

    def live(self, account: str) -> list[LiveOrder]:
        return [order for key, order in sorted(self.index.items()) if key[0] == account]

    def placed(self, account: str, names: Sequence[str]) -> Mapping[str, str]:
        return {name: self.names[account, name] for name in names if (account, name) in self.names}

    def permissions(self, account: str) -> OrderPermissions:
        stored = self.accounts.get(account)
        if stored is None:
            return OrderPermissions(None)
        change = self.changes.get(account)
        if change is None:
            return OrderPermissions(stored.trading_state, breach=stored.breach)
        return OrderPermissions(stored.trading_state, change.at, stored.breach, change.id, change.actor)

    def remembered(self, principal: str, key: str) -> Remembered | None:
        return self.requests.get((principal, key))

    def pending_resume(self, account: str) -> PendingResume | None:
        return self.resumes.get(account)

    def commit(self, changes: Sequence[to.Change]) -> None:
        within(self.changes_max, changes)
        records = [record_of(change) for change in changes]
        if len(set(records)) < len(records):
            raise ValueError("two changes of a commit are of one record")
        failed = [n for n, change in enumerate(changes) if not _EXPECTED.get(type(change), _nothing)(self, change)]
        if failed:
            raise Refused(tuple(failed))
        for change in changes:
            _APPLIED[type(change)](self, change)

    def publish(self, held: Sequence[Message], others: Sequence[Message] = ()) -> None:
        self._publishing([*held, *others])
        for message in held:
            self.held.pop(message.id, None)


def _nothing(_store: MemoryLedgerStore, _change: object) -> bool:
    return True


def _as_read(store: MemoryLedgerStore, before: StoredAccount) -> bool:
    stored = store.accounts.get(before.account)
    return stored is not None and stored.version == before.version


def _reservable(store: MemoryLedgerStore, change: to.ReserveCash) -> bool:
    before = change.before
    return _as_read(store, before) and store.accounts[before.account].trading_state is before.trading_state


def _state_in(store: MemoryLedgerStore, change: to.RequireTradingState) -> bool:
    return change.account in store.accounts and store.accounts[change.account].trading_state in change.states


def _settable(store: MemoryLedgerStore, change: to.SetTradingState) -> bool:
    stored = store.accounts.get(change.message.account)
    if stored is None:
        return False
    named = bool(change.replaces) and stored.trading_state_cause == change.replaces
    return named or stored.trading_state in no_stricter(change.message.state)


def _order_as_read(store: MemoryLedgerStore, change: to.MoveOrder) -> bool:
    stored, before = store.records.get(change.before.order.order_id), change.before
    if stored is None or terms_of(stored.order) != terms_of(before.order):
        return False
    seen = (before.state, before.epoch, before.filled, before.doubt)
    return (stored.state, stored.epoch, stored.filled, stored.doubt) == seen


def _position_as_read(store: MemoryLedgerStore, change: to.MovePosition) -> bool:
    stored = store.positions.get(change.account, {}).get(change.key)
    return stored is None or stored.position.version in (0, change.before.version)


def _waiting(store: MemoryLedgerStore, change: to.SpendResume) -> bool:
    pending = store.resumes.get(change.pending.account)
    return pending is not None and pending.confirmation == change.pending.confirmation


def _stored(value: Decimal) -> Decimal:
    """Return a figure as DynamoDB gives it back, without zeros at its end: what follows has the same digits."""
    return Decimal(number(value))


def _open(store: MemoryLedgerStore, change: to.OpenAccount) -> None:
    store.accounts[change.account] = StoredAccount(
        account=change.account,
        trading_state=TradingState.ACTIVE,
        cash=_stored(change.cash),
        reserved=ZERO,
        minute=0,
        orders_in_minute=0,
        version=1,
    )


def _on_account(store: MemoryLedgerStore, account: str, **fields: Any) -> None:
    store.accounts[account] = replace(store.accounts[account], **fields)


def _set_state(store: MemoryLedgerStore, change: to.SetTradingState) -> None:
    message = change.message
    version = store.accounts[message.account].version + 1
    _on_account(store, message.account, trading_state=message.state, trading_state_cause=message.id, version=version)
    store.changes[message.account] = message


def _reserve(store: MemoryLedgerStore, change: to.ReserveCash) -> None:
    counted = {"minute": change.minute, "orders_in_minute": change.orders_in_minute}
    version = change.before.version + 1
    _on_account(store, change.before.account, reserved=_stored(change.reserved), version=version, **counted)


def _move_cash(store: MemoryLedgerStore, change: to.MoveCash) -> None:
    money = {"cash": _stored(change.cash), "reserved": _stored(change.reserved)}
    _on_account(store, change.before.account, version=change.before.version + 1, **money)


@exact
def _on_position(
    store: MemoryLedgerStore, account: str, key: PositionKey, pending: Pending, after: Position | None
) -> None:
    positions = store.positions.setdefault(account, {})
    before = positions.get(key, StoredPosition(position=Position(), open=ZERO))
    position = before.position
    if after is not None:
        figures = {name: _stored(getattr(after, name)) for name in ("realised", "fees", "other_fees")}
        position = replace(after, pages=replace(after.pages, read=()), **figures)
    positions[key] = StoredPosition(
        position=position, open=_stored(before.open + pending.quantity), sales=_stored(before.sales + pending.sales)
    )


@exact
def _add_flow(store: MemoryLedgerStore, change: to.AddFlow) -> None:
    flows = store.real.get(change.account, RealMoney()).flows
    _on_real(store, change.account, "flows", change.currency, flows.get(change.currency, ZERO) + change.amount)


def _note_external(store: MemoryLedgerStore, change: to.NoteExternal) -> None:
    real = store.real.get(change.account, RealMoney())
    store.real[change.account] = replace(real, external=real.external | {change.name})


def _move_stop(store: MemoryLedgerStore, change: to.MoveStop) -> None:
    if change.stop is None:
        _off_real(store, change.account, "stops", change.key)
    else:
        _on_real(store, change.account, "stops", change.key, change.stop)


def _on_real(store: MemoryLedgerStore, account: str, field: str, key: object, value: object) -> None:
    real = store.real.get(account, RealMoney())
    store.real[account] = replace(real, **{field: getattr(real, field) | {key: value}})


def _off_real(store: MemoryLedgerStore, account: str, field: str, key: object) -> None:
    real = store.real.get(account, RealMoney())
    kept = {name: value for name, value in getattr(real, field).items() if name != key}
    store.real[account] = replace(real, **{field: kept})


_EXPECTED: dict[type, Callable[[MemoryLedgerStore, Any], bool]] = {
    to.OpenAccount: lambda store, change: change.account not in store.accounts,
    to.SetTradingState: _settable,
    to.SetBreach: lambda store, change: change.account in store.accounts,
    to.RequireTradingState: _state_in,
    to.ReserveCash: _reservable,
    to.MoveCash: lambda store, change: _as_read(store, change.before),
    to.CreateOrder: lambda store, change: change.order.order_id not in store.records,
    to.MoveOrder: _order_as_read,
    to.BookTrade: lambda store, change: trade(change.fill) not in store.trades,
    to.MovePosition: _position_as_read,
    to.RememberRequest: lambda store, change: (change.request.principal, change.request.key) not in store.requests,
    to.SpendResume: _waiting,
    to.NoteExternal: lambda store, c: c.name not in store.real.get(c.account, RealMoney()).external,
    to.RestStop: lambda store, c: c.key not in store.real.get(c.account, RealMoney()).stops,
}
_APPLIED: dict[type, Callable[[MemoryLedgerStore, Any], object]] = {
    to.OpenAccount: _open,
    to.SetTradingState: _set_state,
    to.SetBreach: lambda store, change: _on_account(store, change.account, breach=change.breach),
    to.RequireTradingState: _nothing,
    to.ReserveCash: _reserve,
    to.MoveCash: _move_cash,
    to.Rearm: lambda store, change: store.rearm(change.account),
    to.CreateOrder: lambda store, c: store.records.update({c.order.order_id: OrderRecord(order=c.order)}),
    to.MoveOrder: lambda store, change: store.records.update({change.after.order.order_id: change.after}),
    to.IndexOrder: lambda store, c: store.index.update(
        {(c.account, c.order_id): LiveOrder(c.account, c.order_id, c.cause, c.at)}
    ),
    to.UnindexOrder: lambda store, change: store.index.pop((change.account, change.order_id), None),
    to.BookTrade: lambda store, change: store.trades.update({trade(change.fill): _stored(change.fill.quantity)}),
    to.ExpectFill: lambda store, change: _on_position(
        store, change.account, change.key, Pending(change.quantity, change.sales), None
    ),
    to.MovePosition: lambda store, change: _on_position(
        store, change.account, change.key, Pending(change.open, change.sales), change.after
    ),
    to.PutLots: lambda store, change: store.pages.setdefault((change.account, change.key), {}).update(
        {change.number: change.lots}
    ),
    to.DropLots: lambda store, change: store.pages.get((change.account, change.key), {}).pop(change.number, None),
    to.HoldMessage: lambda store, change: store.held.update({change.message.id: change.message}),
    to.RememberRequest: lambda store, c: store.requests.update({(c.request.principal, c.request.key): c.request}),
    to.AwaitResume: lambda store, change: store.resumes.update({change.pending.account: change.pending}),
    to.SpendResume: lambda store, change: store.resumes.pop(change.pending.account),
    to.VoidResume: lambda store, change: store.resumes.pop(change.account, None),
    to.Freeze: lambda store, c: _on_real(store, c.account, "frozen", (c.instrument, c.source), c.reason),
    to.Unfreeze: lambda store, c: _off_real(store, c.account, "frozen", (c.instrument, c.source)),
    to.AddFlow: _add_flow,
    OweFee: lambda store, c: store.real.update({c.account: store.real.get(c.account, RealMoney()).owing(c)}),
    to.SetBaseline: lambda store, c: _on_real(store, c.account, "baseline", c.currency, c.amount),
    to.MoveCursor: lambda store, c: _on_real(store, c.account, "cursors", c.instrument, c.through),
    to.NamePlaced: lambda store, c: store.names.update({(c.account, c.name): c.order_id}),
    to.NoteExternal: _note_external,
    to.KeepRules: lambda store, c: _on_real(store, c.account, "rules", c.instrument, c.rules),
    to.DropRules: lambda store, c: _off_real(store, c.account, "rules", c.instrument),
    to.RestStop: lambda store, c: _on_real(store, c.account, "stops", c.key, c.stop),
    to.MoveStop: _move_stop,
}
