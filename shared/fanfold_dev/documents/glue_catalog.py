"""Generate the lake's tables and views in the Glue catalogue, as a file that the platform's template includes.

Partitions are projected from the date, so there is no crawler and nothing to add a day. A view is in the form in which
Athena itself stores one: its definition as JSON, in Base64, in a comment.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fanfold.audit.lake_schema import TABLES
from fanfold.audit.lake_view import LakeView
from fanfold.audit.lake_views import VIEWS
from fanfold.research.on_aws.sweep_store import TRIALS
from fanfold.research.sweeping.trial_rows import row_schema

PATH = Path(__file__).resolve().parents[3] / "shared" / "stacks" / "glue_catalog.json"
# Each projected day is looked for in S3 by every question, and paid for. `make deploy` says when the stage began.
FIRST_DAY = "${env:FANFOLD_LAKE_SINCE, '2026-01-01'}"
_FORMAT = "org.apache.hadoop.hive.ql.io.parquet"
_BUCKET = {"Ref": "LakeBucket"}
_DATABASE = {"Ref": "Database"}
# Athena's types of a trial's columns.
_ARROW_TYPES = {
    "int64": "bigint", "double": "double", "timestamp[s, tz=UTC]": "timestamp", "decimal128(38, 18)": "decimal(38,18)",
}  # fmt: skip
# Athena's names for types in views, where they differ from those in tables.
_TYPES = {"string": "varchar", "timestamp": "timestamp(3)"}


def catalogue() -> dict[str, Any]:
    """Return CloudFormation resources: the database, its tables over the bucket LakeBucket, and its views."""
    resources: dict[str, Any] = {"Database": _database()}
    for table in TABLES.values():
        resources[f"{table.name.capitalize()}Table"] = _table(table.name, table.about, table.columns, table.name)
    resources["TrialsTable"] = _table("trials", "Trials of sweeps, one a row.", trial_columns(), TRIALS)
    for view in VIEWS.values():
        resources[f"{view.name.title().replace('_', '')}View"] = _view(view)
    return {"Resources": resources}


def text() -> str:
    return json.dumps(catalogue(), indent=2) + "\n"


def _database() -> dict[str, Any]:
    # Athena's names know no hyphen, and pr-12 has one.
    stage = {"Fn::Join": ["_", {"Fn::Split": ["-", "${sls:stage}"]}]}
    name = {"Fn::Join": ["_", ["fanfold", stage]]}
    return {
        "Type": "AWS::Glue::Database",
        "Properties": {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": {"Name": name}},
    }


def trial_columns() -> dict[str, str]:
    """Return the columns of a trial's row, with Athena's types."""
    return {field.name: _ARROW_TYPES.get(str(field.type), str(field.type)) for field in row_schema()}


def _table(name: str, about: str, columns: Mapping[str, str], folder: str) -> dict[str, Any]:
    properties = {
        "CatalogId": {"Ref": "AWS::AccountId"},
        "DatabaseName": _DATABASE,
        "TableInput": {
            "Name": name,
            "Description": about,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": _projection(folder),
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "StorageDescriptor": _storage(columns, folder),
        },
    }
    return {"Type": "AWS::Glue::Table", "Properties": properties}


def _view(view: LakeView) -> dict[str, Any]:
    columns = [{"Name": name, "Type": kind} for name, (kind, _) in view.columns.items()]
    properties = {
        "CatalogId": {"Ref": "AWS::AccountId"},
        "DatabaseName": _DATABASE,
        "TableInput": {
            "Name": view.name,
            "Description": view.about,
            "TableType": "VIRTUAL_VIEW",
            "Parameters": {"presto_view": "true", "comment": "Presto View"},
            "PartitionKeys": [],  # Athena cannot read a table or view of which they are not said.
            "StorageDescriptor": {"Columns": columns, "SerdeInfo": {}},
            "ViewOriginalText": {"Fn::Join": ["", ["/* Presto View: ", {"Fn::Base64": _definition(view)}, " */"]]},
            "ViewExpandedText": "/* Presto View */",
        },
    }
    return {"Type": "AWS::Glue::Table", "Properties": properties}


def _definition(view: LakeView) -> dict[str, Any]:
    """Return the JSON that Athena reads, as text around the database, whose name is the stage's."""
    columns = [{"name": name, "type": _TYPES.get(kind, kind)} for name, (kind, _) in view.columns.items()]
    before = json.dumps({"originalSql": view.sql, "catalog": "awsdatacatalog", "columns": columns})
    return {"Fn::Join": ["", [before.removesuffix("}") + ', "schema": "', _DATABASE, '"}']]}


def _projection(folder: str) -> dict[str, Any]:
    return {
        "EXTERNAL": "TRUE",
        "classification": "parquet",
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": f"{FIRST_DAY},NOW",
        # In two pieces, or the deployment tool would look for a variable of its own.
        "storage.location.template": _location(f"{folder}/dt=$", "{dt}/"),
    }


def _storage(columns: Mapping[str, str], folder: str) -> dict[str, Any]:
    return {
        "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
        "Location": _location(f"{folder}/"),
        "InputFormat": f"{_FORMAT}.MapredParquetInputFormat",
        "OutputFormat": f"{_FORMAT}.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{_FORMAT}.serde.ParquetHiveSerDe"},
    }


def _location(*path: str) -> dict[str, Any]:
    return {"Fn::Join": ["", ["s3://", _BUCKET, "/", *path]]}
