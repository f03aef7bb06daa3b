"""The rules of anomalies: how often they are wrong on quiet days, and what they see of planted ones.

The rates in docs/alerts.md are of the same days and plants, more of each.
"""

from collections import Counter
from functools import cache
from random import Random

import pytest

from alerts_service.hours import anomalies_of
from fanfold.alerts.anomalies import BASE_S, HOUR_S, Hour, fell_silent, success_fell

DAY_S = 86_400
BEGIN_S = 20_000 * DAY_S
DESKS = 60
RULES = ("success", "latency", "fills", "silence")


def quiet_hour(dice: Random, at_s: int, a_day: float) -> Hour:
    """An hour of a desk of so many orders a day, more by day than by night: 2 in 100 fail; latency is log-normal."""
    by_day = 1.5 if 8 <= at_s // HOUR_S % 24 < 20 else 0.5
    orders = sum(dice.random() < a_day / 24 * by_day / 10 for _ in range(10))
    failed = sum(dice.random() < 0.02 for _ in range(orders))
    latency = sum(int(dice.lognormvariate(6.7, 0.4)) for _ in range(orders))
    filled = orders - failed
    return Hour(at_s=at_s, filled=filled, failed=failed, fills=filled, reports=orders, latency_ms=latency)


def desk(seed: int, days: int, a_day: float = 60) -> list[Hour]:
    dice = Random(seed)
    return [quiet_hour(dice, BEGIN_S + number * HOUR_S, a_day) for number in range(days * 24)]


def seen(hours: list[Hour], now_s: int, decided_s: int | None = None) -> set[str]:
    known = [hour for hour in hours if hour.at_s <= now_s]
    alerts = anomalies_of("main", known, now_s, now_s - 60 if decided_s is None else decided_s, 60)
    return {alert.key.split()[1] for alert in alerts if not alert.ended}


@cache
def quiet_desks() -> tuple[int, Counter[str]]:
    """The days that quiet desks were judged, each hour, and the days on which each rule was wrong."""
    wrong, days = Counter[str](), 0
    for seed in range(DESKS):
        hours = desk(seed, 12)
        for day in range(8, 12):
            days += 1
            marks = [BEGIN_S + day * DAY_S + hour * HOUR_S + 1800 for hour in range(24)]
            wrong.update(set().union(*(seen(hours, now_s) for now_s in marks)))
    return days, wrong


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_wrong_on_at_most_one_quiet_day_in_a_hundred(rule: str) -> None:
    days, wrong = quiet_desks()
    assert days == 4 * DESKS
    assert wrong[rule] <= days / 100, wrong


def planted(seed: int, change, hours_long: int = 12) -> tuple[list[Hour], int]:
    """A desk whose ninth day is changed from 8 h on, and when that is over."""
    hours, begins = desk(seed, 9), BEGIN_S + 8 * DAY_S + 8 * HOUR_S
    ends = begins + hours_long * HOUR_S
    return [change(hour) if begins <= hour.at_s < ends else hour for hour in hours], ends


def half_fail(hour: Hour) -> Hour:
    lost = (hour.filled + 1) // 2
    return Hour(at_s=hour.at_s, filled=hour.filled - lost, failed=hour.failed + lost, fills=hour.filled - lost,
                reports=hour.reports, latency_ms=hour.latency_ms)  # fmt: skip


def five_times_later(hour: Hour) -> Hour:
    return Hour(at_s=hour.at_s, filled=hour.filled, failed=hour.failed, fills=hour.fills, reports=hour.reports,
                latency_ms=hour.latency_ms * 5)  # fmt: skip


def without_fills(hour: Hour) -> Hour:
    return Hour(at_s=hour.at_s)


@pytest.mark.parametrize(
    ("rule", "change", "hours_long"),
    [("success", half_fail, 6), ("latency", five_times_later, 3), ("fills", without_fills, 24)],
)
def test_a_rule_sees_what_is_planted_on_at_least_nineteen_days_in_twenty(rule, change, hours_long) -> None:
    found_on = 0
    for seed in range(DESKS):
        hours, ends = planted(1_000 + seed, change, hours_long)
        marks = range(ends - hours_long * HOUR_S, ends + 1, HOUR_S)
        found_on += any(rule in seen(hours, now_s) for now_s in marks)
    assert found_on >= DESKS * 19 / 20


def test_silence_is_three_bars_and_ten_minutes_long_and_never_is_none() -> None:
    now_s = BEGIN_S + BASE_S
    assert fell_silent(now_s - 780, now_s, 60) == ""
    assert "nothing was decided for 13 min" in fell_silent(now_s - 781, now_s, 60)
    assert fell_silent(0, now_s, 60) == ""
    assert seen([], now_s, now_s - 3600) == {"silence"}


def test_a_desk_of_few_days_or_few_orders_is_not_judged() -> None:
    now_s = BEGIN_S + 4 * HOUR_S
    assert seen(desk(1, 1), now_s) == set()
    few = [Hour(at_s=BEGIN_S + number * DAY_S, filled=1, fills=1) for number in range(7)]
    assert success_fell([*few, Hour(at_s=BEGIN_S + BASE_S, failed=1)], BEGIN_S + BASE_S) == ""
