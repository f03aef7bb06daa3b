"""DynamoDB in memory has DynamoDB's limits, and says so where it is asked what it does not know."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault, Reason
from fanfold.aws.dynamodb.table import ABSENT
from fanfold.errors import Refused
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.expressions import condition, key_condition
from fanfold.simulation.updates import update

KEY = ("a", "b")


def refused(call: Callable[[], Any]) -> AwsFault:
    with pytest.raises(AwsFault) as caught:
        call()
    return caught.value


def test_an_item_over_400_kb_is_refused_and_one_just_under_is_kept() -> None:
    table = MemoryCloud().table("t")
    table.write([table.putting(KEY, {"x": b"0" * (400 * 1024 - 7)})])
    assert refused(lambda: table.write([table.putting(KEY, {"x": b"0" * 400 * 1024})])).code == "ValidationException"
    assert len(table.get(KEY)["x"]) == 400 * 1024 - 7


def test_a_transaction_takes_100_writes_each_at_another_item() -> None:
    table = MemoryCloud().table("t")
    writes = [table.putting(("a", str(number)), {}) for number in range(101)]
    assert refused(lambda: table.write(writes)).code == "ValidationException"
    table.write(writes[:100])
    assert len(list(table.query("a"))) == 100
    assert refused(lambda: table.write([writes[0], writes[0]])).code == "ValidationException"


def test_a_transaction_is_all_or_none_and_says_which_write_was_in_the_way() -> None:
    table = MemoryCloud().table("t")
    table.write([table.putting(KEY, {})])
    with pytest.raises(Refused) as caught:
        table.write([table.putting(("a", "c"), {}), table.putting(KEY, {}, ABSENT)])
    assert caught.value.failed == (1,)
    assert table.get(("a", "c")) == {}


def test_a_transaction_again_under_its_token_runs_once_for_ten_minutes() -> None:
    now = [0.0]
    cloud = MemoryCloud(lambda: now[0])
    table = cloud.table("t")
    request = {"TransactItems": [table.updating(KEY, "ADD n :one", {":one": 1})], "ClientRequestToken": "once"}
    for _ in range(2):
        cloud.call("dynamodb", "TransactWriteItems", request)
    assert table.get(KEY)["n"] == 1
    other = {**request, "TransactItems": [table.updating(KEY, "ADD n :one", {":one": 2})]}
    fault = refused(lambda: cloud.call("dynamodb", "TransactWriteItems", other))
    assert fault.code == "IdempotentParameterMismatchException"
    now[0] = 600.0
    cloud.call("dynamodb", "TransactWriteItems", request)
    assert table.get(KEY)["n"] == 2


def test_a_failed_condition_shows_what_is_there_if_it_is_asked_to() -> None:
    cloud = MemoryCloud()
    table = cloud.table("t")
    table.write([table.putting(KEY, {"x": 1})])
    request = table.putting(KEY, {}, ABSENT)["Put"]
    shown = {**request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    for parameters, item in ((request, {}), (shown, {"pk": {"S": "a"}, "sk": {"S": "b"}, "x": {"N": "1"}})):
        fault = refused(partial(cloud.call, "dynamodb", "PutItem", parameters))
        assert fault.reasons == (Reason("ConditionalCheckFailed", "The conditional request failed", item),)


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_query_over_a_megabyte_comes_in_pages(newest_first: bool) -> None:
    table, pages = MemoryCloud().table("t"), []
    table.put_all({("a", f"{number:02}"): {"x": b"0" * 300_000} for number in range(10)})

    def counted(*call: Any) -> dict[str, Any]:
        pages.append(call)
        return table.call(*call)

    keys = [item["sk"] for item in table._replace(call=counted).query("a", newest_first=newest_first)]
    assert keys == sorted(keys, reverse=newest_first)
    assert (len(keys), len(pages)) == (10, 3)


def test_a_number_of_more_than_38_digits_is_refused_not_rounded() -> None:
    table = MemoryCloud().table("t")
    table.write([table.putting(KEY, {"n": 10**37})])
    adding = table.updating(KEY, "ADD n :more", {":more": "x"})
    adding["Update"]["ExpressionAttributeValues"] = {":more": {"N": "0.01"}}
    assert refused(lambda: table.write([adding])).code == "ValidationException"


def test_a_table_that_is_not_there_is_named() -> None:
    table = MemoryCloud().table("t")._replace(name="none")
    assert refused(lambda: table.get(KEY)).code == "ResourceNotFoundException"


def test_a_value_that_no_expression_names_is_refused() -> None:
    table = MemoryCloud().table("t")
    for values in ({":a": 1, ":b": 1}, {":b": 1}):
        write = table.updating(KEY, "SET x = :a", values)
        assert refused(partial(table.write, [write])).code == "ValidationException"


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "x =",
        "x = :a :b",
        "x IN :a",
        "x == :a",
        "size(x) = :a",
        "(x = :a",
        "x = 'a'",
        "attribute_exist(x)",
        "x BETWEEN :a",
        "NOT",
    ],
)
def test_a_condition_that_is_not_understood_is_refused(text: str) -> None:
    assert refused(lambda: condition(text)).code == "ValidationException"


@pytest.mark.parametrize(
    "text",
    [
        "x = :a",
        "SET x",
        "SET x = :a SET y = :b",
        "SET x = :a, x = :b",
        "ADD x",
        "PUT x = :a",
        "SET x.y = :a, x = :b",
        "SET x = list_prepend(x, :a)",
        "SET x = list_append(x)",
        "REMOVE x :a",
    ],
)
def test_an_update_that_is_not_understood_is_refused(text: str) -> None:
    assert refused(lambda: update(text)).code == "ValidationException"


@pytest.mark.parametrize(
    "text",
    [
        "sk = :a",
        "pk > :a",
        "pk = :a OR sk = :b",
        "pk = :a AND x = :b",
        "pk = :a AND",
        "pk = :a AND sk = :b AND sk = :c",
    ],
)
def test_a_key_condition_is_a_partition_and_a_part_of_it(text: str) -> None:
    assert refused(lambda: key_condition(text, ("pk", "sk"))).code == "ValidationException"


def test_an_unknown_field_is_reported() -> None:
    with pytest.raises(NotImplementedError, match="IndexName"):
        MemoryCloud().call("dynamodb", "Query", {"TableName": "t", "IndexName": "i"})
