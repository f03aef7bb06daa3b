"""Updates of a stack that would harm stored data are refused."""

import copy
import json
from typing import Any

import pytest

from fanfold.stages.guard import main, replacements

ATTRIBUTES = [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}]
OLD = {
    "Resources": {
        "Ledger": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "TableName": "ledger",
                "AttributeDefinitions": ATTRIBUTES,
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
            },
        },
        "Lake": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete", "Properties": {"BucketName": "lake"}},
        "Bars": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "bars.fifo"}},
    }
}
GONE = object()


def update(*path, value=GONE):
    new: dict[str, Any] = copy.deepcopy(OLD)
    node = new
    for key in ("Resources", *path[:-1]):
        node = node[key]
    if value is GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return new


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("Ledger", "Properties", "TableName"), "ledgers", "Ledger.TableName"),
        (("Ledger", "Properties", "TableName"), GONE, "Ledger.TableName"),
        (("Ledger", "Properties", "KeySchema", 1), GONE, "Ledger.KeySchema"),
        (("Ledger", "Properties", "AttributeDefinitions", 1, "AttributeType"), "N", "Ledger.AttributeDefinitions"),
        (("Ledger", "Properties", "LocalSecondaryIndexes"), [{"IndexName": "by-day"}], "Ledger.LocalSecondaryIndexes"),
        (("Ledger", "DeletionPolicy"), "Delete", "Ledger.DeletionPolicy"),
        (("Ledger", "UpdateReplacePolicy"), GONE, "Ledger.UpdateReplacePolicy"),
        (("Ledger", "Type"), "AWS::DynamoDB::GlobalTable", "Ledger.Type"),
        (("Ledger",), GONE, "Ledger.LogicalId"),
        (("Lake",), GONE, "Lake.LogicalId"),
        (("Lake", "Properties", "BucketName"), "pond", "Lake.BucketName"),
        (("Lake", "Properties", "ObjectLockEnabled"), True, "Lake.ObjectLockEnabled"),
    ],
)
def test_an_update_that_replaces_or_forgets_a_store_is_seen(path, value, named) -> None:
    assert [
        f"{replacement.resource}.{replacement.property}"
        for replacement in replacements(OLD, update(*path, value=value))
    ] == [named]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("Bars", "Properties", "TopicName"), "other.fifo"),
        (("Bars",), GONE),
        (("Ledger", "Properties", "TimeToLiveSpecification"), {"AttributeName": "expires_at_s", "Enabled": True}),
        (("Ledger", "Properties", "AttributeDefinitions"), [*ATTRIBUTES, {"AttributeName": "d", "AttributeType": "S"}]),
        (("Lake", "DeletionPolicy"), "Retain"),
        (("Lake", "DeletionPolicy"), "RetainExceptOnCreate"),
        (("Ledger", "DeletionPolicy"), "RetainExceptOnCreate"),
        (("Pond",), {"Type": "AWS::S3::Bucket"}),
    ],
)  # fmt: skip
def test_an_update_in_place_passes(path, value) -> None:
    assert replacements(OLD, update(*path, value=value)) == []


def test_a_store_that_was_to_be_kept_is_told_from_one_that_is_deleted() -> None:
    assert "no stack knows it" in str(replacements(OLD, update("Ledger"))[0])
    assert "deleted" in str(replacements(OLD, update("Lake"))[0])


def test_a_store_retained_except_on_create_counts_as_kept() -> None:
    kept = update("Ledger", "DeletionPolicy", value="RetainExceptOnCreate")
    assert "no stack knows it" in str(replacements(kept, update("Ledger"))[0])
    weaker = update("Ledger", "DeletionPolicy", value="Delete")
    assert "it was RetainExceptOnCreate and would be Delete" in str(replacements(kept, weaker)[0])


def test_the_command_names_the_changes_that_it_refuses(tmp_path, capsys) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(OLD))
    new.write_text(json.dumps(update("Lake", "Properties", "BucketName", value="pond")))
    assert main([str(old), str(old)]) == 0
    assert main([str(old), str(new)]) == 1
    assert 'Lake.BucketName: "lake" would become "pond"' in capsys.readouterr().err


def test_a_template_that_cannot_be_parsed_is_not_compared(tmp_path, capsys) -> None:
    other = tmp_path / "other.json"
    other.write_text("[]")
    assert main([str(other), str(tmp_path / "absent.json")]) == 2
    assert main([str(other)]) == 2
    assert "no CloudFormation template" in capsys.readouterr().err
