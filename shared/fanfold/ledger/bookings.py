"""Execution's side of the ledger: claims, steps without a fill, and fills, each committed with its report."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from fanfold.errors import Backoff, BadInput, Conflict, Refused, retry_on_conflict
from fanfold.ledger import booking, chunks, coin_fees, lots
from fanfold.ledger.account_books import AccountBooks, StoredAccount
from fanfold.ledger.booking import BookingResult, Trade
from fanfold.ledger.changes import (
    BookTrade,
    Change,
    ExpectFill,
    HoldMessage,
    MoveCash,
    MoveOrder,
    MoveStop,
    RequireTradingState,
    UnindexOrder,
)
from fanfold.ledger.orders import OrderRecord, Step
from fanfold.ledger.real_money import RealMoney
from fanfold.ledger.store import Excerpt, LedgerStore, LiveOrder
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.matching.fills import Resolution
from fanfold.messages import ExecutionReport, Fill
from fanfold.records import TERMINAL
from fanfold.risk.exposure import PositionKey

TRIES = 5
# What a booking has besides its orders and fills: the account's cash, the message, and room for pages of lots.
OTHER_CHANGES = 10


class Bookings:
    """The ledger as execution uses it.

    ``beside`` adds the changes that a real account's steps and fills bring with them. ``odd`` is called with a fill
    whose trade is booked with another quantity, and with that quantity; or with None where the order had less left
    than the fill. What is booked stands.
    """

    def __init__(
        self,
        store: LedgerStore,
        backoff: Backoff,
        odd: Callable[[Fill, Decimal | None], None] = lambda _fill, _booked: None,
        beside: Callable[[str, Sequence[Step], Sequence[Fill]], Sequence[Change]] = lambda _account, _steps, _fills: (),
    ) -> None:
        self._store = store
        self._odd = odd
        self._beside = beside
        self._backoff = backoff

    def records(self, order_ids: Sequence[str]) -> dict[str, OrderRecord]:
        """Return the orders that are in the ledger, by id."""
        return dict(self._store.orders(order_ids))

    def trading_state(self, account: str) -> OrderPermissions:
        """Return the account's trading state, and since when."""
        return self._store.permissions(account)

    def live(self, account: str) -> list[LiveOrder]:
        """Return the account's orders that have not ended."""
        return self._store.live(account)

    def real_money(self, account: str) -> RealMoney:
        """Return what is known of an account of a real venue."""
        return self._store.books(account).real

    def held(self, account: str) -> Mapping[PositionKey, Decimal]:
        """Return the quantities of an account's positions that are not flat, by strategy instance and instrument."""
        positions = self._store.books(account).positions
        return {key: each.position.quantity for key, each in positions.items() if each.position.quantity}

    def placed(self, account: str, names: Sequence[str]) -> Mapping[str, str]:
        """Return the ids of those orders that the account's venue knows by these names, by them."""
        return self._store.placed(account, names)

    def booked(self, account: str, trades: Sequence[Trade]) -> Mapping[Trade, Decimal]:
        """Return the quantities of those trades of an account that are booked."""
        return self._store.excerpt(account, [], [], trades).trades

    def note(self, changes: Sequence[Change]) -> bool:
        """Commit changes of a real account, none of which is of an order; return False where one was refused."""
        try:
            self._store.commit(changes)
        except Refused as refused:
            if refused.failed:
                return False
            raise
        return True

    def claim(self, account: str, claims: Sequence[Step]) -> bool:
        """Claim orders if the account's trading state lets every one of them out; all or none."""
        changes: list[Change] = [RequireTradingState(account, booking.permitted(claims))]
        changes += [MoveOrder(before, after) for before, after in claims]
        try:
            self._store.commit(changes)
        except Refused as refused:
            if refused.failed:
                return False
            raise
        return True

    def move(self, steps: Sequence[Step], report: ExecutionReport) -> None:
        """Commit orders' steps without a fill, with what they release, and their report, which is published."""
        changes: list[Change] = [MoveOrder(before, after) for before, after in steps]
        changes += [HoldMessage(report), *unindexing(steps)]

        def attempt() -> None:
            releasing = self._releasing(report.account, steps)
            self._store.commit([*changes, *releasing, *self._beside_of(report.account, steps, [])])

        def only_the_account(conflict: Conflict) -> bool:
            # The account moved on, the orders did not.
            return isinstance(conflict, Refused) and all(position >= len(steps) for position in conflict.failed)

        retry_on_conflict(attempt, TRIES, f"the books of {report.account}", self._backoff, only_the_account)
        self._store.publish([report])

    def excerpt(self, account: str, resolutions: Sequence[Resolution]) -> Excerpt:
        """Return the account with what the first commit of a booking of these resolutions touches."""
        return self._excerpt(account, next(self._chunks(resolutions), []))

    def book(
        self,
        account: str,
        resolutions: Sequence[Resolution],
        report: ExecutionReport,
        excerpt: Excerpt | None = None,
    ) -> list[ExecutionReport]:
        """Book what is not booked yet; return the reports that are now held, none where all was booked before.

        An ``excerpt`` that was read for these resolutions is not read again.
        """
        held = []
        chunks = list(self._chunks(resolutions))
        for chunk in chunks:
            last = chunk is chunks[-1]
            reported = report if last else msgspec.structs.replace(report, matched=False)
            booked = self._book(account, chunk, reported, excerpt)
            held += [booked] if booked else []
            excerpt = None
        return held

    def pay_fees(self, report: ExecutionReport, base_of: Callable[[str], str]) -> list[ExecutionReport]:
        """Let balances and positions pay what is owed of coins; return the reports that are now held. See coin_fees."""

        def attempt() -> list[ExecutionReport]:
            books = self._store.books(report.account)
            before, paid = _opened(report.account, books), coin_fees.pay(report, books, base_of)
            if not paid.changes:
                return []
            books = lots.with_lots(self._store, report.account, books, paid.fills)
            result = booking.paying(paid.fills, books)
            done = booking.report(report, result, before)
            changes: list[Change] = [*paid.changes, MoveCash(before, before.cash, before.reserved)]
            changes += [HoldMessage(done)] if paid.fills else []
            after = {key: (position, booking.Pending()) for key, position in result.positions.items()}
            room = self._store.changes_max - len(changes) - len(after)
            self._store.commit(changes + lots.moving(report.account, books, after, room))
            return [done] if paid.fills else []

        return retry_on_conflict(attempt, TRIES, f"the books of {report.account}", self._backoff)

    def publish(self, held: Sequence[ExecutionReport], others: Sequence[ExecutionReport]) -> None:
        """Publish reports that are held, and others that need not be."""
        self._store.publish(held, others)

    def _chunks(self, resolutions: Sequence[Resolution]) -> Iterator[list[Resolution]]:
        return chunks.chunks(resolutions, self._store.changes_max - OTHER_CHANGES)

    def _excerpt(self, account: str, resolutions: Sequence[Resolution]) -> Excerpt:
        touched = [resolution.resting.order for resolution in resolutions]
        trades = [booking.trade(fill) for resolution in resolutions for fill in resolution.fills]
        keys = [order.leg for order in touched]
        return self._store.excerpt(account, keys, [order.order_id for order in touched], trades)

    def _book(
        self, account: str, resolutions: Sequence[Resolution], report: ExecutionReport, known: Excerpt | None
    ) -> ExecutionReport | None:
        def attempt() -> ExecutionReport | None:
            nonlocal known
            excerpt, known = known or self._excerpt(account, resolutions), None
            before, booked = _opened(account, excerpt.books), excerpt.trades
            books = lots.with_lots(self._store, account, excerpt.books, booking.unbooked(resolutions, booked))
            result = booking.apply(resolutions, excerpt.orders, books, booked)
            for fill in result.odd:
                self._odd(fill, booked.get(booking.trade(fill)))
            if not result.steps:
                return None
            done = booking.report(report, result, before)
            self._store.commit(self._changes(before, books, result, done))
            return done

        return retry_on_conflict(attempt, TRIES, f"the books of {account}", self._backoff)

    def _changes(
        self, before: StoredAccount, books: AccountBooks, result: BookingResult, report: ExecutionReport
    ) -> list[Change]:
        changes: list[Change] = [BookTrade(fill) for fill in result.fills]
        changes += [MoveOrder(*step) for step in result.steps]
        changes += unindexing(result.steps)
        changes += self._beside_of(before.account, result.steps, result.fills)
        changes += [MoveCash(before, result.cash, result.reserved), HoldMessage(report)]
        after = {key: (position, result.unfilled[key]) for key, position in result.positions.items()}
        room = self._store.changes_max - len(changes) - len(after)
        return changes + lots.moving(before.account, books, after, room)

    def _beside_of(self, account: str, steps: Sequence[Step], fills: Sequence[Fill]) -> list[Change]:
        """Return the changes that steps and fills bring with them.

        A trade of a stop that is told late, after another took its place, leaves the note of that one as it is. Who
        notes a stop moves on the account's version, which this commit expects as it was read before.
        """
        changes = list(self._beside(account, steps, fills))
        if not any(isinstance(change, MoveStop) for change in changes):
            return changes
        stops, moved = self._store.books(account).real.stops, {after.order.order_id for _, after in steps}
        others = {leg for leg, stop in stops.items() if stop.order_id not in moved}
        return [change for change in changes if not (isinstance(change, MoveStop) and change.key in others)]

    def _releasing(self, account: str, steps: Sequence[Step]) -> list[Change]:
        """Return the changes of the account and the positions by orders that ended without a fill."""
        ended = [(before, after) for before, after in steps if after.state in TERMINAL]
        if not ended:
            return []
        before = _opened(account, self._store.books(account))
        changes: list[Change] = [MoveCash(before, before.cash, booking.reserved(before, ended))]
        return changes + [ExpectFill(account, key, *pending) for key, pending in booking.pending_of(ended).items()]


def unindexing(steps: Sequence[Step]) -> list[Change]:
    """Return the changes that take the orders that these steps have ended off the list of live ones."""
    return [
        UnindexOrder(after.order.account, after.order.order_id)
        for before, after in steps
        if after.state in TERMINAL and before.state not in TERMINAL
    ]


def _opened(account: str, books: AccountBooks) -> StoredAccount:
    if books.account is None:
        raise BadInput(f"account {account!r} was never opened, yet it has orders")
    return books.account
