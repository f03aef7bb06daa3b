"""Trials of a desk with one leg have every figure of the scan of an account, which writes each close."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from fanfold.desk import Desk
from fanfold.market.recording import Recording
from fanfold.research import account_result, account_scan
from fanfold.research.sweeping import one_leg_trials, trials
from fanfold.research.sweeping.one_leg_trials import OneLegTrials
from fanfold.research.sweeping.sweep_job import SizingTerms, TradedWindow, TrialBatch
from fanfold.strategy import folder
from support.backtests import START, desk_of, instance
from support.random_desks import ACCOUNT, INSTANCE, LIMITS, PARAMS, copy_strategies

MARKET = ("BTC/USDT",)
LIFETIMES, LATENCIES, WINDOWS = (61, 180, 600), (0, 0, 0, 5, 70), (1, 60, 90, 1_800)
SEEDS = range(300)


class Compared(NamedTuple):
    """The rows of a batch, how many of its trials were of one leg, and the rows by the scan of an account alone."""

    rows: list[dict[str, Any]]
    by_one_leg: int
    by_account: list[dict[str, Any]]


def odd_market(dice: Random) -> Recording:
    """A walk of minutes, calm or wild, at any scale, with holes and minutes without volume."""
    numbers, count = np.random.default_rng(dice.getrandbits(32)), dice.choice((40, 700, 4_000))
    scale, level, spread = dice.choice((0, 2, 5)), dice.choice((50, 3_000, 70_000)), dice.choice((3e-4, 3e-3, 0.02))
    close = np.maximum(np.rint(level * 10**scale * np.exp(np.cumsum(numbers.normal(0, spread, count)))), 1)
    opened = np.maximum(np.append(close[0], close[:-1]) + numbers.integers(-3, 4, count), 1)
    volume = numbers.integers(0, dice.choice((2, 20, 10**6)), count)
    high, low = np.maximum(opened, close) + 1, np.maximum(np.minimum(opened, close) - 1, 1)
    rows = np.stack([START + 60 * np.arange(1, count + 1), opened, high, low, close, volume], axis=1).astype("<i8")
    kept = rows[numbers.random(count) > dice.choice((0.0, 0.02, 0.3))]
    return Recording(MARKET[0], "1m", scale, dice.choice((0, 3)), START, kept.tobytes())


def odd_desk(dice: Random) -> Desk:
    """A desk of one leg with random terms, some of them none that a scan of one leg can do."""
    strategy = dice.choice(("sma_cross", "sma_cross", "mean_reversion", "breakout", "rsi_dip", "turtle"))
    terms = {name: dice.choice(values) for name, (share, values) in INSTANCE.items() if dice.random() < share / 4}
    terms |= {"allocation": dice.choice(("0.3", "0.9", "1")), "order_ttl_s": dice.choice(LIFETIMES)}
    account = {name: dice.choice(values) for name, (share, values) in ACCOUNT.items() if dice.random() < share}
    limits = {name: dice.choice(values) for name, (share, values) in LIMITS.items() if dice.random() < share}
    if terms.get("trail") and account.get("stops"):
        del account["stops"]
    desk = desk_of({"a": instance(strategy, MARKET, **terms)}, limits, **account)
    rules = msgspec.structs.replace(
        desk.instruments[MARKET[0]],
        tick=Decimal(dice.choice(("0.00001", "0.01", "1"))),
        lot=Decimal(dice.choice(("1", "0.001", "0.00001"))),
        amount_max=Decimal(dice.choice(("0", "0", "0.5"))),
    )
    return msgspec.structs.replace(desk, instruments={**desk.instruments, MARKET[0]: rules})


def batch_of(desk: Desk, window: TradedWindow, params: tuple[dict[str, Any], ...], latency_s: int = 0) -> TrialBatch:
    terms = SizingTerms(latency_s=latency_s)
    return TrialBatch(desk=desk, market=MARKET, window=window, terms=terms, first=0, configurations=params)


def compared(monkeypatch: pytest.MonkeyPatch, batch: TrialBatch, recording: Recording) -> Compared:
    real, traded = OneLegTrials.trade, list[object]()
    with monkeypatch.context() as watched:
        watched.setattr(OneLegTrials, "trade", lambda of, place: traded.append(leg := real(of, place)) or leg)
        rows = trials.run_batch(batch, [recording]).to_pylist()
    with monkeypatch.context() as alone:
        alone.setattr(trials, "has_one_leg", lambda *_of: False)
        by_account = trials.run_batch(batch, [recording]).to_pylist()
    return Compared(rows, sum(leg is not None for leg in traded), by_account)


@pytest.fixture
def strategies(tmp_path: Path) -> Iterator[None]:
    copy_strategies(tmp_path)
    folder.use(tmp_path)
    yield
    folder.use(None)


@pytest.mark.usefixtures("strategies")
def test_every_figure_is_that_of_the_scan_of_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    by_one_leg = fills = others = 0
    for seed in SEEDS:
        dice = Random(seed)
        recording, desk = odd_market(dice), odd_desk(dice)
        (own,) = desk.strategies.values()
        grid = PARAMS.get(own.strategy, {})
        params = tuple({name: dice.choice(values) for name, values in grid.items()} for _ in range(2))
        until = START + 60 * recording.count - dice.choice((0, 0, 600))
        window = TradedWindow(START + dice.choice(WINDOWS), until)
        each = compared(monkeypatch, batch_of(desk, window, params, dice.choice(LATENCIES)), recording)
        assert each.rows == each.by_account, seed
        by_one_leg += each.by_one_leg
        others += len(params) - each.by_one_leg
        fills += sum(row["fills"] or 0 for row in each.rows) if each.by_one_leg else 0
    assert (by_one_leg > 300, others > 50, fills > 4_000) == (True, True, True), (by_one_leg, others, fills)


def steady(count: int, price: int = 10_000) -> Recording:
    """Minutes at one price, in ticks of a cent, of which every fifth closes a tick higher."""
    close = price + (np.arange(count) % 5 == 0)
    times, volume = START + 60 * np.arange(1, count + 1), np.full(count, 10**6)
    rows = np.stack([times, close, close + 1, close - 1, close, volume], axis=1).astype("<i8")
    return Recording(MARKET[0], "1m", 2, 0, START, rows.tobytes())


def test_a_quantity_that_floats_cannot_tell_comes_from_decimals(monkeypatch: pytest.MonkeyPatch) -> None:
    quantities, real = list[int](), account_result.lots_of_target

    def noted(*of: Any) -> int:
        quantities.append(real(*of))
        return quantities[-1]

    monkeypatch.setattr(one_leg_trials, "lots_of_target", noted)
    desk = desk_of({"a": instance("sma_cross", MARKET, allocation="1")}, cash="80000", taker_bps="0", maker_bps="0")
    window = TradedWindow(START + 60, START + 60 * 400)
    each = compared(monkeypatch, batch_of(desk, window, ({"fast": 2, "slow": 5},)), steady(400))
    assert each.rows == each.by_account
    assert (each.by_one_leg, each.rows[0]["fills"] > 50, bool(quantities)) == (1, True, True)


@pytest.mark.parametrize(
    ("terms", "account"),
    [({"stop": "0.01"}, {}), ({"volatility": "0.3"}, {}), ({"timeframe": "5m"}, {}), ({}, {"cash": "9000000000"})],
    ids=["a stop", "a target volatility", "a longer timeframe", "more cash than 64 bits hold"],
)
def test_what_a_scan_of_one_leg_cannot_do_the_account_does(
    monkeypatch: pytest.MonkeyPatch, terms: dict[str, Any], account: dict[str, Any]
) -> None:
    huge = {"order_notional_max": "90000000000", "position_notional_max": "90000000000"}
    desk = desk_of({"a": instance("sma_cross", MARKET, **terms)}, huge if account else None, **account)
    window = TradedWindow(START + 60, START + 60 * 400)
    each = compared(monkeypatch, batch_of(desk, window, ({"fast": 2, "slow": 5},)), steady(400))
    assert each.rows == each.by_account
    assert each.by_one_leg == 0


def test_params_that_cannot_be_leave_the_others_to_one_leg(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_of({"a": instance("sma_cross", MARKET)})
    params = ({"fast": 9, "slow": 3}, {"fast": 2, "slow": 5})
    each = compared(monkeypatch, batch_of(desk, TradedWindow(START + 60, START + 60 * 400), params), steady(400))
    assert each.rows == each.by_account
    assert (each.by_one_leg, [bool(row["error"]) for row in each.rows]) == (1, [True, False])


def test_a_trial_that_is_short_on_a_spot_account_is_refused_as_its_back_test(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_of({"a": instance("mean_reversion", MARKET)}, kind="spot")
    params = tuple({"window": 5, "entry": 0.8, "exit": 0.1, "short": short} for short in (0.0, 0.5))
    each = compared(monkeypatch, batch_of(desk, TradedWindow(START + 60, START + 60 * 400), params), steady(400))
    assert each.rows == each.by_account
    errors = [row["error"] or "" for row in each.rows]
    assert (each.by_one_leg, errors[0], "`short` of mean_reversion is 0.5" in errors[1]) == (1, "", True)


def test_the_scan_for_one_leg_and_that_for_several_are_kept_apart() -> None:
    scans = [account_scan.cached_scan(one_leg=one_leg) for one_leg in (True, False)]
    assert len({scan._cache._cache_file._index_name for scan in scans}) == 2
