"""Bars at which an account has nothing to do are passed over, and nothing differs from a scan that decides at each."""

from typing import Any

import numpy as np
import pytest

from fanfold.desk import Desk
from fanfold.market.recording import Recording
from fanfold.research.account_book import HIGH, LOW, AccountField, BarField, Book, PollTable, Wanted
from fanfold.research.account_result import traded_book
from fanfold.research.account_terms import account_terms
from fanfold.research.tape import fills_of, trips_of
from fanfold.risk.policy import prepare
from support.backtests import ACCOUNT, ALL, START, desk_of, instance

# More than are looked through at once for other weights.
TIMES = 600
Chance = np.random.Generator
# A stop and a profit that prices reach, a stop alone, and a profit alone, in millionths.
REACHED = [
    [5_000, 10**6, 8_000, 10**6, 0, 10**6],
    [9_000, 10**6, 0, 10**6, 0, 10**6],
    [0, 10**6, 6_000, 10**6, 0, 10**6],
]
# A protection that no price reaches makes a scan decide at every bar.
NEVER = [[0, 1, 0, 1, 0, 1]]


def random_desk(chance: Chance, **changes: str) -> Desk:
    def pick(*choices: str) -> str:
        return str(chance.choice(choices))

    def strategy(instruments: list[str]) -> dict[str, Any]:
        changes = {"allocation": pick("0.2", "0.5"), "band": pick("0", "0.02", "0.1", "0.3")}
        return instance("sma_cross", instruments, **changes)

    few = ALL[: int(chance.integers(1, 5))]
    limits = {"drawdown_max": pick("1", "0.1"), "daily_loss_max": pick("1", "0.02"), "gross_max": pick("0.3", "1")}
    terms = {"kind": pick("spot", "margin"), "cash": pick("30", "900", "100000"), "taker_bps": pick("0", "10")}
    terms |= changes
    return desk_of({"a": strategy(few), "b": strategy(ALL[1:3])}, limits, **terms)


def random_bars(chance: Chance, instruments: int) -> PollTable:
    bars = np.zeros((len(BarField), instruments, TIMES), np.int64)
    flags, least = np.zeros((instruments, TIMES), np.bool_), np.full(instruments, int(chance.integers(0, 2)))
    times = START + 300 * np.arange(1, TIMES + 1)
    for column in range(instruments):
        seen = chance.random(TIMES) < 0.97
        close = 20_000 + np.cumsum(chance.integers(-150, 151, TIMES))
        newest = np.maximum.accumulate(np.where(seen, np.arange(TIMES), -1))
        mine, there = bars[:, column].T, newest >= 0
        flags[column], mine[:, BarField.OPEN] = seen, seen * (close + chance.integers(-20, 21, TIMES))
        mine[there, BarField.CLOSE], mine[there, BarField.CLOSED_AT] = close[newest[there]], times[newest[there]]
        mine[:, BarField.VOLUME] = seen * chance.integers(0, 10**9, TIMES)
    span = np.zeros((2, instruments, TIMES), np.int64)
    span[HIGH] = flags * (np.maximum(bars[BarField.OPEN], bars[BarField.CLOSE]) + 40)
    span[LOW] = flags * (np.minimum(bars[BarField.OPEN], bars[BarField.CLOSE]) - 40)
    # As alignment makes it: for times that may be written to, the scan is compiled anew.
    times.flags.writeable = False
    return PollTable(times, flags, bars, np.zeros((0, instruments)), span, np.zeros((0, 2), np.int64), least)


def random_targets(chance: Chance, legs: int) -> Wanted:
    """Weights that stand for a while, many of them 0, of legs that are silent at times."""
    weights = np.round(chance.uniform(-1, 1, (TIMES, legs)), 2) * (chance.random((TIMES, legs)) < 0.6)
    stands = np.maximum.accumulate(np.where(chance.random((TIMES, legs)) < 0.1, np.arange(TIMES)[:, None], 0), axis=0)
    silent = chance.random((TIMES, legs)) < 0.2
    wanted = np.where(silent, np.nan, np.take_along_axis(weights, stands, axis=0))
    return Wanted(np.ascontiguousarray(wanted.T), np.zeros((0, 3), np.int64), np.full((1, legs), -1), np.array(NEVER))


def traded(book: Book) -> list[list[list[int]]]:
    refused = book.refused[: book.sums[AccountField.REFUSALS]]
    return [rows.tolist() for rows in (fills_of(book.tape), trips_of(book.tape), refused, book.curve)]


@pytest.mark.parametrize("seed", range(5))
def test_bars_that_are_passed_over_change_nothing(seed: int) -> None:
    chance = np.random.default_rng(seed)
    fills = 0
    for _ in range(30):
        desk = random_desk(chance)
        recordings = {name: Recording(name, "1m", 2, 5, START, b"") for name in ALL}
        terms = account_terms(desk, ACCOUNT, prepare(desk).terms(ACCOUNT), recordings)
        market, wanted = random_bars(chance, len(terms.instruments)), random_targets(chance, len(terms.keys))
        book = traded_book(terms, market, wanted)
        each_bar = traded_book(terms, market, wanted._replace(protection=np.zeros_like(wanted.protection)))
        assert traded(book) == traded(each_bar)
        fills += len(fills_of(book.tape))
    assert fills > 500


def test_bars_that_reach_no_stop_change_nothing() -> None:
    chance = np.random.default_rng(7)
    fills = 0
    for _ in range(60):
        desk = random_desk(chance, stops="bars")
        recordings = {name: Recording(name, "1m", 2, 5, START, b"") for name in ALL}
        terms = account_terms(desk, ACCOUNT, prepare(desk).terms(ACCOUNT), recordings)
        market, wanted = random_bars(chance, len(terms.instruments)), random_targets(chance, len(terms.keys))
        rows = chance.integers(-1, len(REACHED), (1, len(terms.keys)))
        rows[0, 0] = 0
        wanted = wanted._replace(protection=rows, shares=np.array(REACHED))
        book = traded_book(terms, market, wanted)
        # A scan whose protections may be others at each time decides at each.
        each_bar = traded_book(terms, market, wanted._replace(protection=np.repeat(rows, TIMES, axis=0)))
        assert traded(book) == traded(each_bar)
        fills += len(fills_of(book.tape))
    assert fills > 500
