"""A run says which strategies failed, said nothing or were never warmed up, and since when."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import UNSET, UnsetType

from fanfold import desk
from fanfold.cli.idle_legs import Legs, LegWatch, reason_text
from fanfold.messages import LegCode, LegState, LegStatus, Target, Targets
from fanfold.performance.texts import length
from support.core_desk import A, B, instance, raw

FIRST = 1_772_323_260  # 2026-03-01 00:01
LAST = FIRST + 59 * 60
AT_FIRST = "first at 2026-03-01 00:01:00"


def at(minute: int) -> datetime:
    return datetime.fromtimestamp(FIRST + minute * 60, UTC)


def status(code: LegCode, detail: str = "", minute: int = 0, was: LegCode | UnsetType = UNSET) -> LegStatus:
    states = [LegState(instance="trend", instrument=A, code=code, detail=detail, was=was)]
    return LegStatus(id=f"{minute}", cause="", at=at(minute), account="main", statuses=states)


def targets(*instruments: str, name: str = "trend", weight: float = 1.0) -> Targets:
    said = [
        Target(signal_id=instrument, instance=name, instrument=instrument, timeframe="1m", weight=weight)
        for instrument in instruments
    ]
    return Targets(id="", cause="", at=at(0), account="main", poll_id="b", targets=said)


def desk_of(**changes: Any) -> desk.Desk:
    tables = raw()
    tables["strategies"] = {"trend": instance(**{"instruments": [A, B], "timeframe": "1m"} | changes)}
    return desk.build(tables, "the test's desk")


def legs(**changes: Any) -> Legs:
    return Legs(desk_of(**changes))


def texts(run_legs: Legs) -> list[str]:
    return [report.text for report in run_legs.reports(FIRST, LAST)]


def test_a_leg_that_gave_a_target_is_not_reported() -> None:
    run_legs = legs()
    run_legs.targets(targets(A, B))
    assert texts(run_legs) == []


def test_a_strategy_that_never_wanted_a_position_is_named_and_is_no_failure() -> None:
    run_legs = legs()
    run_legs.targets(targets(A, B, weight=0.0))
    assert run_legs.wanted_nothing() == {"trend": 2}
    assert texts(run_legs) == []
    run_legs.targets(targets(B))
    assert run_legs.wanted_nothing() == {}


def test_a_leg_that_never_gave_a_target_is_a_failure() -> None:
    run_legs = legs()
    run_legs.targets(targets(A))
    assert texts(run_legs) == [f"trend {B}: gave no target in the whole run"]
    assert run_legs.reports(FIRST, LAST)[0].failed


def test_a_leg_none_of_whose_bars_closed_is_not_silent() -> None:
    assert [report.code for report in legs(timeframe="1h").reports(FIRST, FIRST + 30 * 60)] == []
    assert [report.code for report in legs(timeframe="1h").reports(FIRST, LAST)] == ["SILENT", "SILENT"]


def test_a_fault_is_told_with_its_first_time_and_stays_a_failure_when_the_leg_trades_again() -> None:
    run_legs = legs()
    run_legs.targets(targets(A, B))
    run_legs.status(status(LegCode.FAULT, "RuntimeError: boom on bar 50 (bug50.py, line 27)", 50))
    run_legs.status(status(LegCode.OK, "", 51))
    run_legs.status(status(LegCode.FAULT, "RuntimeError: boom again", 52))
    (leg,) = run_legs.reports(FIRST, LAST)
    assert leg.text == f"trend {A}: FAILED: RuntimeError: boom again; first at 2026-03-01 00:51:00, reported 2 times"
    assert leg.failed


@pytest.mark.parametrize(("spoke", "failed"), [((), True), ((A,), False)])
def test_a_leg_that_was_never_warmed_up_is_a_failure_unless_it_spoke(spoke: tuple[str, ...], failed: bool) -> None:
    run_legs = legs(instruments=[A])
    run_legs.targets(targets(*spoke))
    run_legs.status(status(LegCode.WARMING_UP, "81 of 120 bars"))
    assert texts(run_legs) == ([f"trend {A}: was never warmed up: 81 of 120 bars; {AT_FIRST}"] if failed else [])
    assert all(report.failed for report in run_legs.reports(FIRST, LAST))


def test_a_leg_that_waits_for_its_lookback_is_warming_up_until_the_run_ends() -> None:
    assert reason_text("WARMING_UP", "81 of 120 bars") == "warming up: 81 of 120 bars"


@pytest.mark.parametrize("code", [LegCode.BELOW_MINIMUM, LegCode.DUST, LegCode.MISSING_BARS, LegCode.NO_PRICE])
def test_a_leg_blocked_by_the_market_is_reported_and_is_no_failure(code: LegCode) -> None:
    run_legs = legs(instruments=[A])
    run_legs.targets(targets(A))
    run_legs.status(status(code, "0.00001 is below 0.001"))
    (leg,) = run_legs.reports(FIRST, LAST)
    assert (leg.code, leg.failed) == (code, False)
    assert "0.00001 is below 0.001; first at 2026-03-01 00:01:00" in leg.text


def test_a_leg_that_warmed_up_is_still_stopped_out() -> None:
    run_legs = legs(instruments=[A])
    run_legs.targets(targets(A))
    run_legs.status(status(LegCode.MISSING_BARS, "", 1))
    run_legs.status(status(LegCode.STOPPED_OUT, "stop at 99", 2))
    run_legs.status(status(LegCode.OK, "", 3, was=LegCode.MISSING_BARS))
    assert texts(run_legs) == [f"trend {A}: was stopped out: stop at 99; first at 2026-03-01 00:03:00"]


def test_a_leg_with_two_troubles_is_reported_for_both_and_loses_each_by_itself() -> None:
    run_legs = legs(instruments=[A])
    run_legs.targets(targets(A))
    run_legs.status(status(LegCode.FAULT, "RuntimeError: boom", 1))
    run_legs.status(status(LegCode.NO_PRICE, "", 2))
    assert [report.code for report in run_legs.reports(FIRST, LAST)] == ["NO_PRICE", "FAULT"]
    run_legs.status(status(LegCode.OK, "", 3, was=LegCode.NO_PRICE))
    assert [report.code for report in run_legs.reports(FIRST, LAST)] == ["FAULT"]


def test_spans_are_told_in_days_and_hours() -> None:
    assert [length(minutes) for minutes in (120 * 1_440, 3_000, 61, 1, 0)] == [
        "120 days",
        "2 days 2 hours",
        "1 hour 1 minute",
        "1 minute",
        "0 minutes",
    ]


class Views:
    """The recorded states of legs."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []

    def of_account(self, account: str, kind: str) -> list[dict[str, Any]]:
        assert (account, kind) == ("main", "leg#")
        return self.states


def test_while_a_run_goes_on_each_reason_is_told_once() -> None:
    views = Views()
    watch = LegWatch(views, desk_of())  # type: ignore[arg-type]
    assert list(watch.news()) == []
    state = {"instance": "trend", "instrument": A, "code": "FAULT", "detail": "RuntimeError: boom (bug50.py, line 27)"}
    views.states = [{"at": at(3).isoformat(), "status": state}]
    assert list(watch.news()) == [f"trend {A}: FAILED: RuntimeError: boom (bug50.py, line 27)"]
    assert list(watch.news()) == []
    views.states[0]["status"] = state | {"code": "OK"}
    assert list(watch.news()) == []


def test_of_a_leg_that_left_the_desk_file_a_run_tells_nothing() -> None:
    views = Views()
    gone = {"instance": "gone", "instrument": A, "code": "WARMING_UP", "detail": "3 of 100 bars"}
    views.states = [{"at": at(3).isoformat(), "status": gone}]
    assert list(LegWatch(views, desk_of()).news()) == []  # type: ignore[arg-type]
