"""A table: what is written is read, a failed condition says which it was, a transaction is all or nothing."""

from decimal import Decimal

import pytest

from fanfold.aws.client.call import AwsFault, Call
from fanfold.aws.dynamodb.attribute_values import unmarshal
from fanfold.aws.dynamodb.table import ABSENT, PRESENT, Table
from fanfold.errors import Refused
from support.ledger_examples import create_table


@pytest.fixture
def table(call: Call, admin: Call) -> Table:
    create_table(admin, "things")
    return Table(call, "things")


def test_an_item_is_read_as_it_was_written_and_one_that_is_not_there_is_empty(table: Table) -> None:
    table.write([table.putting(("a", "1"), {"n": Decimal("1.50"), "s": {"x", "y"}, "b": b"\x00"})])
    assert table.get(("a", "1")) == {"pk": "a", "sk": "1", "n": Decimal("1.5"), "s": {"x", "y"}, "b": b"\x00"}
    assert table.get(("a", "2")) == {}
    table.write([table.deleting(("a", "1"))])
    assert table.get(("a", "1")) == {}


def test_more_items_than_a_page_takes_are_read_at_once(table: Table) -> None:
    keys = [("many", f"{number:03d}") for number in range(130)]
    for start in range(0, 130, 65):
        table.write([table.putting(key, {"n": int(key[1])}) for key in keys[start : start + 65]])
    items = table.get_all([*keys, ("many", "none")])
    assert {key: item["n"] for key, item in items.items()} == {key: int(key[1]) for key in keys}
    assert table.get_all([]) == {}


def test_a_partition_is_read_in_order_over_pages_and_from_its_end(table: Table) -> None:
    for start in range(0, 40, 10):
        # Items of 60 KB: a page of a query ends after 1 MB.
        for number in range(start, start + 10):
            table.write([table.putting(("big", f"n{number:03d}"), {"body": b"x" * 60_000})])
    table.write([table.putting(("big", "other"), {})])
    names = [f"n{number:03d}" for number in range(40)]
    assert [item["sk"] for item in table.query("big", "n")] == names
    assert [item["sk"] for item in table.query("big", newest_first=True)] == ["other", *reversed(names)]
    assert list(table.query("none")) == []


def test_a_failed_condition_is_a_conflict_that_says_which_write_it_was(table: Table) -> None:
    table.write([table.putting(("a", "1"), {"n": 1}, ABSENT), table.putting(("a", "3"), {"n": 1})])
    with pytest.raises(Refused) as alone:
        table.write([table.putting(("a", "1"), {"n": 2}, ABSENT)])
    assert alone.value.failed == (0,)
    with pytest.raises(Refused) as among:
        table.write(
            [
                table.putting(("b", "1"), {}, ABSENT),
                table.updating(("a", "1"), "SET n = :n", {":n": 3, ":seen": 7}, "n = :seen"),
                table.checking(("a", "3"), "n = :seen", {":seen": 1}),
                table.putting(("a", "2"), {}, PRESENT),
            ]
        )
    assert among.value.failed == (1, 3)
    assert table.get(("a", "1"))["n"] == 1
    assert table.get(("b", "1")) == {}


def test_an_update_gives_back_what_is_there_now(table: Table) -> None:
    first = table.update_as_stored(("a", "1"), "SET n = :n ADD got :got", {":n": 1, ":got": {"x"}})
    assert first["got"] == {"SS": ["x"]}
    second = table.update_as_stored(("a", "1"), "ADD got :got, n :n", {":n": 2, ":got": {"y"}})
    assert unmarshal(second)["got"] == {"x", "y"}
    assert table.get(("a", "1"))["n"] == 3
    with pytest.raises(Refused) as refused:
        table.update_as_stored(("a", "1"), "SET n = :n", {":n": 1}, ABSENT)
    assert refused.value.failed == (0,)


def test_any_other_fault_is_raised_as_it_is(call: Call, table: Table) -> None:
    with pytest.raises(AwsFault, match="ResourceNotFound"):
        Table(call, "none").write([table._replace(name="none").putting(("a", "1"), {})])
