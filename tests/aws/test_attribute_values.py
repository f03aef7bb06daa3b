"""AttributeValues: what goes in comes out, and equals what boto3 would write."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from fanfold.aws.client.call import Call
from fanfold.aws.dynamodb.attribute_values import attribute, integer, marshal, unmarshal
from fanfold.errors import BadInput

WHOLE = st.integers(-(10**38) + 1, 10**38 - 1)
DIGITS = st.integers(-(10**27), 10**27)
NUMBERS = st.builds(lambda digits, scale: Decimal(digits).scaleb(-scale), DIGITS, st.integers(0, 18))
SCALARS = st.none() | st.booleans() | st.text() | st.binary() | NUMBERS | WHOLE
SETS = st.sets(st.text(), min_size=1) | st.sets(st.binary(), min_size=1) | st.sets(NUMBERS, min_size=1)
VALUES = st.recursive(
    SCALARS | SETS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_a_marshalled_value_is_read_back(values: dict[str, Any]) -> None:
    assert unmarshal(marshal(values)) == values


@given(SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(), SCALARS, max_size=3))
def test_an_attribute_is_what_boto3_writes(value: object) -> None:
    assert attribute(value) == TypeSerializer().serialize(value)


@given(WHOLE)
def test_a_whole_number_comes_back_whole(number: int) -> None:
    assert integer(unmarshal(marshal({"n": number}))["n"]) == number


@pytest.mark.parametrize(
    ("stored", "read"), [("7.621890", "7.62189"), ("7.00", "7"), ("0.0", "0"), ("700", "700"), ("7.0E+2", "7.0E+2")]
)
def test_zeros_that_an_emulator_keeps_are_dropped(stored: str, read: str) -> None:
    assert str(unmarshal({"n": {"N": stored}})["n"]) == read


def test_a_number_that_is_not_whole_is_no_integer() -> None:
    with pytest.raises(BadInput, match=r"1\.5 is not a whole number"):
        integer(Decimal("1.5"))


@pytest.mark.parametrize("value", [0.1, Decimal("NaN"), Decimal("Infinity"), 10**38, set(), {1, "a"}, object()])
def test_a_number_that_dynamodb_would_round_is_refused(value: object) -> None:
    with pytest.raises(BadInput):
        marshal({"value": value})


def test_zeros_behind_the_point_are_no_digits_of_a_number() -> None:
    amount = Decimal("50000.1234567799999999999999999999805000")
    assert marshal({"n": amount}) == {"n": {"N": "50000.1234567799999999999999999999805"}}
    assert unmarshal(marshal({"n": amount}))["n"] == amount
    with pytest.raises(BadInput):
        marshal({"n": Decimal("50000.1234567799999999999999999999805001")})
    assert unmarshal(marshal({"n": Decimal("10000." + "0" * 40)}))["n"] == 10_000


def test_enums_are_strings_and_tuples_are_lists() -> None:
    state = StrEnum("state", {"OPEN": "OPEN"})
    assert marshal({"s": state("OPEN"), "t": (1, "a")}) == {"s": {"S": "OPEN"}, "t": {"L": [{"N": "1"}, {"S": "a"}]}}


def test_amounts_survive_a_table(call: Call, admin: Call) -> None:
    values = {"k": "ä☃", "amount": Decimal("0.00000001"), "big": 10**38 - 1, "raw": bytes(range(256)), "none": None}
    admin(
        "dynamodb",
        "CreateTable",
        {
            "TableName": "values",
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        },
    )
    call("dynamodb", "PutItem", {"TableName": "values", "Item": marshal(values)})
    got = call("dynamodb", "GetItem", {"TableName": "values", "Key": marshal({"k": "ä☃"})})
    assert unmarshal(got["Item"]) == values
