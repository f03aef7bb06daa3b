"""Deposits, withdrawals, transfers and opening lots, as a user writes them into CSV files.

A withdrawal and a deposit of a coin are a transfer between own accounts where both have one id, or where the deposit is
what the withdrawal was less its fee, at most MATCH_WITHIN later. What did not arrive is the transfer's fee. What has no
other side is named.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from fanfold.accounting import csv_rows
from fanfold.accounting.csv_rows import CsvRow
from fanfold.accounting.entries import Acquired, Disposed, Entry, Kind, Moved
from fanfold.accounting.rates import Rates
from fanfold.errors import BadInput, near
from fanfold.money import ZERO, exact

KINDS = ("deposit", "withdrawal", "transfer")
MOVEMENT_COLUMNS = ("at", "kind", "account", "to", "coin", "quantity", "fee", "value", "id")
OPENING_COLUMNS = ("at", "account", "coin", "quantity", "cost")
MATCH_WITHIN = timedelta(days=3)


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the file. ``fee`` is in the coin and part of the quantity; ``value`` is in the tax currency."""

    row: CsvRow
    at: datetime
    kind: str
    account: str
    to: str
    coin: str
    quantity: Decimal
    fee: Decimal
    value: Decimal | None
    id: str

    @property
    def source(self) -> str:
        """The name of the movement in reports, which no other has: its row, and its id or kind."""
        return f"row {self.row.number}, {self.id or self.kind}"

    @property
    @exact
    def arrives(self) -> Decimal:
        """The quantity that comes to the other side."""
        return self.quantity - self.fee


class Movements(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of a file in order of time, and the rows that are one side of a transfer whose other is missing."""

    entries: list[Entry]
    unmatched: list[Movement]


def read_opening(text: str, file: str, accounts: Sequence[str]) -> list[Entry]:
    """Return the lots of a CSV text with the columns of OPENING_COLUMNS; the cost is in the tax currency."""
    lots: list[Entry] = [
        Acquired(at=row.at(), account=_account(row, "account", accounts), coin=row.text("coin").upper(),
                 quantity=row.positive("quantity"), cost=row.amount("cost"), source=f"opening lot in row {row.number}")
        for row in csv_rows.rows(text, file, OPENING_COLUMNS, OPENING_COLUMNS)
    ]  # fmt: skip
    return sorted(lots, key=lambda lot: lot.at)


def read_movements(text: str, file: str, currencies: Mapping[str, str], rates: Rates) -> Movements:
    """Return the movements of a CSV text with the columns of MOVEMENT_COLUMNS. Raises BadInput, which names the row.

    ``currencies`` has each account's own. They are money, as the tax currency is: movements of them are passed over.
    """
    needed = ("at", "kind", "account", "coin", "quantity")
    rows = [_movement(row, list(currencies)) for row in csv_rows.rows(text, file, needed, MOVEMENT_COLUMNS)]
    read = [movement for movement in rows if not _is_money(movement, currencies, rates.currency)]
    read.sort(key=lambda movement: movement.at)
    pairs = _pairs(read)
    arrived = {id(there) for _, there in pairs}
    others = {id(here): there for here, there in pairs}
    entries: list[Entry] = []
    unmatched = []
    for movement in read:
        if id(movement) in arrived:
            continue
        there = others.get(id(movement))
        if there is None and movement.kind != "transfer" and movement.value is None:
            unmatched.append(movement)
        whole = _with_whole_fee(movement, there) if there else movement
        entries += _entries(whole, there.account if there else movement.to, rates)
    return Movements(entries=sorted(entries, key=lambda entry: entry.at), unmatched=unmatched)


def _is_money(movement: Movement, currencies: Mapping[str, str], tax_currency: str) -> bool:
    own = currencies.get(movement.account)
    return movement.coin in {tax_currency, *([own] if own else currencies.values())}


def _movement(row: CsvRow, accounts: Sequence[str]) -> Movement:
    kind = row.text("kind").lower()
    if kind not in KINDS:
        row.refuse(f"`kind` is {kind!r}{near(kind, KINDS)}; it is one of {', '.join(KINDS)}")
    quantity, fee = row.positive("quantity"), row.amount("fee")
    if fee > quantity:
        row.refuse(f"`fee` is {fee:f}, more than the quantity of {quantity:f} that it is part of")
    account, to = _account(row, "account", accounts), _account(row, "to", accounts) if kind == "transfer" else ""
    if account == to:
        row.refuse(f"it goes from {account} to {to}: name another account as `to`")
    return Movement(
        row=row,
        at=row.at(),
        kind=kind,
        account=account,
        to=to,
        coin=row.text("coin").upper(),
        quantity=quantity,
        fee=fee,
        value=row.optional("value"),
        id=row.fields.get("id", ""),
    )


def _account(row: CsvRow, column: str, accounts: Sequence[str]) -> str:
    """Return the account of a row: one of the desk, or a place outside of it, such as wallet:ledger."""
    name = row.text(column)
    if name not in accounts and not name.startswith("wallet:"):
        known = ", ".join(sorted(accounts))
        row.refuse(f"`{column}` is {name!r}{near(name, accounts)}; the desk has {known}; own wallets are wallet:NAME")
    return name


def _pairs(read: Sequence[Movement]) -> list[tuple[Movement, Movement]]:
    """Return each withdrawal with its deposit: first those of one id, then those of one amount, the nearest first.

    Of those that share an id, as the payments of one transaction do, one amount comes first.
    """
    left = [movement for movement in read if movement.kind == "withdrawal" and movement.value is None]
    came = [movement for movement in read if movement.kind == "deposit" and movement.value is None]
    pairs = []
    for same in (_of_one_id_and_amount, _of_one_id, _of_one_amount):
        for here in list(left):
            there = next((each for each in came if same(here, each)), None)
            if there is not None:
                pairs.append((here, there))
                left.remove(here)
                came.remove(there)
    return pairs


def _of_one_id_and_amount(here: Movement, there: Movement) -> bool:
    return _of_one_id(here, there) and here.arrives == there.quantity


def _of_one_id(here: Movement, there: Movement) -> bool:
    return bool(here.id) and here.id == there.id and here.coin == there.coin


def _of_one_amount(here: Movement, there: Movement) -> bool:
    near_in_time = here.at <= there.at <= here.at + MATCH_WITHIN
    return (here.coin, here.arrives) == (there.coin, there.quantity) and near_in_time and here.account != there.account


@exact
def _with_whole_fee(here: Movement, there: Movement) -> Movement:
    """Return a withdrawal with all of it as its fee that did not arrive."""
    if there.quantity > here.arrives:
        there.row.refuse(
            f"{there.quantity:f} {there.coin} came, and {here.arrives:f} were sent by the withdrawal in row "
            f"{here.row.number}, of the same id"
        )
    return msgspec.structs.replace(here, fee=here.quantity - there.arrives)


def _entries(movement: Movement, to: str, rates: Rates) -> Iterable[Entry]:
    """Return the entries of a movement that is no other's second side."""
    if movement.kind == "deposit":
        # Without a value its cost is not known: none is assumed.
        return [_acquired(movement)]
    fee = _fee(movement, rates) if movement.fee else []
    if movement.value is not None and movement.kind == "withdrawal":
        return [_spent(movement, movement.arrives, movement.value), *fee]
    moved = Moved(at=movement.at, account=movement.account, to=to, coin=movement.coin, quantity=movement.arrives,
                  source=movement.source)  # fmt: skip
    return [moved, *fee]


def _acquired(movement: Movement) -> Entry:
    return Acquired(at=movement.at, account=movement.account, coin=movement.coin, quantity=movement.arrives,
                    cost=movement.value or ZERO, source=movement.source)  # fmt: skip


def _fee(movement: Movement, rates: Rates) -> list[Entry]:
    """Return the disposal of what a transfer cost, at its worth by the rates."""
    try:
        worth = rates.worth(movement.fee, movement.coin, movement.at)
    except BadInput as wrong:
        movement.row.refuse(str(wrong))
    return [_spent(movement, movement.fee, worth, "fee")]


def _spent(movement: Movement, quantity: Decimal, proceeds: Decimal, kind: Kind = "spent") -> Entry:
    return Disposed(at=movement.at, account=movement.account, coin=movement.coin, quantity=quantity,
                    proceeds=proceeds, source=movement.source, kind=kind)  # fmt: skip
