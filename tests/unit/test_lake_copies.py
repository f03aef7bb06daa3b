"""The copy of a desk's lake fetches what changed alone, and all again where its list of files was damaged."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fanfold.cli import lake_copy

KEY = "trades/dt=2026-01-03/day.parquet"
OTHER = "orders/dt=2026-01-03/day.parquet"


class Bucket:
    """A bucket whose objects are their keys and versions."""

    def __init__(self) -> None:
        self.versions = {KEY: 1, OTHER: 1}

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "GetObject":
            key = parameters["Key"]
            return {"Body": f"{key} {self.versions[key]}".encode()}
        listed = [{"Key": key, "ETag": str(version), "Size": 1} for key, version in self.versions.items()]
        return {"Contents": listed, "IsTruncated": False}


def test_what_changed_is_fetched_and_what_is_gone_removed(tmp_path: Path) -> None:
    bucket = Bucket()
    assert lake_copy.fetch(bucket, "lake", tmp_path) == [KEY, OTHER]
    bucket.versions[KEY] = 2
    del bucket.versions[OTHER]
    assert lake_copy.fetch(bucket, "lake", tmp_path) == [KEY]
    assert (tmp_path / KEY).read_text() == f"{KEY} 2"
    assert not (tmp_path / OTHER).exists()


@pytest.mark.parametrize("torn", ["", '{"trades/dt=2026', "\x00"])
def test_a_list_that_was_not_written_whole_is_no_list(tmp_path: Path, torn: str) -> None:
    bucket = Bucket()
    lake_copy.fetch(bucket, "lake", tmp_path)
    (tmp_path / lake_copy.ETAGS).write_text(torn)
    assert lake_copy.fetch(bucket, "lake", tmp_path) == [KEY, OTHER]
    assert json.loads((tmp_path / lake_copy.ETAGS).read_text()) == {KEY: "1", OTHER: "1"}
