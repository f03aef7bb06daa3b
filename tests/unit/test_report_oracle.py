"""The figures of the report and of a back-test are those of pandas and empyrical, which `make oracle` records."""

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from fanfold.messages import Fill
from fanfold.performance.measuring import Part, Performance, Traded, measure
from fanfold.performance.round_trips import round_trips
from fanfold.research.figures import TradedFigures, metrics_of
from fanfold.research.result import AccountMetrics
from fanfold.research.tape import FillField, TripField

TESTS = Path(__file__).resolve().parents[1]
RECORDED = json.loads((TESTS / "oracles" / "recorded" / "performance.json").read_text())
START = 1_767_225_600  # 2026-01-01, midnight UTC
OF_TRIPS = ("round_trips", "win_rate", "profit_factor", "expectancy", "best", "worst")
RATIOS = ("equity", "total_return", "buy_and_hold", "fees", "days", "sharpe", "sortino", "cagr", "invested",
          "gross_exposure")  # fmt: skip


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def fill(entry: dict[str, Any]) -> Fill:
    figures: dict[str, Any] = {name: Decimal(str(entry[name])) for name in ("quantity", "price", "fee")}
    figures |= {name: entry[name] for name in ("instance", "instrument", "side", "order_id")}
    return Fill(account="main", venue="paper", client_order_id="c", trade_id=entry["order_id"], liquidity="taker",
                at=datetime.fromisoformat(entry["at"]), **figures)  # fmt: skip


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


def backtested(run: dict[str, Any]) -> AccountMetrics:
    """Return the metrics of a back-test that had these fills and closes."""
    closes = {
        seconds(at): {name: Decimal(str(price)) for name, price in row.items()} for at, row in run["closes"].items()
    }
    fills, cash, held = (
        sorted(map(fill, run["fills"]), key=lambda each: each.at),
        Decimal(run["cash"]),
        dict[str, Decimal](),
    )
    curve, left = [], list(fills)
    for at, prices in closes.items():
        while left and left[0].at.timestamp() <= at:
            booked = left.pop(0)
            signed = booked.quantity if booked.side == "buy" else -booked.quantity
            held[booked.instrument] = held.get(booked.instrument, Decimal(0)) + signed
            cash -= signed * booked.price + booked.fee
        worths = [quantity * prices[name] for name, quantity in held.items()]
        curve.append((cash + sum(worths), sum(map(abs, worths), Decimal(0))))
    rows, trips = np.zeros((len(fills), len(FillField)), np.int64), round_trips(fills)
    rows[:, FillField.FEE] = units(each.fee for each in fills)
    closed = np.zeros((len(trips), len(TripField)), np.int64)
    closed[:, TripField.PROFIT] = units(trip.profit for trip in trips)
    first, last = (list(closes.values())[place] for place in (0, -1))
    return metrics_of(
        TradedFigures(
            scale=8, since=START, cash=int(units([Decimal(run["cash"])])[0]), closed=np.array(list(closes)),
            equity=units(equity for equity, _ in curve), gross=units(gross for _, gross in curve), fills=rows,
            notional=units(each.quantity * each.price for each in fills), paid_over=np.zeros(0, np.int64), trips=closed,
            held_s=np.array([int(trip.held_s) for trip in trips]), growth=[last[name] / first[name] for name in last],
        )
    )  # fmt: skip


def units(values: Iterable[Decimal]) -> np.ndarray:
    return np.array([int(value.scaleb(8)) for value in values], np.int64)


@pytest.mark.parametrize("run", RECORDED["runs"], ids=["sideways", "rising", "falling"])
def test_each_metric_of_a_back_test_is_what_pandas_and_empyrical_say(run: dict[str, Any]) -> None:
    answers, metrics = run["answers"], backtested(run)
    names = {field.name for field in msgspec.structs.fields(AccountMetrics)} & set(answers) - {"drawdown"}
    assert names >= {"cagr", "volatility", "sharpe", "sortino", "calmar", "turnover", "invested", "drawdown_longest_s"}
    for name in names:
        assert float(getattr(metrics, name)) == pytest.approx(answers[name], rel=1e-9), name
    for name in OF_TRIPS:
        assert float(getattr(metrics.trips, name)) == pytest.approx(answers[name], rel=1e-9), name
    assert metrics.drawdown is not None
    assert float(metrics.drawdown.share) == pytest.approx(answers["drawdown"], rel=1e-9)


def test_the_answers_are_those_of_the_locked_libraries() -> None:
    locked = (TESTS / "oracles" / "requirements.txt").read_text()
    assert [f"{name}=={version} " in locked for name, version in RECORDED["made_with"].items()] == [True, True]
