"""Desks of so many days, hour by hour, by a seed: quiet ones, and ones with a fault that is planted."""

from collections import Counter
from collections.abc import Callable
from random import Random

from alerts_service.hours import anomalies_of
from fanfold.alerts.anomalies import HOUR_S, Hour

DAY_S = 86_400
BEGIN_S = 20_000 * DAY_S
# The days of a desk before those that are judged, and those.
BEFORE, JUDGED = 8, 4
# Planted desks have other seeds than quiet ones.
PLANTED_SEED = 1_000


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


def wrong_days(desks: int) -> tuple[int, Counter[str]]:
    """Return the days on which so many quiet desks were judged, each hour, and on how many each rule was wrong."""
    wrong, days = Counter[str](), 0
    for seed in range(desks):
        hours = desk(seed, BEFORE + JUDGED)
        for day in range(BEFORE, BEFORE + JUDGED):
            days += 1
            marks = [BEGIN_S + day * DAY_S + hour * HOUR_S + 1800 for hour in range(24)]
            wrong.update(set().union(*(seen(hours, now_s) for now_s in marks)))
    return days, wrong


def planted(seed: int, change: Callable[[Hour], Hour], hours_long: int) -> tuple[list[Hour], int]:
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


# Rule -> what is planted for it, and for how many hours.
PLANTS: dict[str, tuple[Callable[[Hour], Hour], int]] = {
    "success": (half_fail, 6),
    "latency": (five_times_later, 3),
    "fills": (without_fills, 24),
}


def seen_in_hour(rule: str, desks: int) -> list[int]:
    """Return the hour of its fault, from 1, in which a rule saw it, of each of so many desks on which it did."""
    change, hours_long = PLANTS[rule]
    after = []
    for number in range(desks):
        hours, ends = planted(PLANTED_SEED + number, change, hours_long)
        begins = ends - hours_long * HOUR_S
        marks = range(begins, ends + 1, HOUR_S)
        first = next((now_s for now_s in marks if rule in seen(hours, now_s)), None)
        after += [] if first is None else [(first - begins) // HOUR_S + 1]
    return after
