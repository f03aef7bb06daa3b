"""The compiled scan of an account, warm, on one core: a strategy on five instruments, beside a scan without short cuts.

No time is printed unless both have the same fills and the same equity at every bar, to the last digit.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from research_peers.crossing import FAST, SLOW, walk

from fanfold import desk
from fanfold.desk import Desk
from fanfold.market.recording import Recording
from fanfold.research.account_book import WORTHS, Book
from fanfold.research.account_market import History, market_of, signals_of, times_of
from fanfold.research.account_result import run_account, traded_book
from fanfold.research.account_terms import account_terms
from fanfold.research.tape import fills_of
from fanfold.risk.policy import prepare
from fanfold.simulation import market

NAMES = ["A/USDT", "B/USDT", "C/USDT", "D/USDT", "E/USDT"]
START, PASSES = 1_577_836_800, 5
# With the usual fees a million bars ruin the account, and what is ruined trades no more.
CHEAP = {"taker_bps": "0.5", "maker_bps": "0.5", "spread_bps": "0", "slippage_bps": "0"}
# The share of a position's cost at which it is stopped: none, but looked for at every bar.
NO_STOP = np.array([[0, 1, 0, 1, 0, 1]])


def five() -> Desk:
    """Return a desk of one account that no limit stops."""
    rules = msgspec.to_builtins(market.catalogue()["BTC/USDT"])
    crossing = {"strategy": "sma_cross", "params": {"fast": FAST, "slow": SLOW}, "instruments": NAMES}
    tables = {
        "venues": {"market": {"kind": "replay", "symbols": NAMES}},
        "accounts": {"main": {"venue": "market", "kind": "margin", "currency": "USDT", "cash": "100000", **CHEAP}},
        "strategies": {"crossing": {**crossing, "timeframe": "1m", "account": "main", "allocation": "0.5"}},
        "limits": {
            "main": {
                "order_notional_max": "90000", "position_notional_max": "90000", "drawdown_max": "1",
                "daily_loss_max": "1",
            }
        },
        "instruments": dict.fromkeys(NAMES, rules),
    }  # fmt: skip
    return desk.build(tables, "the bench")


def recording(name: str, count: int, seed: int) -> Recording:
    """Return a walk at prices around 10,000, to the cent."""
    prices = [np.rint(column * 1e5).astype(np.int64) for column in walk(count, seed)]
    times = START + 60 * np.arange(1, count + 1)
    rows = np.stack([times, *prices, np.full(count, 10**9)], axis=1)
    return Recording(name, "1m", 2, 5, START, rows.tobytes())


def least(run: Callable[[], Any]) -> float:
    """Return the CPU seconds of the quickest of several passes, after one that warms up."""
    times = []
    for _ in range(PASSES + 1):
        began = time.thread_time()
        run()
        times.append(time.thread_time() - began)
    return min(times[1:])


def same(book: Book, other: Book) -> bool:
    return np.array_equal(book.curve, other.curve) and np.array_equal(fills_of(book.tape), fills_of(other.tape))


def rows(count: int) -> list[tuple[object, ...]]:
    """Return, for so many bars of five instruments, what a bar of one takes: what ran, ns, fills."""
    traded, policy = five(), prepare(five())
    recordings = {name: recording(name, count, 11 + number) for number, name in enumerate(NAMES)}
    history = History(recordings, START, START + 60 * count)
    terms = account_terms(traded, "main", policy.terms("main"), recordings)
    times = times_of(history)
    bars = market_of(traded, "market", history, terms, times)
    wanted = signals_of(traded, "market", terms, history, times).wanted
    watched = wanted._replace(protection=np.zeros_like(wanted.protection), shares=NO_STOP)
    book = traded_book(terms, bars, wanted)
    if not same(book, traded_book(terms, bars, watched)):
        sys.exit("an account that passes over idle bars trades otherwise than one that decides at each")
    if min(book.curve[WORTHS]) < book.curve[WORTHS, 0] / 2:
        sys.exit("the account lost half of its money: it hardly trades any more")
    runs: dict[str, Callable[[], Any]] = {
        "the account's scan": lambda: traded_book(terms, bars, wanted),
        "the same, deciding at every bar": lambda: traded_book(terms, bars, watched),
        "all, from records of bars to figures and tables": lambda: run_account(
            traded, "main", policy, history, 0
        ).result(),
    }
    fills = len(fills_of(book.tape))
    return [(name, least(run) / count / len(NAMES) * 1e9, fills) for name, run in runs.items()]
