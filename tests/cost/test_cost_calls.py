"""What single AWS calls are billed as."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fanfold.cost.calls import ENVELOPE, units_of

ITEM = {"pk": {"S": "a"}, "body": {"S": "x" * 1_017}}  # 2 + 1 + 4 + 1,017 = 1,024 bytes


def size_of(_table, key):
    return {"a": 1_025, "b": 10}[key["pk"]["S"]]


def units(service, operation, parameters, answer=None):
    return units_of(service, operation, parameters, answer or {}, size_of)


def test_a_put_is_billed_by_its_item_and_an_update_by_the_item_it_makes():
    assert units("dynamodb", "PutItem", {"Item": ITEM}) == {"dynamodb-write": 1}
    larger = ITEM | {"n": {"BOOL": True}}
    assert units("dynamodb", "PutItem", {"Item": larger}) == {"dynamodb-write": 2}
    assert units("dynamodb", "UpdateItem", {"TableName": "t", "Key": {"pk": {"S": "a"}}}) == {"dynamodb-write": 2}


def test_a_transaction_is_billed_twice_for_each_write_and_each_condition():
    writes = [{"Put": {"Item": ITEM}}, {"ConditionCheck": {"TableName": "t", "Key": {"pk": {"S": "a"}}}},
              {"Delete": {"TableName": "t", "Key": {"pk": {"S": "b"}}}}]
    # One, two and one unit, each twice.
    assert units("dynamodb", "TransactWriteItems", {"TransactItems": writes}) == {"dynamodb-write": 8}


def test_a_query_is_billed_by_all_it_reads_together_and_a_batch_item_by_item():
    items = [ITEM] * 5
    # 5 * 1,024 = 5,120 bytes: two parts of four kilobytes.
    assert units("dynamodb", "Query", {"ConsistentRead": True}, {"Items": items}) == {"dynamodb-read": 2}
    asked = {"RequestItems": {"t": {"Keys": [{}] * 7, "ConsistentRead": True}}}
    assert units("dynamodb", "BatchGetItem", asked, {"Responses": {"t": items}}) == {"dynamodb-read": 7}


def test_a_read_that_finds_nothing_is_billed():
    assert units("dynamodb", "GetItem", {"ConsistentRead": True}) == {"dynamodb-read": 1}
    assert units("dynamodb", "GetItem", {}) == {"dynamodb-read": Decimal("0.5")}


def test_a_batch_of_messages_is_billed_by_its_bytes_together():
    full = {"Message": "x" * (32_768 - ENVELOPE)}
    assert units("sns", "PublishBatch", {"PublishBatchRequestEntries": [full, full]}) == {"sns-request": 1}
    more = {"Message": full["Message"] + "x"}
    assert units("sns", "PublishBatch", {"PublishBatchRequestEntries": [full, more]}) == {"sns-request": 2}


def test_a_listing_of_a_bucket_is_as_dear_as_a_put_and_a_delete_is_free():
    assert units("s3", "ListObjectsV2", {}) == units("s3", "PutObject", {}) == {"s3-put": 1}
    assert units("s3", "GetObject", {}) == {"s3-get": 1}
    assert units("s3", "DeleteObject", {}) == {}


@given(st.lists(st.text(max_size=50_000), min_size=1, max_size=10))
def test_one_batch_never_costs_more_than_its_messages_one_by_one(bodies):
    entries = [{"Message": body} for body in bodies]
    alone = sum(units("sns", "Publish", entry)["sns-request"] for entry in entries)
    assert units("sns", "PublishBatch", {"PublishBatchRequestEntries": entries})["sns-request"] <= alone
