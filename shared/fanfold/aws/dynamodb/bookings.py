"""Execution's side of the ledger: claims, acknowledgements and fills, each a transaction with its report."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from fanfold.aws.dynamodb import ledger, lots
from fanfold.aws.dynamodb.ledger import LiveOrder
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.table import TRANSACTION_MAX, Refused, Table, Write
from fanfold.errors import BadInput, Conflict, retry_on_conflict
from fanfold.ledger import booking
from fanfold.ledger.booking import AccountBooks, Changes, Step
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.matching.fills import Resolution
from fanfold.messages import ExecutionReport, Fill
from fanfold.records import TERMINAL

TRIES = 5


class Bookings:
    """The ledger as execution uses it.

    ``odd`` hears of a trade that is told with another quantity than it was booked with, None where it was not, because
    the order had less left; what is booked stands.
    """

    def __init__(
        self, table: Table, outbox: Outbox, odd: Callable[[Fill, Decimal | None], None] = lambda _fill, _booked: None
    ) -> None:
        self._table = table
        self._outbox = outbox
        self._odd = odd

    def records(self, order_ids: Sequence[str]) -> dict[str, OrderRecord]:
        """The orders that are in the ledger, by id."""
        return ledger.records(self._table, list(order_ids))

    def trading_state(self, account: str) -> OrderPermissions:
        """The account's trading state, and since when."""
        return ledger.trading_state(self._table, account)

    def live(self, account: str) -> list[LiveOrder]:
        """The account's orders that have not ended."""
        return ledger.live(self._table, account)

    def claim(self, account: str, claims: Sequence[Step]) -> bool:
        """Claim orders if the account's trading state lets every one of them out; all or none."""
        writes = [ledger.permitting(self._table, account, booking.permitted(claims))]
        writes += [ledger.moving(self._table, before, after) for before, after in claims]
        try:
            self._table.write(writes)
        except Refused as refused:
            if refused.failed:
                return False
            raise
        return True

    def move(self, steps: Sequence[Step], told: ExecutionReport) -> None:
        """Orders' steps that no fill is part of, with what they set free, and their report, which is published."""
        writes = [ledger.moving(self._table, before, after) for before, after in steps]
        writes += [self._outbox.holding(told), *ledger.unindexing(self._table, steps)]

        def attempt() -> None:
            self._table.write([*writes, *self._freeing(told.account, steps)])

        def only_the_account(conflict: Conflict) -> bool:
            # The account moved on, the orders did not.
            return isinstance(conflict, Refused) and all(at >= len(steps) for at in conflict.failed)

        retry_on_conflict(attempt, TRIES, f"the books of {told.account}", self._table.backoff, only_the_account)
        self._outbox.publish([told])

    def book(self, account: str, resolutions: Sequence[Resolution], told: ExecutionReport) -> list[ExecutionReport]:
        """Book what is not booked yet; the reports that the outbox now holds, empty where all was booked before."""
        held = []
        chunks = list(booking.chunks(resolutions))
        for chunk in chunks:
            last = chunk is chunks[-1]
            report = self._book(account, chunk, told if last else msgspec.structs.replace(told, matched=False))
            held += [report] if report else []
        return held

    def publish(self, held: Sequence[ExecutionReport], others: Sequence[ExecutionReport]) -> None:
        """Publish reports that the outbox holds, and others that it need not hold."""
        self._outbox.publish(held, others)

    def _book(self, account: str, resolutions: Sequence[Resolution], told: ExecutionReport) -> ExecutionReport | None:
        def attempt() -> ExecutionReport | None:
            records, booked = ledger.records_and_trades(
                self._table,
                [resolution.resting.order.order_id for resolution in resolutions],
                [booking.trade(fill) for one in resolutions for fill in one.fills],
            )
            books = ledger.read(self._table, account)
            if books.account is None:
                raise BadInput(f"account {account!r} was never opened, yet it has orders")
            before = books.account
            books = lots.read(self._table, account, books, booking.unbooked(resolutions, booked))
            changes = booking.changes(resolutions, records, books, booked)
            for fill in changes.odd:
                self._odd(fill, booked.get(booking.trade(fill)))
            if not changes.steps:
                return None
            report = booking.report(told, changes, before)
            self._table.write([*self._writes(account, books, changes), self._outbox.holding(report)])
            return report

        return retry_on_conflict(attempt, TRIES, f"the books of {account}", self._table.backoff)

    def _writes(self, account: str, books: AccountBooks, changes: Changes) -> list[Write]:
        assert books.account is not None
        writes = [ledger.filling(self._table, fill) for fill in changes.fills]
        writes += [ledger.moving(self._table, before, after) for before, after in changes.steps]
        writes += ledger.unindexing(self._table, changes.steps)
        writes.append(ledger.settling(self._table, books.account, changes.cash, changes.reserved))
        after = {leg: (one, changes.unfilled[leg]) for leg, one in changes.positions.items()}
        # The outbox has one write, too.
        room = TRANSACTION_MAX - 1 - len(writes) - len(after)
        return writes + lots.positioning(self._table, account, books, after, room)

    def _freeing(self, account: str, steps: Sequence[Step]) -> list[Write]:
        """The account's and the positions' side of orders that ended without a fill."""
        ended = [(before, after) for before, after in steps if after.state in TERMINAL]
        if not ended:
            return []
        books = ledger.read(self._table, account)
        if books.account is None:
            raise BadInput(f"account {account!r} was never opened, yet it has orders")
        reserved = booking.reserved(books.account, ended)
        writes = [ledger.settling(self._table, books.account, books.account.cash, reserved)]
        for leg, quantity in booking.pending_of(ended).items():
            writes.append(ledger.expecting(self._table, account, leg, quantity))
        return writes
