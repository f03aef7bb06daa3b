"""A fast back-test is a run on the same bars, with holes in them: each fill, refusal and equity, to the last digit.

The seeded market has an outage of SOL and a silent minute of XRP in its first hour, and volumes that fill orders in
part where participation is small.
"""

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fanfold.desk import Desk
from fanfold.research import account_market
from fanfold.research.account_market import History
from fanfold.research.account_terms import account_terms
from fanfold.risk.policy import prepare
from fanfold.strategy import folder
from support.backtests import ACCOUNT, ALL, START, bars, desk_of, fast, full, instance

MINUTES = 400
SMA: dict[str, Any] = {"params": {"fast": 5, "slow": 20}}
REVERSION: dict[str, Any] = {"params": {"window": 20, "entry": 1.5, "exit": 0.3}}
BOTH_SIDES: dict[str, Any] = {"params": {"entry": 10, "exit": 5, "atr": 4, "short": 0.5}}
PAIR = ["ETH/USDT", "BTC/USDT"]
PAIRS: dict[str, Any] = {"params": {"window": 30, "entry": 1.5}}
TIGHT = {
    "order_notional_max": "20000",
    "position_notional_max": "22000",
    "gross_max": "0.5",
    "net_max": "0.3",
    "orders_per_minute_max": 2,
    "daily_loss_max": "0.004",
}
DESKS: dict[str, Desk] = {
    "sma_cross": desk_of({"a": instance("sma_cross", **SMA)}),
    "mean_reversion": desk_of({"a": instance("mean_reversion", **REVERSION)}),
    "breakout": desk_of({"a": instance("breakout", **BOTH_SIDES)}),
    "momentum": desk_of({"a": instance("momentum", params={"window": 12, "top": 3, "every": 5}, allocation="0.9")}),
    "pairs": desk_of({"a": instance("pairs", PAIR, **PAIRS)}),
    "spot, two strategies that compete for cash": desk_of(
        {
            "a": instance("sma_cross", allocation="0.6", **SMA),
            "b": instance("momentum", params={"window": 12, "top": 2, "every": 7}, allocation="0.4"),
        },
        kind="spot",
    ),
    "limits that refuse": desk_of(
        {"a": instance("sma_cross", allocation="0.9", **SMA), "b": instance("mean_reversion", allocation="0.1")}, TIGHT
    ),
    "stops, profits and trails": desk_of(
        {
            "a": instance("sma_cross", stop="0.001", take_profit="0.003", trail="0.002", **SMA),
            "b": instance("mean_reversion", stop="0.002", band="0.01", **REVERSION),
        }
    ),
    "a pair with a stop": desk_of({"a": instance("pairs", PAIR, stop="0.001", **PAIRS)}),
    "volatility": desk_of({"a": instance("sma_cross", volatility="0.3", band="0.02", **SMA)}),
    "several timeframes": desk_of(
        {
            "a": instance("sma_cross", timeframe="5m", params={"fast": 3, "slow": 9}),
            "b": instance("momentum", timeframe="15m", params={"window": 4, "top": 2, "every": 2}, allocation="0.4"),
            "c": instance("breakout", ALL[2:3], params={"entry": 10, "exit": 5, "atr": 4}, allocation="0.1"),
        }
    ),
    "stops inside bars": desk_of(
        {
            "a": instance("sma_cross", stop="0.001", take_profit="0.003", trail="0.002", **SMA),
            "b": instance("mean_reversion", stop="0.002", band="0.01", **REVERSION),
        },
        stops="bars",
    ),
    "stops inside bars, long and short, on several timeframes, at a rebate": desk_of(
        {
            "a": instance("breakout", stop="0.001", take_profit="0.001", **BOTH_SIDES),
            "b": instance("mean_reversion", timeframe="5m", trail="0.001", take_profit="0.001"),
        },
        stops="bars",
        maker_bps="-1",
    ),
    "stops inside bars that fill in part": desk_of(
        {"a": instance("breakout", allocation="1", trail="0.0007", take_profit="0.001", **BOTH_SIDES)},
        stops="bars",
        participation_max="0.00001",
    ),
    "a pair with stops inside bars": desk_of({"a": instance("pairs", PAIR, stop="0.001", **PAIRS)}, stops="bars"),
    "spot with stops inside bars, and few orders a minute": desk_of(
        {
            "a": instance("sma_cross", allocation="0.6", stop="0.001", **SMA),
            "b": instance("momentum", params={"window": 12, "top": 2, "every": 7}, allocation="0.4", trail="0.002"),
        },
        {"orders_per_minute_max": 2},
        kind="spot",
        stops="bars",
    ),
    "orders that fill in part": desk_of(
        {"a": instance("sma_cross", allocation="1", **SMA)}, participation_max="0.00001"
    ),
}


@pytest.mark.parametrize("begins", [1, 150], ids=["at the first bar", "later, with a warm-up"])
@pytest.mark.parametrize("name", DESKS)
def test_a_fast_back_test_is_the_run_of_the_production_verbs(name: str, begins: int) -> None:
    _hold_equal(DESKS[name], begins)


@pytest.mark.usefixtures("own_strategies")
@pytest.mark.parametrize(
    ("limits", "account"),
    [
        ({}, {}),
        ({}, {"stops": "bars"}),
        ({"order_notional_max": "9e9", "position_notional_max": "9e9"}, {"cash": "1e9"}),
    ],
    ids=["at closes", "inside bars", "of much money"],
)
def test_trails_that_are_other_shares_at_each_bar_are_those_of_the_verbs(
    limits: dict[str, str], account: dict[str, str]
) -> None:
    _hold_equal(desk_of({"a": instance("atr_trail")}, limits, **account), 1)


@pytest.fixture
def own_strategies() -> Iterator[None]:
    folder.use(Path(__file__).resolve().parents[1] / "support/strategies")
    yield
    folder.use(None)


def _hold_equal(desk: Desk, begins: int) -> None:
    recordings = bars(7, MINUTES)
    span = START + 60 * begins, START + 60 * MINUTES
    quick, whole = fast(desk, recordings, *span), full(desk, recordings, *span)
    assert len(whole.fills) > 10
    assert sorted(quick.fills) == sorted(whole.fills)
    assert sorted(quick.refusals) == sorted(whole.refusals)
    assert quick.equity == {at: whole.equity[at] for at in quick.equity}
    assert len(quick.equity) > MINUTES - begins - 5


def test_bars_are_laid_as_a_search_for_each_time_finds_them() -> None:
    desk = DESKS["several timeframes"]
    history = History({own.instrument: own for own in bars(7, MINUTES)}, START + 60 * 30, START + 60 * MINUTES)
    terms = account_terms(desk, ACCOUNT, prepare(desk).terms(ACCOUNT), history.recordings)
    times = account_market.times_of(history)
    market = account_market.market_of(desk, "market", history, terms, times)
    laid = market.bars
    assert not market.seen.all()
    for place, name in enumerate(terms.instruments):
        recording = history.recordings[name]
        known, unit = list(recording.bars()), 10 ** (terms.scales.prices[place] - recording.price_scale)
        closes = [bar.closes_at_s for bar in known]
        for at, time in enumerate(times.tolist()):
            bar = known[bisect_right(closes, time) - 1]
            seen = bar.closes_at_s == time
            fresh = (unit * bar.open, unit * bar.close, bar.volume) if seen else (0, unit * bar.close, 0)
            assert market.seen[place, at] == seen
            assert tuple(laid[:, place, at]) == (*fresh, bar.closes_at_s)
        assert market.least[place] == min(bar.close for bar in known if bar.closes_at_s in set(times.tolist()))
