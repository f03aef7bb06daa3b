"""A venue that misbehaves in every way that venues do: the desk reads on, publishes closed bars, tells of the rest."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_venue import Client, Exclusive, Rows, Trading, calm, real, spot

from fanfold.market.bars import Bar
from support.core_desk import START, A, B, instance, walk


def spoilt(random: Random, rate: float) -> Callable[[str, Rows], Rows]:
    """Rows without numbers, twice, out of order, with a first one missing; only of the first instrument."""

    def spoil(symbol: str, rows: Rows) -> Rows:
        spoilt_rows = [list(row) for row in rows]
        if symbol == B:
            return spoilt_rows
        for row in spoilt_rows:
            if random.random() < rate:
                row[random.randint(1, 5)] = random.choice([None, "NaN", "inf", "", "-1", 0.5])
        if spoilt_rows and random.random() < rate:
            spoilt_rows.insert(0, random.choice(spoilt_rows))
        if random.random() < rate:
            random.shuffle(spoilt_rows)
        if random.random() < rate:
            spoilt_rows = spoilt_rows[1:]
        if random.random() < rate:
            spoilt_rows = []
        return spoilt_rows

    return spoil


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), rate=st.sampled_from([0.02, 0.2, 0.5]), into=st.sampled_from([0.0, 0.4, 3.0, 30.0]),
       skew=st.sampled_from([-5.0, -1.0, 0.0, 1.0]), fast=st.sampled_from([-3.0, 0.0, 3.0]))  # fmt: skip
def test_whatever_candles_are_like_both_instruments_trade_on_and_only_finished_ones_count(
    seed: int, rate: float, into: float, skew: float, fast: float
) -> None:
    client = Client(real() if seed % 2 else calm(seed))
    client.skew_s = skew
    trading = Trading(client, into, fast)
    trading.minutes(range(60, 90))
    client.spoil = spoilt(Random(seed), rate)
    trading.minutes(range(90, 150))
    client.spoil = lambda _symbol, rows: rows
    trading.minutes(range(150, 175))
    for name in (A, B):
        final = {bar.closes_at_s: bar for bar in client.whole[name]}
        published = trading.published(name)
        assert [bar for bar in published if exact(bar, final[bar.closes_at_s])] == published
        assert [bar.closes_at_s for bar in published] == sorted({bar.closes_at_s for bar in published})
        assert trading.through(name) >= 173
    assert {bar.closes_at_s for bar in trading.published(B)} >= {START + 60 * minute for minute in range(60, 170)}


def exact(bar: Bar, final: Bar) -> bool:
    """Say whether a bar equals its final form, in whatever scale."""
    return all(abs(a / b - 1) < 1e-9 for a, b in zip(bar[1:], final[1:], strict=True)) or bar[1:] == final[1:]


@pytest.mark.parametrize("column", range(1, 6))
@pytest.mark.parametrize("wrong", [None, "", "NaN", "-Infinity", "abc", [], 1.5])
def test_a_candle_that_lacks_a_number_stays_out_is_told_and_stops_nothing(column: int, wrong: object) -> None:
    client = Client(calm(7))

    def spoil(symbol: str, rows: Rows) -> Rows:
        bad = (START + 60 * 70) * 1_000 if symbol == A else 0
        return [[*row[:column], wrong, *row[column + 1 :]] if row[0] == bad else row for row in rows]

    client.spoil = spoil
    trading = Trading(client)
    trading.minutes(range(60, 90))
    closes = [(bar.closes_at_s - START) // 60 for bar in trading.published(A)]
    assert [minute for minute in range(61, 90) if minute not in closes] == [71]
    assert (trading.through(A), trading.through(B)) == (89, 89)
    defects = {(defect.instrument, defect.defect, defect.closes_at_s) for defect in trading.defects()}
    assert defects == {(A, "impossible", START + 60 * 71), (A, "gap", START + 60 * 70)}


@pytest.mark.parametrize("hours", [1, 3])
def test_after_a_maintenance_of_hours_every_bar_is_read_and_what_never_was_is_stepped_over(hours: int) -> None:
    client = Client(calm(3, 600))
    client.whole[A] = [bar for bar in client.whole[A] if not START + 6_000 < bar.closes_at_s <= START + 6_000 + 1_800]
    trading = Trading(client)
    trading.minutes(range(60, 100))
    client.down = True
    trading.minutes(range(100, 100 + 60 * hours))
    client.down = False
    trading.minutes(range(100 + 60 * hours, 130 + 60 * hours))
    last = 129 + 60 * hours
    assert (trading.through(A), trading.through(B)) == (last, last)
    closes = {(bar.closes_at_s - START) // 60 for bar in trading.published(B)}
    assert closes >= set(range(60, last + 1))


def test_an_instrument_that_is_listed_today_trades_from_its_first_bar_on() -> None:
    client = Client(calm(4))
    client.whole[A] = [bar for bar in client.whole[A] if bar.closes_at_s > START + 60 * 75]
    trading = Trading(client)
    trading.minutes(range(60, 100))
    closes = [(bar.closes_at_s - START) // 60 for bar in trading.published(A)]
    assert closes == list(range(76, 100))
    assert (trading.through(A), trading.through(B)) == (99, 99)
    defects = {(defect.instrument, defect.defect) for defect in trading.defects()}
    assert defects == {(A, "empty")}


@pytest.mark.parametrize("at_hour", [0, 16])
def test_a_venue_whose_day_begins_at_another_hour_is_told_of_and_stops_nothing(at_hour: int) -> None:
    day = 86_400
    offset = at_hour * 3_600
    candles = {name: [bar._replace(closes_at_s=START + day * at + (offset if name == A else 0))
                      for at, bar in enumerate(walk(5, name, 40), 1)] for name in (A, B)}  # fmt: skip
    client = Client(candles, day)
    daily = spot("1d", trend=instance(timeframe="1d"))
    trading = Trading(client, 3.0, traded=daily)
    trading.minutes(range(10, 25))
    assert trading.through(B) == 24
    if offset:
        assert trading.published(A) == []
        assert {defect.defect for defect in trading.defects() if defect.instrument == A} == {"misaligned"}
    else:
        assert trading.through(A) == 24


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_jump_is_held_until_the_next_bar_confirms_it(confirmed: bool) -> None:
    client = Client(calm(6))
    leap = range(70, 400) if confirmed else range(70, 71)
    client.whole[A] = [Bar(*[bar.closes_at_s, *(3 * price for price in bar[1:5]), bar.volume])
                       if (bar.closes_at_s - START) // 60 in leap else bar for bar in client.whole[A]]  # fmt: skip
    trading = Trading(client)
    trading.minutes(range(60, 71))
    assert (trading.published(A)[-1].closes_at_s - START) // 60 == 69
    trading.minutes(range(71, 90))
    closes = {(bar.closes_at_s - START) // 60 for bar in trading.published(A)}
    assert (70 in closes) is confirmed
    assert trading.through(A) == 89


@pytest.mark.parametrize("kind", ["after", "before", "short", "backwards"])
@pytest.mark.parametrize("into", [0.5, 30.0])
def test_however_an_exchange_bounds_a_span_every_bar_comes_once(kind: str, into: float) -> None:
    trading = Trading(Exclusive(calm(8), kind), into)
    trading.minutes(range(60, 90))
    for name in (A, B):
        closes = [(bar.closes_at_s - START) // 60 for bar in trading.published(name)]
        assert closes == list(range(closes[0], closes[0] + len(closes)))
        assert trading.through(name) >= 88
        assert all(exact(bar, trading.client.whole[name][minute - 1])
                   for bar, minute in zip(trading.published(name), closes, strict=True))  # fmt: skip
