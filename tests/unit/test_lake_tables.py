"""The rows that a message adds to the lake, which are those of the catalogue."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from fanfold.audit.lake_schema import TABLES, LakeRow, rows_of
from fanfold.audit.lake_views import VIEWS
from fanfold.aws.s3.lake import encoded
from fanfold.codes import Code
from fanfold.market import bars
from fanfold.market.bars import Bar, Series
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Message,
    Order,
    OrdersApproved,
    OrdersRefused,
    Refusal,
    Target,
    Targets,
    TradingState,
    TradingStateChanged,
)
from fanfold.research.sweeping.trial_rows import row_schema
from fanfold_dev.documents import glue_catalog
from support.order_messages import fill_of, update_of

AT = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
ORDER = Order(
    order_id="o1",
    client_order_id="c1",
    signal_id="s1",
    account="main",
    venue="sim",
    instance="trend",
    instrument="BTC/USDT",
    side="buy",
    kind="market",
    quantity=Decimal("0.5"),
    reference_price=Decimal(100),
    reserved=Decimal("50.5"),
    decided_at=AT,
    expires_at=AT,
)
FILL = fill_of(ORDER, trade_id="t1", price=Decimal("100.25"), fee=Decimal("0.05"), at=datetime(2026, 2, 1, tzinfo=UTC))
UPDATE = update_of(ORDER)
SERIES = Series(
    instrument="BTC/USDT",
    timeframe="1m",
    price_scale=2,
    volume_scale=3,
    after=0,
    bars=[
        Bar(1_769_903_940, 10_000, 10_100, 9_900, 10_050, 1_500),
        Bar(1_769_904_000, 10_050, 10_060, 10_040, 10_055, 7),
    ],
)
REPORT = ExecutionReport(
    id="m4", cause="m3", at=AT, account="main", venue="sim", updates=[UPDATE, UPDATE], fills=[FILL], matched=True
)
MESSAGES: list[Message] = [
    BarsClosed(id="m1", cause="", at=AT, venue="sim", frames=bars.pack([SERIES])),
    Targets(
        id="m2",
        cause="m1",
        at=AT,
        account="main",
        poll_id="m0",
        targets=[Target(signal_id="s1", instance="trend", instrument="BTC/USDT", timeframe="1m", weight=0.25)],
    ),
    OrdersApproved(id="m3", cause="m2", at=AT, account="main", orders=[ORDER]),
    OrdersRefused(
        id="m5",
        cause="m2",
        at=AT,
        account="main",
        refusals=[Refusal(order=ORDER, code=Code.KILL_STATE, detail="by hand")],
    ),
    REPORT,
]


def rows(message: Message, table: str) -> list[LakeRow]:
    return [row for row in rows_of(message) if row.table == table]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_rows_have_only_columns_of_their_table_and_all_of_its_key(message: Message) -> None:
    made = list(rows_of(message))
    assert made
    for row in made:
        table = TABLES[row.table]
        assert row.values.keys() <= table.columns.keys()
        assert all(row.values.get(name) is not None for name in table.key)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_the_same_message_adds_the_same_rows(message: Message) -> None:
    assert list(rows_of(message)) == list(rows_of(message))


def test_a_bar_has_exact_prices_and_lies_in_the_day_of_its_close() -> None:
    first, second = rows(MESSAGES[0], "bars")
    assert (first.values["high"], first.values["low"], first.values["volume"]) == (101, 99, Decimal("1.5"))
    assert (first.dt, second.dt) == ("2026-01-31", "2026-02-01")


def test_a_refused_order_keeps_its_code_and_detail() -> None:
    (row,) = rows(MESSAGES[3], "orders")
    assert (row.values["state"], row.values["code"], row.values["detail"]) == ("REFUSED", "KILL_STATE", "by hand")


def test_every_update_of_a_report_is_an_event_of_its_own() -> None:
    assert [row.values["event_id"] for row in rows(REPORT, "orders")] == ["m4-0", "m4-1"]


def test_a_trade_lies_in_the_day_of_its_fill() -> None:
    (row,) = rows(REPORT, "trades")
    assert (row.dt, row.values["price"], row.values["message_id"]) == ("2026-02-01", Decimal("100.25"), "m4")


def test_a_halt_adds_no_rows() -> None:
    halt = TradingStateChanged(
        id="m6", cause="", at=AT, account="main", state=TradingState.HALTED, reason="drill", actor="me"
    )
    assert list(rows_of(halt)) == []


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_has_its_key_and_sort_among_its_columns(table: msgspec.Struct) -> None:
    assert {*table.key, *table.sort} <= table.columns.keys()  # type: ignore[attr-defined]


def test_the_catalogue_file_is_current() -> None:
    assert glue_catalog.PATH.read_text() == glue_catalog.text(), "run `make documents`"


def test_the_catalogue_has_every_table_with_its_columns_and_projected_days() -> None:
    resources = glue_catalog.catalogue()["Resources"]
    for table in TABLES.values():
        made = resources[f"{table.name.capitalize()}Table"]["Properties"]["TableInput"]
        assert {column["Name"]: column["Type"] for column in made["StorageDescriptor"]["Columns"]} == table.columns
        assert made["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]
        _, pieces = made["Parameters"]["storage.location.template"]["Fn::Join"]
        template = "".join(piece if isinstance(piece, str) else "lake" for piece in pieces)
        assert template == f"s3://lake/{table.name}/dt=${{dt}}/"


def test_trials_are_a_table_of_the_columns_that_their_files_have(tmp_path: Path) -> None:
    """DuckDB says what is in a file; these are Athena's names for its types."""
    file = tmp_path / "000000000-1.parquet"
    file.write_bytes(encoded(row_schema().empty_table()))
    athena = {
        "VARCHAR": "string", "BIGINT": "bigint", "DOUBLE": "double", "DECIMAL(38,18)": "decimal(38,18)",
        "TIMESTAMP WITH TIME ZONE": "timestamp",
    }  # fmt: skip
    described = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{file}')").fetchall()
    made = glue_catalog.catalogue()["Resources"]["TrialsTable"]["Properties"]["TableInput"]
    columns = made["StorageDescriptor"]["Columns"]
    assert columns == [{"Name": name, "Type": athena[kind]} for name, kind, *_ in described]
    assert made["StorageDescriptor"]["Location"]["Fn::Join"][1][-1] == "research/trials/"


def test_the_catalogue_has_every_view_as_athena_stores_one() -> None:
    resources = glue_catalog.catalogue()["Resources"]
    for view in VIEWS.values():
        made = resources[f"{view.name.title().replace('_', '')}View"]["Properties"]["TableInput"]
        assert (made["Name"], made["TableType"]) == (view.name, "VIRTUAL_VIEW")
        assert made["Parameters"]["presto_view"] == "true"
        # "At least an empty list", says Glue's reference (CreateTable, TableInput) of what Athena is to read.
        assert made["PartitionKeys"] == []
        definition = json.loads(stored_definition(made["ViewOriginalText"]))
        assert (definition["originalSql"], definition["schema"]) == (view.sql, "fanfold_dev")
        types = [column["Type"] for column in made["StorageDescriptor"]["Columns"]]
        names = {"string": "varchar", "timestamp": "timestamp(3)"}
        assert [column["type"] for column in definition["columns"]] == [names.get(kind, kind) for kind in types]
        assert [column["name"] for column in definition["columns"]] == list(view.columns)


def stored_definition(text: dict[str, Any]) -> str:
    """The JSON in the comment, as CloudFormation puts it together for the database fanfold_dev."""
    before, definition, after = text["Fn::Join"][1]
    assert (before, after) == ("/* Presto View: ", " */")
    pieces = definition["Fn::Base64"]["Fn::Join"][1]
    return "".join(piece if isinstance(piece, str) else "fanfold_dev" for piece in pieces)
