"""The saved queries of the workgroup, and views of fills, over a day at prices and amounts as markets have them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fanfold.audit import lake_schema
from fanfold.audit.lake_schema import LakeRow
from fanfold.aws.s3.lake import S3Lake
from fanfold.cli import sql
from fanfold.codes import Code
from fanfold.messages import ExecutionReport, Fill, Message, Order, OrdersApproved, OrdersRefused, Refusal
from support.packaged_stages import templates

DAY = datetime(2026, 3, 2, tzinfo=UTC)
# From a coin of a billionth of a dollar to more than all that is traded in a day.
PRICES = [Decimal(text) for text in ("0.000000000123", "1.5", "500", "60000", "123456.789", "9999999.99")]
AMOUNTS = [Decimal(text) for text in ("0.000000000000000001", "0.1", "3", "250000", "99999999")]


class Traded(NamedTuple):
    price: Decimal
    quantity: Decimal
    at: datetime
    account: str
    side: str

    @property
    def fee(self) -> Decimal:
        return Decimal("0.25")


def day() -> list[Traded]:
    pairs = [(price, quantity) for price, quantity in product(PRICES, AMOUNTS) if price * quantity < Decimal(10) ** 20]
    return [Traded(price, quantity, DAY + timedelta(minutes=n), ("main", "other")[n % 2], ("buy", "sell")[n % 3 == 0])
            for n, (price, quantity) in enumerate(pairs)]  # fmt: skip


def messages_of(n: int, traded: Traded) -> Iterator[Message]:
    """An order, decided at a hundredth below its price, and the fill that it came to."""
    named: dict[str, Any] = {
        "order_id": f"o{n}",
        "client_order_id": f"c{n}",
        "account": traded.account,
        "venue": "sim",
        "instance": "trend",
        "instrument": "BTC/USDT",
        "side": traded.side,
        "quantity": traded.quantity,
    }
    order = Order(
        signal_id=f"s{n}",
        kind="market",
        reserved=Decimal(1),
        decided_at=traded.at,
        expires_at=DAY,
        reference_price=traded.price * Decimal("0.99"),
        **named,
    )
    origin: dict[str, Any] = {"cause": f"x{n}", "at": traded.at, "account": traded.account}
    yield OrdersApproved(id=f"a{n}", orders=[order], **origin)
    refused = Refusal(order=order, code=(Code.CASH, Code.STALE_BAR)[n % 2], detail="")
    yield OrdersRefused(id=f"r{n}", refusals=[refused], **origin)
    fill = Fill(trade_id=f"t{n}", price=traded.price, fee=traded.fee, liquidity="taker", at=traded.at, **named)
    yield ExecutionReport(
        id=f"e{n}",
        venue="sim",
        matched=True,
        updates=[],
        fills=[fill],
        positions=[],
        cash=Decimal(0),
        version=1,
        **origin,
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Sequence[Path]]:
    """The day as the lake's own writer puts it, as files."""
    folder = tmp_path_factory.mktemp("lake")

    def call(_service: str, operation: str, parameters: Any) -> dict[str, Any]:
        assert operation == "PutObject"
        (folder / parameters["Key"]).parent.mkdir(parents=True, exist_ok=True)
        (folder / parameters["Key"]).write_bytes(parameters["Body"])
        return {}

    rows = defaultdict[tuple[str, str], list[LakeRow]](list)
    for n, traded in enumerate(day()):
        for message in messages_of(n, traded):
            for row in lake_schema.rows_of(message):
                rows[row.table, row.dt].append(row)
    for (table, dt), table_rows in rows.items():
        S3Lake(call, "lake").write(lake_schema.TABLES[table], dt, "all", table_rows)
    return sql.files_in(folder)


def saved() -> dict[str, str]:
    return {resource["Properties"]["Name"]: resource["Properties"]["QueryString"]
            for resource in templates("dev")["platform"]["Resources"].values()
            if resource["Type"] == "AWS::Athena::NamedQuery"}  # fmt: skip


def of(account: str) -> list[Traded]:
    return [traded for traded in day() if traded.account == account]


def turnover(account: str) -> float:
    return float(sum((traded.price * traded.quantity for traded in of(account)), Decimal(0)))


def test_each_of_three_saved_queries_returns_no_row_from_an_empty_lake() -> None:
    assert set(saved()) == {"positions", "fills-by-day", "refusals-by-reason"}
    assert [text for text in saved().values() if sql.query(text, {}).rows] == []


def test_fills_by_day_sum_the_turnover(lake: Mapping[str, Sequence[Path]]) -> None:
    rows = sql.query(saved()["fills-by-day"], lake).rows
    assert [row[:3] for row in rows] == [("2026-03-02", name, len(of(name))) for name in ("main", "other")]
    assert [row[3] for row in rows] == pytest.approx([turnover("main"), turnover("other")])


def test_positions_are_the_sum_of_fills(lake: Mapping[str, Sequence[Path]]) -> None:
    signed = {name: [traded.quantity if traded.side == "buy" else -traded.quantity for traded in of(name)]
              for name in ("main", "other")}  # fmt: skip
    held = {name: sum(quantities, Decimal(0)) for name, quantities in signed.items()}
    assert sql.query(saved()["positions"], lake).rows == [(name, "BTC/USDT", held[name]) for name in held]


def test_refusals_are_counted_by_code(lake: Mapping[str, Sequence[Path]]) -> None:
    counts = {row[0]: row[1] for row in sql.query(saved()["refusals-by-reason"], lake).rows}
    assert counts == {"CASH": -(-len(day()) // 2), "STALE_BAR": len(day()) // 2}


def test_values_of_fills_are_exact_to_the_last_decimal_of_the_lake(lake: Mapping[str, Sequence[Path]]) -> None:
    with localcontext(Context(prec=100)):
        values = [(traded.price * traded.quantity).quantize(Decimal(1).scaleb(-18), ROUND_HALF_UP) for traded in day()]
    assert sql.query("SELECT value FROM fills ORDER BY at", lake).rows == [(value,) for value in values]


def test_a_slip_of_a_hundredth_costs_101_basis_points(lake: Mapping[str, Sequence[Path]]) -> None:
    rows = sql.query("SELECT side, arrival_bps FROM slippage", lake).rows
    assert len(rows) == len(day())
    assert [bps for side, bps in rows] == pytest.approx(
        [10_000 / 99 if side == "buy" else -10_000 / 99 for side, _ in rows], rel=1e-3
    )
