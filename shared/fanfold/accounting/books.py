"""The tax books: entries in, disposals out. Each is booked once, in order of time; only open lots are kept."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

import msgspec

from fanfold.accounting.entries import Acquired, Disposed, Entry, Kind, Moved
from fanfold.accounting.lots import LotPool, Method, TaxLot, shares
from fanfold.money import ZERO, exact

Pools = Literal["account", "all"]
Term = Literal["short", "long"]
# By coin, and the account whose lots they are; see TaxBooks._owner.
_Side = dict[tuple[str, str], LotPool]


class Disposal(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of one lot that was disposed of, with its proceeds and cost in the tax currency.

    ``opened`` is when its holding period began; None is a quantity for which there was no lot: its cost is 0. Of a
    short sale, ``opened`` is the sale and ``at`` the purchase that closed it.
    """

    coin: str
    account: str
    quantity: Decimal
    opened: datetime | None
    at: datetime
    proceeds: Decimal
    cost: Decimal
    kind: Kind
    source: str
    lot: str
    term: Term
    sold_short: bool = False

    @property
    def gain(self) -> Decimal:
        """The proceeds less the cost; to be read under ``fanfold.money.exact``."""
        return self.proceeds - self.cost


class OpenLot(msgspec.Struct, frozen=True, kw_only=True):
    """The rest of a lot that is held, or owed where the quantity is below zero: its cost is then minus the proceeds."""

    coin: str
    account: str
    since: datetime
    quantity: Decimal
    cost: Decimal
    source: str


class TaxBooks:
    """Lots of every account and coin.

    ``pools`` says whether an account's disposals take its own lots, or lots of all accounts. A margin account has its
    own always, and may sell short. ``missing`` are transfers of a quantity that had no lots.
    """

    def __init__(self, method: Method, pools: Pools, long_term_days: int, margin: Collection[str] = ()) -> None:
        self.missing: list[Moved] = []
        self._method = method
        self._pools = pools
        self._long = timedelta(days=long_term_days)
        self._margin = frozenset(margin)
        self._held: _Side = {}
        self._owed: _Side = {}

    @exact
    def book(self, entry: Entry) -> list[Disposal]:
        """Book an entry and return the disposals that it is. Entries come in order of time."""
        match entry:
            case Acquired():
                return self._acquire(entry)
            case Disposed():
                return self._dispose(entry)
            case Moved():
                self._move(entry)
                return []

    def book_all(self, entries: Iterable[Entry]) -> Iterator[Disposal]:
        """Yield the disposals of entries, as they are booked."""
        for entry in entries:
            yield from self.book(entry)

    @exact
    def open_lots(self) -> list[OpenLot]:
        """Return what is held and owed, by coin and account, the oldest lots first."""
        sides = [(1, self._held), (-1, self._owed)]
        return [
            OpenLot(coin=coin, account=account, since=lot.since, quantity=sign * lot.quantity, cost=sign * lot.cost,
                    source=lot.source)
            for sign, side in sides
            for (coin, account), pool in sorted(side.items())
            for lot in pool.lots()
        ]  # fmt: skip

    def _acquire(self, entry: Acquired) -> list[Disposal]:
        closed, left, costs = self._split(self._owed, entry, entry.cost)
        if left:
            lot = TaxLot(entry.since or entry.at, left, costs[-1], entry.source)
            self._pool(self._held, entry.coin, entry.account).add(lot)
        return [
            Disposal(coin=entry.coin, account=entry.account, quantity=lot.quantity, opened=lot.since, at=entry.at,
                     proceeds=lot.cost, cost=cost, kind="trade", source=entry.source, lot=lot.source, term="short",
                     sold_short=True)
            for lot, cost in zip(closed, costs, strict=False)
        ]  # fmt: skip

    def _dispose(self, entry: Disposed) -> list[Disposal]:
        lots, left, proceeds = self._split(self._held, entry, entry.proceeds)
        rows = [self._disposal(entry, lot.quantity, amount, lot) for lot, amount in zip(lots, proceeds, strict=False)]
        if left and entry.account in self._margin and entry.kind == "trade":
            sold = TaxLot(entry.at, left, proceeds[-1], entry.source)
            self._pool(self._owed, entry.coin, entry.account).add(sold)
        elif left:
            rows.append(self._disposal(entry, left, proceeds[-1], None))
        return rows

    def _disposal(self, entry: Disposed, quantity: Decimal, proceeds: Decimal, lot: TaxLot | None) -> Disposal:
        is_long = lot is not None and entry.at - lot.since >= self._long
        return Disposal(
            coin=entry.coin,
            account=entry.account,
            quantity=quantity,
            opened=lot.since if lot else None,
            at=entry.at,
            proceeds=proceeds,
            cost=lot.cost if lot else ZERO,
            kind=entry.kind,
            source=entry.source,
            lot=lot.source if lot else "",
            term="long" if is_long else "short",
        )

    def _move(self, entry: Moved) -> None:
        if entry.to and self._owner(entry.account) == self._owner(entry.to):
            return
        lots, left = self._taken(self._held, entry)
        if left:
            self.missing.append(msgspec.structs.replace(entry, quantity=left))
        if entry.to:
            for lot in lots:
                self._pool(self._held, entry.coin, entry.to).add(lot)

    def _split(
        self, side: _Side, entry: Acquired | Disposed, total: Decimal
    ) -> tuple[list[TaxLot], Decimal, list[Decimal]]:
        """Return the lots that an entry takes, the quantity that had none, and the share of a total of each of them."""
        lots, left = self._taken(side, entry)
        parts = [lot.quantity for lot in lots] + ([left] if left else [])
        return lots, left, list(shares(total, parts, entry.quantity))

    def _taken(self, side: _Side, entry: Entry) -> tuple[list[TaxLot], Decimal]:
        """Return the lots that an entry takes, and the quantity that had none."""
        pool = side.get((entry.coin, self._owner(entry.account)))
        lots = pool.take(entry.quantity) if pool else []
        return lots, entry.quantity - sum((lot.quantity for lot in lots), ZERO)

    def _pool(self, side: _Side, coin: str, account: str) -> LotPool:
        key = coin, self._owner(account)
        if key not in side:
            side[key] = LotPool(self._method)
        return side[key]

    def _owner(self, account: str) -> str:
        """Return whose lots an account takes: its own, or "" for those of all."""
        return account if self._pools == "account" or account in self._margin else ""
