"""The billing units of single AWS calls."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fanfold.cost.calls import ENVELOPE, Sizes, units_of

KEY = {"pk": {"S": "a"}, "sk": {"S": "i"}}
ITEM = KEY | {"body": {"S": "x" * 1_014}}  # 2 + 1 + 2 + 1 + 4 + 1,014 = 1,024 bytes
PUT = {"TableName": "t", "Item": ITEM}


def units(service, operation, parameters, answer=None, before=0, after=0):
    sizes = Sizes(before=lambda *_: before, after=lambda *_: after)
    return units_of(service, operation, parameters, answer or {}, sizes)


def test_a_write_is_billed_by_the_larger_of_the_item_before_and_after_it():
    assert units("dynamodb", "PutItem", PUT) == {"dynamodb-write": 1}
    assert units("dynamodb", "PutItem", PUT, before=1_025) == {"dynamodb-write": 2}
    larger = PUT | {"Item": ITEM | {"n": {"BOOL": True}}}
    assert units("dynamodb", "PutItem", larger) == {"dynamodb-write": 2}
    update = {"TableName": "t", "Key": KEY}
    assert units("dynamodb", "UpdateItem", update, before=10, after=1_025) == {"dynamodb-write": 2}
    assert units("dynamodb", "UpdateItem", update, before=2_049, after=10) == {"dynamodb-write": 3}
    assert units("dynamodb", "DeleteItem", update, before=2_048) == {"dynamodb-write": 2}


def test_puts_in_a_batch_are_billed_one_by_one():
    puts = [{"PutRequest": {"Item": ITEM}}, {"PutRequest": {"Item": ITEM | {"n": {"BOOL": True}}}}]
    assert units("dynamodb", "BatchWriteItem", {"RequestItems": {"t": puts}}) == {"dynamodb-write": 3}


def test_a_transaction_is_billed_twice_for_each_write_and_each_condition():
    named = {"TableName": "t", "Key": KEY}
    writes = [{"Put": PUT}, {"ConditionCheck": named}, {"Delete": named}]
    # One, one and one unit, each twice.
    assert units("dynamodb", "TransactWriteItems", {"TransactItems": writes}) == {"dynamodb-write": 6}


def test_a_query_is_billed_by_all_it_reads_together_and_a_batch_item_by_item():
    items = [ITEM] * 5
    # 5 * 1,024 = 5,120 bytes: two parts of four kilobytes.
    assert units("dynamodb", "Query", {"ConsistentRead": True}, {"Items": items}) == {"dynamodb-read": 2}
    request = {"RequestItems": {"t": {"Keys": [{}] * 7, "ConsistentRead": True}}}
    assert units("dynamodb", "BatchGetItem", request, {"Responses": {"t": items}}) == {"dynamodb-read": 7}


def test_a_read_that_finds_nothing_is_billed():
    assert units("dynamodb", "GetItem", {"ConsistentRead": True}) == {"dynamodb-read": 1}
    assert units("dynamodb", "GetItem", {}) == {"dynamodb-read": Decimal("0.5")}


def test_a_batch_of_messages_is_billed_by_its_bytes_together():
    full = {"Message": "x" * (32_768 - ENVELOPE)}
    assert units("sns", "PublishBatch", {"PublishBatchRequestEntries": [full, full]}) == {"sns-request": 1}
    more = {"Message": full["Message"] + "x"}
    assert units("sns", "PublishBatch", {"PublishBatchRequestEntries": [full, more]}) == {"sns-request": 2}


def test_listing_a_bucket_costs_as_much_as_a_put_and_a_delete_is_free():
    assert units("s3", "ListObjectsV2", {}) == units("s3", "PutObject", {}) == {"s3-put": 1}
    assert units("s3", "GetObject", {}) == {"s3-get": 1}
    assert units("s3", "DeleteObject", {}) == {}


@given(st.lists(st.text(max_size=50_000), min_size=1, max_size=10))
def test_one_batch_never_costs_more_than_its_messages_one_by_one(bodies):
    entries = [{"Message": body} for body in bodies]
    alone = sum(units("sns", "Publish", entry)["sns-request"] for entry in entries)
    assert units("sns", "PublishBatch", {"PublishBatchRequestEntries": entries})["sns-request"] <= alone
