"""The saved queries of the workgroup over a traded day, at prices and amounts as markets have them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
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
    found = [(price, quantity) for price, quantity in product(PRICES, AMOUNTS) if price * quantity < Decimal(10) ** 20]
    return [Traded(price, quantity, DAY + timedelta(minutes=n), ("main", "other")[n % 2], ("buy", "sell")[n % 3 == 0])
            for n, (price, quantity) in enumerate(found)]  # fmt: skip


def told(n: int, one: Traded) -> Iterator[Message]:
    """An order, decided at a hundredth below its price, and the fill that it came to."""
    named = {
        "order_id": f"o{n}",
        "client_order_id": f"c{n}",
        "account": one.account,
        "venue": "sim",
        "instance": "trend",
        "instrument": "BTC/USDT",
        "side": one.side,
        "quantity": one.quantity,
    }
    order = Order(
        signal_id=f"s{n}",
        kind="market",
        reserved=Decimal(1),
        decided_at=one.at,
        expires_at=DAY,
        reference_price=one.price * Decimal("0.99"),
        **named,
    )
    origin: dict[str, Any] = {"cause": f"x{n}", "at": one.at, "account": one.account}
    yield OrdersApproved(id=f"a{n}", orders=[order], **origin)
    refused = Refusal(order=order, code=(Code.CASH, Code.STALE_BAR)[n % 2], detail="")
    yield OrdersRefused(id=f"r{n}", refusals=[refused], **origin)
    fill = Fill(trade_id=f"t{n}", price=one.price, fee=one.fee, liquidity="taker", at=one.at, **named)
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

    def call(_service: str, operation: str, asked: Any) -> dict[str, Any]:
        assert operation == "PutObject"
        (folder / asked["Key"]).parent.mkdir(parents=True, exist_ok=True)
        (folder / asked["Key"]).write_bytes(asked["Body"])
        return {}

    rows = defaultdict[tuple[str, str], list[LakeRow]](list)
    for n, one in enumerate(day()):
        for message in told(n, one):
            for row in lake_schema.rows_of(message):
                rows[row.table, row.dt].append(row)
    for (table, dt), some in rows.items():
        S3Lake(call, "lake").write(lake_schema.TABLES[table], dt, "all", some)
    return sql.files_in(folder)


def saved() -> dict[str, str]:
    return {resource["Properties"]["Name"]: resource["Properties"]["QueryString"]
            for resource in templates("dev")["platform"]["Resources"].values()
            if resource["Type"] == "AWS::Athena::NamedQuery"}  # fmt: skip


def of(account: str) -> list[Traded]:
    return [one for one in day() if one.account == account]


def turnover(account: str) -> float:
    return float(sum((one.price * one.quantity for one in of(account)), Decimal(0)))


def test_each_of_five_saved_queries_returns_no_row_from_an_empty_lake() -> None:
    assert set(saved()) == {"positions", "fills-by-day", "refusals-by-reason", "fees", "slippage"}
    assert [text for text in saved().values() if sql.query(text, {}).rows] == []


def test_fills_by_day_sum_the_turnover(lake: Mapping[str, Sequence[Path]]) -> None:
    found = sql.query(saved()["fills-by-day"], lake).rows
    assert [row[:3] for row in found] == [("2026-03-02", name, len(of(name))) for name in ("main", "other")]
    assert [row[3] for row in found] == pytest.approx([turnover("main"), turnover("other")])


def test_fees_are_in_basis_points_of_turnover(lake: Mapping[str, Sequence[Path]]) -> None:
    found = sql.query(saved()["fees"], lake).rows
    for row, name in zip(found, ("main", "other"), strict=True):
        paid = sum((one.fee for one in of(name)), Decimal(0))
        assert row[:3] == ("2026-03-02", name, paid)
        assert row[3] == pytest.approx(10_000 * float(paid) / turnover(name))


def test_positions_are_the_sum_of_fills(lake: Mapping[str, Sequence[Path]]) -> None:
    held = {name: sum((one.quantity if one.side == "buy" else -one.quantity for one in of(name)), Decimal(0))
            for name in ("main", "other")}  # fmt: skip
    assert sql.query(saved()["positions"], lake).rows == [(name, "BTC/USDT", held[name]) for name in held]


def test_refusals_are_counted_by_code(lake: Mapping[str, Sequence[Path]]) -> None:
    found = {row[0]: row[1] for row in sql.query(saved()["refusals-by-reason"], lake).rows}
    assert found == {"CASH": -(-len(day()) // 2), "STALE_BAR": len(day()) // 2}


def test_adverse_slippage_is_positive(lake: Mapping[str, Sequence[Path]]) -> None:
    found = sql.query(saved()["slippage"], lake).rows
    assert {row[1] for row in found} == {"main", "other"}
    for row in found:
        signs = [1 if one.side == "buy" else -1 for one in of(row[1])]
        assert row[4] == len(signs)
        assert row[5] == pytest.approx(10_000 / 99 * sum(signs) / len(signs), rel=1e-3)
