"""Lots of large positions, in pages beside the account's books: read only where fills take them, written once."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.table import Key, Table, Write
from fanfold.errors import Conflict
from fanfold.ledger import positions
from fanfold.ledger.booking import AccountBooks, StoredPosition, position
from fanfold.ledger.positions import Lot, Position
from fanfold.messages import Fill
from fanfold.risk.exposure import PositionKey

# Pages in one read; a fill that takes more lots than they have leads to the next.
READ_PAGES = 20
_lots = msgspec.json.Decoder(tuple[Lot, ...]).decode
_encode = msgspec.json.Encoder(decimal_format="string").encode


def page_key(account: str, leg: PositionKey, number: int) -> Key:
    """In a partition of its own: who reads an account's books reads no pages."""
    return f"lots#{account}#{leg[0]}#{leg[1]}", f"page#{number:09}"


def read(table: Table, account: str, books: AccountBooks, fills: Iterable[Fill]) -> AccountBooks:
    """The books with all lots that fills may take. Raises Conflict where pages are not there any more."""
    of_legs: dict[PositionKey, list[Fill]] = {}
    for fill in fills:
        of_legs.setdefault((fill.instance, fill.instrument), []).append(fill)
    held = dict(books.positions)
    for leg, some in of_legs.items():
        while positions.unread(position(books, leg) if leg not in held else held[leg].position, some):
            held[leg] = _read_on(table, account, leg, held[leg])
    return msgspec.structs.replace(books, positions=held)


def _read_on(table: Table, account: str, leg: PositionKey, item: StoredPosition) -> StoredPosition:
    pages = item.position.pages
    keys = [page_key(account, leg, number) for number in pages.unread[:READ_PAGES]]
    found = table.get_all(keys)
    if len(found) < len(keys):
        raise Conflict(f"the lots of {leg} were taken by another booking")
    more = tuple(_lots(found[key]["lots"]) for key in keys)
    after = msgspec.structs.replace(pages, read=pages.read + more)
    return msgspec.structs.replace(item, position=msgspec.structs.replace(item.position, pages=after))


def positioning(
    table: Table, account: str, books: AccountBooks, after: Mapping[PositionKey, tuple[Position, Decimal]], room: int
) -> list[Write]:
    """The writes of positions after fills, each with what is added to what its live orders have still to fill.

    Beyond a write each, ``room`` of them may put new pages and delete those that are used up; what finds no room waits
    for the next booking.
    """
    kept = {leg: one for leg, (one, _) in after.items()}
    writes: list[Write] = []
    for leg in sorted(kept, key=lambda leg: -len(kept[leg].lots) - len(kept[leg].pages.newest)):
        kept[leg], new = positions.paged(kept[leg], room - len(writes))
        writes += [table.putting(page_key(account, leg, at), {"lots": _encode(some)}) for at, some in new.items()]
    for leg, one in kept.items():
        kept[leg], gone = positions.cleared(one, room - len(writes))
        writes += _deleting(table, account, leg, gone)
    return writes + [
        ledger.positioning(table, account, leg, position(books, leg), kept[leg], unfilled)
        for leg, (_, unfilled) in after.items()
    ]


def _deleting(table: Table, account: str, leg: PositionKey, numbers: Sequence[int]) -> list[Write]:
    return [table.deleting(page_key(account, leg, number)) for number in numbers]
