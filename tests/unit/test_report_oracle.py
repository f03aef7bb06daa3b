"""The figures of the report are those of pandas and empyrical, which `make oracle` records."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fanfold.messages import Fill
from fanfold.performance.measuring import Part, Performance, Traded, measure

TESTS = Path(__file__).resolve().parents[1]
RECORDED = json.loads((TESTS / "oracles" / "recorded" / "performance.json").read_text())
START = 1_767_225_600  # 2026-01-01, midnight UTC
OF_TRIPS = ("round_trips", "win_rate", "profit_factor", "expectancy", "best", "worst")
RATIOS = ("equity", "total_return", "buy_and_hold", "fees", "days", "sharpe", "sortino", "cagr", "invested",
          "gross_exposure")  # fmt: skip


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def fill(entry: dict[str, Any]) -> Fill:
    figures = {name: Decimal(str(entry[name])) for name in ("quantity", "price", "fee")}
    names = {name: entry[name] for name in ("instance", "instrument", "side", "order_id")}
    return Fill(account="main", venue="paper", client_order_id="c", trade_id=entry["order_id"], liquidity="taker",
                at=datetime.fromisoformat(entry["at"]), **names, **figures)  # fmt: skip


def measured(run: dict[str, Any]) -> Performance:
    closes = {
        seconds(at): {name: Decimal(str(price)) for name, price in row.items()} for at, row in run["closes"].items()
    }
    instruments = sorted({entry["instrument"] for entry in run["fills"]})
    fills = [fill(entry) for entry in run["fills"]]
    return measure(Traded(accounts=["main"], currency="USDT", cash=Decimal(run["cash"]), instruments=instruments,
                          fills=fills, closes=closes), START)  # fmt: skip


def profits(parts: list[Part]) -> dict[str, float]:
    return {part.name: float(part.profit) for part in parts}


@pytest.mark.parametrize("run", RECORDED["runs"], ids=["sideways", "rising", "falling"])
def test_the_report_says_what_pandas_and_empyrical_say(run: dict[str, Any]) -> None:
    answers, measures = run["answers"], measured(run)
    for name in RATIOS:
        assert float(getattr(measures, name)) == pytest.approx(answers[name], rel=1e-9), name
    for name in OF_TRIPS:
        assert float(getattr(measures.trips, name)) == pytest.approx(answers[name], rel=1e-9), name
    assert measures.trips.average_held_s == round(answers["average_held_s"])
    assert measures.drawdown is not None
    assert float(measures.drawdown.share) == pytest.approx(answers["drawdown"], rel=1e-9)
    assert (measures.drawdown.peak, measures.drawdown.low) == (seconds(answers["peak"]), seconds(answers["low"]))
    for name in ("by_strategy", "by_instrument", "by_day"):
        assert profits(getattr(measures, name)) == pytest.approx(answers[name], rel=1e-9, abs=1e-6), name


def test_the_answers_are_those_of_the_locked_libraries() -> None:
    locked = (TESTS / "oracles" / "requirements.txt").read_text()
    assert [f"{name}=={version} " in locked for name, version in RECORDED["made_with"].items()] == [True, True]
