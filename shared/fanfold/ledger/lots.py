"""Lots of large positions, in pages beside the books: read only where fills take them, written once."""

from collections.abc import Iterable, Mapping

import msgspec

from fanfold.errors import Conflict
from fanfold.ledger import positions
from fanfold.ledger.account_books import AccountBooks, StoredPosition, position
from fanfold.ledger.booking import Pending
from fanfold.ledger.changes import Change, DropLots, MovePosition, PutLots
from fanfold.ledger.positions import Position
from fanfold.ledger.store import LedgerStore
from fanfold.messages import Fill
from fanfold.risk.exposure import PositionKey

# Pages in one read; a fill that takes more lots than they have leads to the next.
READ_PAGES = 20


def with_lots(store: LedgerStore, account: str, books: AccountBooks, fills: Iterable[Fill]) -> AccountBooks:
    """Return the books with all lots that fills may take. Raises Conflict where pages are not there any more."""
    # Few positions have pages.
    if not any(held.position.pages.after for held in books.positions.values()):
        return books
    by_key: dict[PositionKey, list[Fill]] = {}
    for fill in fills:
        by_key.setdefault((fill.instance, fill.instrument), []).append(fill)
    stored = dict(books.positions)
    for key, fills_of_key in by_key.items():
        while key in stored and positions.unread(stored[key].position, fills_of_key):
            stored[key] = _read_on(store, account, key, stored[key])
    return msgspec.structs.replace(books, positions=stored)


def _read_on(store: LedgerStore, account: str, key: PositionKey, stored: StoredPosition) -> StoredPosition:
    pages = stored.position.pages
    numbers = pages.unread[:READ_PAGES]
    lots = store.lots(account, key, numbers)
    if len(lots) < len(numbers):
        raise Conflict(f"the lots of {key} were taken by another booking")
    read = msgspec.structs.replace(pages, read=pages.read + tuple(lots[number] for number in numbers))
    return msgspec.structs.replace(stored, position=msgspec.structs.replace(stored.position, pages=read))


def moving(
    account: str, books: AccountBooks, after: Mapping[PositionKey, tuple[Position, Pending]], room: int
) -> list[Change]:
    """Return the changes of positions after fills, each with what is added to what its live orders may still fill.

    Beyond a change each, ``room`` of them may put new pages and drop those that are used up; what finds no room waits
    for the next booking.
    """
    paged = {key: moved for key, (moved, _) in after.items()}
    many = [key for key, moved in paged.items() if positions.has_many_lots(moved)]
    changes: list[Change] = []
    for key in sorted(many, key=lambda key: -len(paged[key].lots) - len(paged[key].pages.newest)):
        paged[key], new = positions.paged(paged[key], room - len(changes))
        changes += [PutLots(account, key, number, lots) for number, lots in new.items()]
    for key in many:
        paged[key], used_up = positions.cleared(paged[key], room - len(changes))
        changes += [DropLots(account, key, number) for number in used_up]
    as_of = books.account.version + 1 if books.account else 0
    return changes + [
        MovePosition(account, key, position(books, key), paged[key], *pending, as_of)
        for key, (_, pending) in after.items()
    ]
