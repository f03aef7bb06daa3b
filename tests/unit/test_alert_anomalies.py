"""The rules of anomalies: how often they are wrong on quiet days, and what they see of planted ones.

The rates in docs/alerts.md are of the same days and plants, more of each: ``tests/bench/run.py anomalies``.
"""

from collections import Counter
from functools import cache

import pytest

from fanfold.alerts.anomalies import BASE_S, HOUR_S, Hour, fell_silent, success_fell
from support.desks_by_hour import BEGIN_S, DAY_S, PLANTS, desk, seen, seen_in_hour, wrong_days

DESKS = 60
RULES = ("success", "latency", "fills", "silence")


@cache
def quiet_desks() -> tuple[int, Counter[str]]:
    return wrong_days(DESKS)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_wrong_on_at_most_one_quiet_day_in_a_hundred(rule: str) -> None:
    days, wrong = quiet_desks()
    assert days == 4 * DESKS
    assert wrong[rule] <= days / 100, wrong


@pytest.mark.parametrize("rule", PLANTS)
def test_a_rule_sees_what_is_planted_on_at_least_nineteen_days_in_twenty(rule: str) -> None:
    assert len(seen_in_hour(rule, DESKS)) >= DESKS * 19 / 20


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
