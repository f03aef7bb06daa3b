"""Positions of tens of thousands of lots: no item and no transaction grows with them, and FIFO stays exact."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from fanfold.aws.client.call import Call
from fanfold.aws.dynamodb.attribute_values import marshal
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.table import Table
from fanfold.errors import AT_ONCE
from fanfold.ledger import lots, orders, positions
from fanfold.ledger.account_books import AccountBooks, StoredPosition
from fanfold.ledger.booking import Pending
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.changes import MovePosition
from fanfold.ledger.positions import PAGE_LOTS, Lot, Position, fold
from fanfold.messages import Fill, Order
from fanfold.simulation.items import size
from support.emulator import Cloud
from support.ledger_examples import AT, Ledger, approve, fill, memory_ledger, open_ledger, order, report, resolution

D = Decimal
MANY = 30_000
LEG = ("trend", "X/USDT")


def oracle(fills: list[Fill]) -> tuple[list[tuple[Fraction, Fraction]], Fraction]:
    """Signed lots in a queue, taken apart one by one, and the profit of that; in fractions."""
    queue: list[list[Fraction]] = []
    realised, begun = Fraction(0), 0
    for sale in fills:
        sign = 1 if sale.side == "buy" else -1
        left, price = Fraction(sale.quantity), Fraction(sale.price)
        while left and begun < len(queue) and queue[begun][0] * sign < 0:
            held = queue[begun]
            part = min(left, abs(held[0]))
            realised += -sign * part * (price - held[1])
            held[0] += sign * part
            left -= part
            begun += not held[0]
        if left:
            queue.append([sign * left, price])
    return [(quantity, price) for quantity, price in queue[begun:]], realised


def through(account_ledger: Ledger, call: Call) -> Bookings:
    """Bookings of the same ledger whose calls go another way."""
    return Bookings(DynamoLedger(Table(call, account_ledger.table.name), account_ledger.outbox), AT_ONCE)


def book(bookings: Bookings, placed: Order, *fills: Fill) -> None:
    bookings.book("main", [resolution(placed, *fills)], report(f"r-{placed.order_id}"))


def make(account_ledger: Ledger, name: str, side: str, *fills: tuple[str, str]) -> tuple[Order, list[Fill]]:
    """An order that is placed, and fills of it, each a quantity and a price."""
    total = sum((D(quantity) for quantity, _ in fills), D(0))
    placed = order(name, side, str(total), instrument=LEG[1], reserved="0")
    approve(account_ledger, placed)
    (record,) = account_ledger.bookings.records([name]).values()
    assert account_ledger.bookings.claim("main", [(record, orders.claim(record, AT, 5, orders.Harmless.UNSENT))])
    return placed, [fill(placed, quantity, number, price) for number, (quantity, price) in enumerate(fills)]


def whole(account_ledger: Ledger) -> Position:
    """The position with all of its pages read."""
    books, other = (
        account_ledger.books(),
        "sell" if account_ledger.books().positions[LEG].position.quantity > 0 else "buy",
    )
    all_of_it = fill(order("z", other, instrument=LEG[1]), "1e12")
    return lots.with_lots(account_ledger.store, "main", books, [all_of_it]).positions[LEG].position


def agrees(account_ledger: Ledger, fills: list[Fill]) -> None:
    position = whole(account_ledger)
    wanted, realised = oracle(fills)
    pages = [lot for page in position.pages.read for lot in page]
    kept = [*position.lots, *pages, *position.pages.newest]
    assert [(Fraction(lot.quantity), Fraction(lot.price)) for lot in kept] == wanted
    assert Fraction(position.realised) == realised
    assert Fraction(position.quantity) == sum((quantity for quantity, _ in wanted), Fraction(0))
    assert Fraction(position.cost) == sum((quantity * price for quantity, price in wanted), Fraction(0))
    assert (position.fees, position.version) == (sum((sale.fee for sale in fills), D(0)), len(fills))


def heaviest(account_ledger: Ledger) -> int:
    """Bytes of the largest item of positions and pages."""
    items = [*account_ledger.table.query("account#main"), *account_ledger.table.query(f"lots#main#{'#'.join(LEG)}")]
    return max(size(marshal(item)) for item in items)


def prices(count: int, start: int = 0) -> list[tuple[str, str]]:
    return [("0.5", f"{100 + number * 0.01:.2f}") for number in range(start, start + count)]


def test_30_000_lots_are_opened_reduced_and_closed_in_items_that_stay_small() -> None:
    ledger, booked = memory_ledger(), list[Fill]()
    steps = [
        ("buy", prices(MANY)), ("sell", [("0.25", "99")]), ("sell", [("3000.25", "350.5")]), ("buy", prices(500, MANY)),
        ("sell", [("1", "98"), ("7777.75", "123.45"), ("0.5", "120")]), ("sell", [("5000", "130")]),
    ]  # fmt: skip
    for number, (side, steps_prices) in enumerate(steps):
        placed, fills = make(ledger, f"o{number}", side, *steps_prices)
        book(ledger.bookings, placed, *fills)
        booked += fills
        agrees(ledger, booked)
        assert heaviest(ledger) < 60_000
    # The last sale was for more than was left, so it is short now; what is used up is deleted with the next fills.
    assert ledger.books().positions[LEG].position.quantity < 0
    for number in range(2):
        placed, fills = make(ledger, f"p{number}", "buy", ("1", "50"))
        book(ledger.bookings, placed, *fills)
    assert list(ledger.table.query(f"lots#main#{'#'.join(LEG)}")) == []


def test_thousands_of_lots_that_a_table_has_are_taken_at_once(cloud: Cloud) -> None:
    if cloud.name not in ("moto-boto3", "ministack-light"):
        pytest.skip("once on each emulator")
    ledger = open_ledger(cloud)
    held = fold([fill(order("a", instrument=LEG[1]), quantity, number, price)
                 for number, (quantity, price) in enumerate(prices(MANY))])  # fmt: skip
    none = AccountBooks(account=None, positions={})
    for change in lots.moving("main", none, {LEG: (held, Pending())}, MANY):
        ledger.store.commit([change])
    assert heaviest(ledger) < 60_000
    placed, fills = make(ledger, "b", "sell", ("12345.75", "150"), ("1", "151"))
    book(ledger.bookings, placed, *fills)
    position, wanted = whole(ledger), fold(fills, held)
    pages = [lot for page in position.pages.read for lot in page]
    assert (*position.lots, *pages, *position.pages.newest) == wanted.lots
    assert (position.cost, position.realised) == (wanted.cost, wanted.realised)
    placed, fills = make(ledger, "c", "sell", ("2653.25", "150"))
    book(ledger.bookings, placed, *fills)
    assert ledger.books().positions[LEG].position.quantity == 0


def test_a_booking_of_many_legs_that_all_turn_a_page_stays_within_a_transaction() -> None:
    ledger = memory_ledger()
    placed_orders = [order(f"n{number}", quantity="1", reserved="0") for number in range(22)]
    legs = {(placed.instance, placed.instrument): StoredPosition(
        position=Position(lots=tuple(Lot(D(1), D(at)) for at in range(1, 2 * PAGE_LOTS + 1)), version=1), open=D(0),
    ) for placed in placed_orders}  # fmt: skip
    none = AccountBooks(account=None, positions={})
    for leg, item in legs.items():
        ledger.store.commit(lots.moving("main", none, {leg: (item.position, Pending())}, 0))
    for start in range(0, 22, 11):
        approve(ledger, *placed_orders[start : start + 11])
    records = ledger.bookings.records([placed.order_id for placed in placed_orders])
    assert ledger.bookings.claim(
        "main", [(record, orders.claim(record, AT, 5, orders.Harmless.UNSENT)) for record in records.values()]
    )
    resolved = [resolution(placed, fill(placed, "1", price="999999")) for placed in placed_orders]
    (booking,) = ledger.bookings.book("main", resolved, report())
    assert len(booking.fills) == 22
    for leg, item in ledger.books().positions.items():
        assert (item.position.quantity, item.position.version) == (legs[leg].position.quantity + 1, 2)


class Dead(BaseException):
    """The process is gone."""


class Mortal:
    """A seam whose process dies at its call after so many, before or after that is carried out."""

    def __init__(self, account_ledger: Ledger, fuse: int, *, after: bool) -> None:
        self._found = account_ledger
        self._left = fuse
        self._after = after

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self._left -= 1
        if self._left < 0 and not self._after:
            raise Dead
        answer = self._found.admin(service, operation, parameters)
        if self._left < 0:
            raise Dead
        return answer


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_around_any_call_takes_each_lot_once(after: bool) -> None:
    deaths = 0
    for fuse in range(6):
        ledger, booked = memory_ledger(), list[Fill]()
        placed, fills = make(ledger, "a", "buy", *prices(6 * PAGE_LOTS))
        book(ledger.bookings, placed, *fills)
        booked += fills
        placed, fills = make(ledger, "b", "sell", ("500.25", "150"), ("1", "151"))
        booked += fills
        dying = through(ledger, Mortal(ledger, fuse, after=after))
        try:
            book(dying, placed, *fills)
        except Dead:
            deaths += 1
            book(ledger.bookings, placed, *fills)
        agrees(ledger, booked)
    assert deaths == 3


def test_lots_that_another_booking_takes_while_they_are_read_are_not_taken_twice() -> None:
    account_ledger, booked = memory_ledger(), list[Fill]()
    for name, side, steps_prices in (("a", "buy", prices(6 * PAGE_LOTS)), ("b", "sell", [("400", "150")]),
                             ("c", "sell", [("200", "140")])):  # fmt: skip
        placed, fills = make(account_ledger, name, side, *steps_prices)
        booked += fills
        if name != "c":
            first = placed, fills
        if name == "a":
            book(account_ledger.bookings, placed, *fills)
    raced = [False]

    def call(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "BatchGetItem" and "lots#" in str(parameters) and not raced[0]:
            raced[0] = True
            book(account_ledger.bookings, first[0], *first[1])
        return account_ledger.admin(service, operation, parameters)

    book(through(account_ledger, call), placed, *fills)
    assert raced[0]
    agrees(account_ledger, booked)


def test_a_booking_of_a_small_position_takes_one_read_and_one_commit() -> None:
    account_ledger, calls = memory_ledger(), list[str]()
    placed, fills = make(account_ledger, "a", "buy", ("2", "100"))

    def call(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        calls.append(operation)
        return account_ledger.admin(service, operation, parameters)

    book(through(account_ledger, call), placed, *fills)
    assert calls == ["BatchGetItem", "TransactWriteItems"]


def test_a_position_reads_back_as_it_was_written() -> None:
    ledger = memory_ledger()
    held = fold([fill(order("a", instrument=LEG[1]), "1", number, str(number + 1)) for number in range(3)])
    ledger.store.commit([MovePosition("main", LEG, Position(), held, D(0), D(0))])
    assert ledger.books().positions[LEG].position == held
    assert msgspec.structs.replace(held, lots=()) != held
    assert positions.FLAT.quantity == 0
