"""`fanfold backtest --fidelity full` says what the fast one says, and the orders and refusals with the ids of a run."""

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fanfold.cli.main import main
from fanfold.errors import BadInput
from fanfold.local import run_plan
from fanfold.research import backtest, backtest_orders, verdict
from fanfold.research.backtesting import Frictions, of_plan
from fanfold.simulation.full_run import full_run
from fanfold.strategy import contract, folder
from support.own_strategy import ALWAYS_LONG

ROOT = Path(__file__).resolve().parents[2]
DESK = ROOT / "desk.toml"
SHIPPED = [name for name in contract.names() if name != contract.EXTERNAL]


def changed_desk(directory: Path, before: str, after: str) -> Path:
    """Write the repository's desk with another line."""
    text = DESK.read_text()
    assert before in text
    path = directory / "desk.toml"
    path.write_text(text.replace(before, after))
    return path


def rows(table: pa.Table, columns: list[str]) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in table.select(columns).to_pylist())


def answer(capsys: Any, *words: str) -> dict[str, Any]:
    assert main(["backtest", *words, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.parametrize("strategy", SHIPPED)
def test_full_says_what_fast_says(strategy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (strategy, "--desk", str(DESK), "--minutes", "240", "--fees", "12")
    fast = answer(capsys, *words, "--html", str(tmp_path / "fast.html"))
    full = answer(capsys, *words, "--html", str(tmp_path / "full.html"), "--fidelity", "full")
    own, others = full["accounts"]["main"], fast["accounts"]["main"]
    assert own["metrics"] == others["metrics"]
    assert own["metrics"]["fills"] > 5
    assert full["provenance"] == fast["provenance"]
    assert [order["order_id"] for order in own["orders"] if order["state"] == "FILLED"]
    first, second = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("fast", "full"))
    # Which fidelity it was stands among the facts.
    assert first.pop("facts") != second.pop("facts")
    assert first == second


def test_a_back_test_with_another_latency_is_another_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("sma_cross", "--desk", str(DESK), "--minutes", "60", "--library", str(tmp_path))
    at_once, late = answer(capsys, *words), answer(capsys, *words, "--latency", "60")
    assert at_once["run"] != late["run"]
    assert (at_once["provenance"]["latency_s"], late["provenance"]["latency_s"]) == (0, 60)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"frictions": Frictions(latency_s=-60)}, "latency_s is -60"),
        ({"frictions": Frictions(latency_s=1.5)}, r"latency_s is 1\.5"),  # type: ignore[arg-type]
        ({"frictions": Frictions(latency_s=241)}, "meets no bar before it expires.*order_ttl_s = 300"),
        ({"frictions": Frictions(slippage_bps=9_999)}, "from 0 to below 9,999"),
        ({"frictions": Frictions(fee_bps=float("inf"))}, "fee_bps is inf"),
        ({"fidelity": "quick"}, "must be one of fast, full"),
        ({"minutes": 0}, "minutes is 0"),
        ({"since": "yesterday"}, "since is 'yesterday'; it must be whole epoch seconds, or a time"),
        ({"cash": Decimal("nan")}, "cash is NaN"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        backtest("sma_cross", desk=DESK, **{"minutes": 60, **options})


@pytest.mark.parametrize("data", [pa.table({"time": [1], "close": [2.0]}), np.ones(3), None, [pa.table({"time": [1]})]])
def test_bars_in_memory_are_told_to_be_written_to_a_file(data: Any) -> None:
    for call in (backtest, verdict, backtest_orders):
        with pytest.raises(BadInput, match=r"must (have )?names? (of )?files"):
            call("sma_cross", data) if call is not backtest_orders else call(data, [])


def test_a_span_may_be_of_texts_and_datetimes() -> None:
    dates: list[Any] = [datetime(2026, 1, 5), date(2026, 1, 5)]  # noqa: DTZ001 - without a zone
    spans = [
        backtest("sma_cross", desk=DESK, since=since, minutes=60)
        for since in (1_767_571_200, np.int64(1_767_571_200), "2026-01-05", "2026-01-05T01:00+01:00", *dates)
    ]
    assert {span.start for span in spans} == {1_767_571_200}


def test_costs_may_be_floats() -> None:
    written, exact = (
        backtest("sma_cross", desk=DESK, minutes=60, frictions=Frictions(fee_bps=fee)) for fee in (7.5, Decimal("7.5"))
    )
    assert written.account.metrics == exact.account.metrics
    assert written.provenance == exact.provenance


def test_ids_are_those_of_a_run_and_refusals_have_their_figures(tmp_path: Path) -> None:
    desk = changed_desk(tmp_path, "[limits.main]", "[limits.main]\norders_per_minute_max = 2")
    limited = run_plan.plan(desk, [], None, {}, None, None, 300)
    account = of_plan(limited, fidelity="full").account
    run = full_run(limited.desk, limited.recordings, limited.start, limited.until)
    assert account.orders is not None
    assert account.orders["order_id"].to_pylist() == [order.order_id for order in run.orders]
    assert account.fills["trade_id"].to_pylist() == [fill.trade_id for fill in run.fills]
    assert account.refusals["order_id"].to_pylist() == [refusal.order.order_id for refusal in run.refusals]
    assert "ORDER_RATE" in account.refusals["code"].to_pylist()
    assert account.refusals["detail"].to_pylist() == [refusal.detail for refusal in run.refusals]
    fast = of_plan(limited).account
    assert fast.equity.equals(account.equity)
    columns = ["at", "instance", "instrument", "code"]
    assert rows(fast.refusals, columns) == rows(account.refusals, columns)
    columns = ["at", "instance", "instrument", "quantity", "price", "fee", "slippage"]
    assert rows(fast.fills, columns) == rows(account.fills, columns)
    columns = ["at", "instance", "instrument", "opened_at", "quantity", "cost", "fees", "profit"]
    assert rows(fast.trips, columns) == rows(account.trips, columns)


def test_orders_that_rest_are_of_full_fidelity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = changed_desk(tmp_path, 'strategy = "sma_cross"', 'strategy = "sma_cross"\norder = "limit"')
    words = ("trend", "--desk", str(desk), "--minutes", "200")
    assert main(["backtest", *words]) == 2
    assert "take --fidelity full" in capsys.readouterr().err
    orders = answer(capsys, *words, "--fidelity", "full")["accounts"]["main"]["orders"]
    assert {order["state"] for order in orders} >= {"FILLED"}
    assert main(["backtest", *words, "--fidelity", "full"]) == 0
    assert f"orders        {len(orders)} approved" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after", "words", "reason"),
    [
        ("[venues", "[venues", ["--latency", "5"], "leave --latency out"),
        ('strategy = "sma_cross"\nparams = { fast = 20, slow = 100 }', 'strategy = "external"', [], "by webhook"),
    ],
)
def test_what_bars_cannot_tell_is_refused(
    before: str, after: str, words: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = changed_desk(tmp_path, before, after)
    assert main(["backtest", "--desk", str(desk), "--minutes", "30", "--fidelity", "full", *words]) == 2
    assert reason in capsys.readouterr().err


def test_a_position_worth_more_than_64_bits_is_refused() -> None:
    planned = run_plan.plan(DESK, [], "sma_cross", {}, None, None, 30, cash=Decimal(10) ** 12)
    with pytest.raises(BadInput, match="more than 64 bits hold in units of 1e-8"):
        of_plan(planned, fidelity="full")


def test_a_profit_too_far_for_64_bits_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It wrapped around, and was taken at once."""
    text = ALWAYS_LONG.replace("import Bars", "import Bars, Protected").replace("float]:", "Protected]:")
    path = tmp_path / "far_profit.py"
    path.write_text(text.replace("state, 1.0", "state, Protected(1.0, take_profit=3e10)"))
    assert main(["backtest", str(path), "--minutes", "30"]) == 2
    folder.use(None)
    assert "a nearer take_profit" in capsys.readouterr().err


def test_fees_may_be_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account = answer(
        capsys, "sma_cross", "--desk", str(DESK), "--minutes", "300", "--fees", "0", "--library", str(tmp_path)
    )
    assert account["accounts"]["main"]["metrics"]["fees"] == "0E-8"
    assert account["accounts"]["main"]["metrics"]["fills"] > 0


def test_more_cash_than_any_record_holds_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sma_cross", "--desk", str(DESK), "--minutes", "300", "--cash", "1e60", "--library", str(tmp_path)]
    assert main(["backtest", *words]) == 2
    assert "`cash` is 1E+60; it must be at most 1,000,000,000,000,000" in capsys.readouterr().err
