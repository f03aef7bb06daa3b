"""The paper venue's book keeps what its protocol says, in DynamoDB as in memory."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from fanfold.aws.client.call import RecordedCall, with_recording
from fanfold.aws.dynamodb.paper_book import PART_ORDERS, PARTS_MAX, PaperBook, _added
from fanfold.aws.dynamodb.table import Table
from fanfold.errors import BadInput, Conflict
from fanfold.matching.book import PaperBookVersion, PaperOrderStore, RestingOrder
from fanfold.simulation.book import MemoryBook
from fanfold.simulation.plain_stores import PlainBook
from support.emulator import Cloud
from support.ledger_examples import AT, create_table, once, order


@pytest.fixture(params=["table", "memory", "plain"])
def book(request: pytest.FixtureRequest, cloud: Cloud) -> PaperOrderStore:
    if request.param != "table":
        once(cloud)
        return MemoryBook() if request.param == "memory" else PlainBook()
    create_table(cloud.admin, "book")
    return PaperBook(Table(cloud.call, "book"))


def resting(book: PaperOrderStore) -> list[str]:
    return [resting_order.order.order_id for resting_order in book.read("main").resting]


def test_orders_rest_in_the_order_they_came_each_once(book: PaperOrderStore) -> None:
    for name in ("B", "A", "B", "C"):
        book.add(order(name))
    assert resting(book) == ["B", "A", "C"]
    assert book.read("other").resting == []


def test_a_write_changes_all_orders_at_once_and_a_deleted_order_never_returns(book: PaperOrderStore) -> None:
    for name in ("A", "B", "C"):
        book.add(order(name))
    page = book.read("main")
    half = msgspec.structs.replace(page.resting[1], filled=Decimal("0.50"))
    book.write("main", page.version, [half], ["c-A"], {"B/USDT": 60})
    after = book.read("main")
    assert (after.resting, after.matched_through_s, after.version) == (
        [half, page.resting[2]],
        {"B/USDT": 60},
        page.version + 1,
    )
    book.add(order("A"))
    assert resting(book) == ["B", "C"]


def test_a_write_on_an_older_version_is_refused_and_changes_nothing(book: PaperOrderStore) -> None:
    book.add(order("A"))
    version = book.read("main").version
    book.write("main", version, [], [], {"A/USDT": 60})
    with pytest.raises(Conflict):
        book.write("main", version, [], ["c-A"], {"A/USDT": 120})
    assert resting(book) == ["A"]
    assert book.read("main").matched_through_s == {"A/USDT": 60}


def test_a_cancel_is_noted_once_and_moves_the_version(book: PaperOrderStore) -> None:
    book.add(order("A"))
    version = book.read("main").version
    book.cancel("main", ["c-A"], AT, "halted")
    book.cancel("main", ["c-A"], AT + timedelta(seconds=5), "again")
    book.cancel("main", ["c-none"], AT, "")
    (canceled,) = book.read("main").resting
    assert canceled.canceled_at == AT
    assert book.read("main").version == version + 1


def test_an_order_that_comes_between_a_read_and_its_write_is_not_lost(cloud: Cloud) -> None:
    create_table(cloud.admin, "book")
    mine, other = (PaperBook(Table(cloud.call, "book")) for _ in range(2))
    mine.add(order("A"))
    page = mine.read("main")
    other.add(order("B"))
    with pytest.raises(Conflict):
        mine.write("main", page.version, [], ["c-A"], {})
    mine.write("main", mine.read("main").version, [], ["c-A"], {})
    assert resting(other) == ["B"]


def test_a_page_is_read_once_for_a_settlement(cloud: Cloud) -> None:
    create_table(cloud.admin, "book")
    seen: list[RecordedCall] = []
    book = PaperBook(Table(with_recording(cloud.call, seen.append), "book"))
    book.add(order("A"))
    page = book.read("main")
    seen.clear()
    book.write("main", page.version, [], ["c-A"], {})
    assert [made.operation for made in seen] == ["PutItem"]
    # Another process, which has read nothing yet, has to.
    PaperBook(Table(cloud.call, "book")).write("main", page.version + 1, [], [], {"A/USDT": 60})
    assert book.read("main").matched_through_s == {"A/USDT": 60}


def test_a_fenced_order_never_rests_and_a_resting_one_cannot_be_fenced(book: PaperOrderStore) -> None:
    assert book.shut_out(order("A"))
    assert book.shut_out(order("A"))
    assert not book.knows(order("A"))
    assert not book.add(order("A"))
    assert book.read("main").resting == []
    assert book.add(order("B"))
    assert book.knows(order("B"))
    assert not book.shut_out(order("B"))
    assert resting(book) == ["B"]


def test_more_orders_than_an_item_takes_rest_in_their_order_and_change_all_or_none() -> None:
    book = MemoryBook()
    names = [f"N{number:04}" for number in range(1_000)]
    for name in names:
        book.add(order(name, client_order_id=f"c-{name}", instance="i" * 63, signal_id="s" * 64))
    assert resting(book) == names
    version = book.read("main").version
    changed = [replace(resting_order, filled=Decimal(1)) for resting_order in book.read("main").resting[::3]]
    gone = [f"c-{name}" for name in names if name not in {resting_order.order.order_id for resting_order in changed}]
    with pytest.raises(Conflict):
        book.write("main", version - 1, changed, gone, {})
    assert resting(book) == names
    book.write("main", version, changed, gone, {"A/USDT": 60})
    assert resting(book) == names[::3]
    assert {resting_order.filled for resting_order in book.read("main").resting} == {1}
    book.cancel("main", [f"c-{names[-1]}", f"c-{names[0]}"], AT, "halted")
    assert [
        resting_order.order.order_id for resting_order in book.read("main").resting if resting_order.canceled_at
    ] == [names[0], names[-1]]
    book.write("main", book.read("main").version, [], [f"c-{name}" for name in names], {"A/USDT": 120})
    assert book.read("main") == PaperBookVersion(matched_through_s={"A/USDT": 120}, version=book.read("main").version)
    assert book.add(order("later"))


def test_another_process_reads_all_parts(cloud: Cloud) -> None:
    once(cloud)
    create_table(cloud.admin, "book")
    mine, other = (PaperBook(Table(cloud.call, "book")) for _ in range(2))
    for number in range(PART_ORDERS + 2):
        mine.add(order(f"N{number}"))
    assert resting(other) == [f"N{number}" for number in range(PART_ORDERS + 2)]
    assert other.read("main") == mine.read("main")


def test_a_full_book_says_so_and_takes_no_more() -> None:
    book = MemoryBook()
    full = {number: [RestingOrder(order=order("A"))] * PART_ORDERS for number in range(PARTS_MAX)}
    with pytest.raises(BadInput, match=r"3750 orders rest for main.*cancel some"):
        _added(full, order("B"))
    assert book.read("main").resting == []
