"""Stops and profits inside the bar: the account's compiled scan beside a plain Python walk, and beside backtesting.py.

No time is printed unless the walk has each fill at the same bar and price, and no count unless backtesting.py has each
round trip at the same bars and, to a tick, at the same prices.
"""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import account
import msgspec
import numpy as np
from peers.environments import Peer, environment
from printed import table
from research_peers.crossing import FAST, SLOW

from fanfold.desk import Desk
from fanfold.research.account_market import History, market_of, signals_of, times_of
from fanfold.research.account_result import run_account, traded_book
from fanfold.research.account_terms import account_terms
from fanfold.research.columns import Integers, integer_bars
from fanfold.research.tape import FillField, fills_of
from fanfold.risk.policy import prepare
from support.backtests import ACCOUNT, START, bars, desk_of, instance

PEER = Peer("backtesting", "0.6.6", "backtesting_stops_client.py")
CLIENT = Path(__file__).resolve().parent / "research_peers" / PEER.script
NAME, COUNT, PEER_S = account.NAMES[0], 1_000_000, 600
STOP, PROFIT = 3, 4  # in a thousand
FREE = {"taker_bps": Decimal(0), "maker_bps": Decimal(0), "spread_bps": Decimal(0), "slippage_bps": Decimal(0)}
# Minutes, a seed of the market, and the stop and the profit as shares.
MARKETS = ((3_000, 1, 0.0005, 0.0005), (3_000, 2, 0.001, 0.0007), (3_000, 3, 0.0004, 0.002))
BTC = "BTC/USDT"
Trip = tuple[int, int, int, float, float]


def crossing() -> Desk:
    """Return a desk of one instrument without costs, long or flat, with stops inside bars."""
    of_five = account.five()
    protected = {"stop": Decimal(STOP) / 1_000, "take_profit": Decimal(PROFIT) / 1_000}
    alone = msgspec.structs.replace(of_five.strategies["crossing"], instruments=[NAME], band=Decimal(1), **protected)
    main = msgspec.structs.replace(of_five.accounts["main"], stops="bars", **FREE)
    venue = msgspec.structs.replace(of_five.venues["market"], symbols=[NAME])
    return msgspec.structs.replace(
        of_five, strategies={"crossing": alone}, accounts={"main": main}, venues={"market": venue}
    )


def wants(close: Integers) -> list[bool]:
    """Return at which closes the fast average is above the slow one."""
    total = np.append(0, np.cumsum(close))
    fast, slow = (np.append(np.zeros(n - 1, np.int64), total[n:] - total[:-n]) for n in (FAST, SLOW))
    above = fast * SLOW > slow * FAST
    above[: SLOW - 1] = False
    return [bool(is_above) for is_above in above]


def plain_walk(opened: list[int], high: list[int], low: list[int], close: list[int], wanted: list[bool]) -> list[Any]:
    """Return the bar and the price of each fill, by the rules written out in plain Python, in ticks."""
    fills, cost, pending, level, profit, out = list[tuple[int, int]](), 0, 0, 0, 0, False
    for at, first in enumerate(opened):
        exit_ = 0
        if pending:
            fills.append((at, first))
            cost, pending = (first, 0) if pending > 0 else (0, 0)
        elif level and low[at] <= level:
            exit_ = min(level, first)
        elif level and high[at] > profit:
            exit_ = profit
        if exit_:
            fills.append((at, exit_))
            cost, level, out = 0, 0, True
        out = out and wanted[at]
        gain = (close[at] - cost) * 1_000
        out = out or (cost > 0 and wanted[at] and (gain <= -STOP * cost or gain >= PROFIT * cost))
        if cost and (out or not wanted[at]):
            pending, level = -1, 0
        elif not cost and wanted[at] and not out:
            pending = 1
        elif cost and not level:
            level, profit = (-(-cost * (1_000 + share) // 1_000) for share in (-STOP, PROFIT))
            level = 0 if level >= close[at] else level
    return fills


def row(count: int) -> list[tuple[object, ...]]:
    """Return what a bar of one instrument takes with stops inside it. Exits where the walk has another fill."""
    traded, recording = crossing(), account.recording(NAME, count, 11)
    policy, history = prepare(traded), History({NAME: recording}, account.START, account.START + 60 * count)
    terms = account_terms(traded, "main", policy.terms("main"), history.recordings)
    times = times_of(history)
    market = market_of(traded, "market", history, terms, times)
    wanted = signals_of(traded, "market", terms, history, times).wanted
    fills = fills_of(traded_book(terms, market, wanted).tape)
    columns = integer_bars(recording, 0, history.until)
    prices = [column.tolist() for column in (columns.open, columns.high, columns.low, columns.close)]
    walked = plain_walk(*[*prices, wants(columns.close)])
    if [tuple(fill) for fill in fills[:, [FillField.AT, FillField.PRICE]].tolist()] != walked:
        sys.exit("the compiled scan has other fills than the plain walk")
    runs = {
        "the account's scan": lambda: traded_book(terms, market, wanted),
        "all, from records of bars to figures and tables": lambda: run_account(
            traded, "main", policy, history, 0
        ).result(),
    }
    return [(name, account.least(run) / count * 1e9, len(fills)) for name, run in runs.items()]


def protected_trips(minutes: int, seed: int, stop: float, profit: float) -> tuple[list[Trip], dict[str, Any]]:
    """Return the round trips of a breakout on the seeded market, and the same orders for a peer.

    What the strategy closes is an order; what a stop or a profit closes is not.
    """
    params = {"entry": 10, "exit": 5, "atr": 4, "short": 1.0}
    shares = {"stop": str(stop), "take_profit": str(profit), "allocation": "0.4"}
    costs: dict[str, Any] = dict.fromkeys(FREE, "0") | {"stops": "bars", "participation_max": "1"}
    traded = desk_of({"a": instance("breakout", [BTC], params=params, **shares)}, **costs)
    recordings = bars(seed, minutes)
    history = History({own.instrument: own for own in recordings}, START + 60, START + 60 * minutes)
    result = run_account(traded, ACCOUNT, prepare(traded), history, 0).result()
    columns = integer_bars(recordings[0], 0, history.until)
    places = {at: place for place, at in enumerate(columns.time.tolist())}
    prices = [(column / 10 ** recordings[0].price_scale).tolist() for column in columns[1:5]]
    trips, orders, held, opened = list[Trip](), dict[int, int](), 0, (0, 0, 0.0)
    for fill in result.fills.to_pylist():
        at, side, price = places[int(fill["at"].timestamp())], 1 if fill["quantity"] > 0 else -1, float(fill["price"])
        after = held + fill["quantity"]
        if held:
            trips.append((opened[0], at, opened[1], opened[2], price))
            level = opened[2] * (1 - opened[1] * stop)
            if price == prices[0][at] and opened[1] * (prices[0][at] - level) > 0:
                orders[at - 1] = 0
        if after:
            orders[at - 1], opened = side, (at, side, price)
        held = after
    return trips, {"orders": orders, "stop": stop, "profit": profit, "bars": prices}


def compared(minutes: int, seed: int, stop: float, profit: float) -> tuple[object, ...]:
    """Return how many round trips of a market are those of the peer. Exits where one is not."""
    trips, request = protected_trips(minutes, seed, stop, profit)
    command = [str(environment(PEER)), str(CLIENT)]
    done = subprocess.run(
        command, input=json.dumps(request), capture_output=True, text=True, timeout=PEER_S, check=False
    )
    if done.returncode:
        sys.exit(f"{PEER.package} failed: {done.stderr[-2_000:]}")
    theirs = [tuple(trip) for trip in json.loads(done.stdout)]
    # A stop and a profit are whole ticks here, a tick at most from those of the peer.
    same = len(trips) == len(theirs) and all(
        ours[:3] == other[:3] and max(abs(ours[3] - other[3]), abs(ours[4] - other[4])) < 0.0101
        for ours, other in zip(sorted(trips), sorted(theirs), strict=True)
    )
    if not same:
        sys.exit(f"{PEER.package} has other round trips on seed {seed}: {len(theirs)}, fanfold {len(trips)}")
    protected = sum(trip[1] - 1 not in request["orders"] for trip in trips)
    return f"seed {seed}, {minutes:,} minutes, stop {stop}, profit {profit}", len(trips), protected


def main() -> None:
    heads = ("market", "equal round trips", "of them by stop or profit")
    table(f"{PEER.package} {PEER.version}", heads, [compared(*market) for market in MARKETS])
    table(f"Stop and profit inside the bar, {COUNT:,} bars", ("what", "ns a bar", "fills"), row(COUNT))


if __name__ == "__main__":
    main()
