"""Columns of orders and weights: fills and equity of a walk in plain decimals, to the last digit."""

from decimal import ROUND_CEILING, Decimal
from math import isnan
from typing import Any

import numpy as np
import pytest

from fanfold.errors import BadInput
from fanfold.market.bars import Bar, Series
from fanfold.market.recording import Recording
from fanfold.research import backtest_orders
from fanfold.research.columns import integer_bars
from fanfold.research.fixed_size import FixedSize, fixed_size
from fanfold.research.order_backtest import Costs, order_column, traded
from fanfold.research.tape import FillField
from fanfold.strategy import contract

D = Decimal
TERMS = FixedSize(D(5_000), D("12.4"), D("0.05"), D("0.1"), D("7.5"), D(3))
COSTS = Costs(cash=TERMS.cash, tick=TERMS.tick, lot=TERMS.lot, fee_bps=TERMS.fee_bps, slippage_bps=TERMS.slippage_bps)


def recording(seed: int, count: int = 400) -> Recording:
    """Bars with gaps between close and open, and some without volume."""
    chance = np.random.default_rng(seed)
    close = 10_000 + np.cumsum(chance.integers(-60, 61, count))
    opened = close + chance.integers(-5, 6, count)
    volume = chance.integers(1, 900, count) * (chance.random(count) < 0.8)
    bars = [
        Bar(60 * (number + 1), first, max(first, last) + 3, min(first, last) - 3, last, lots)
        for number, (first, last, lots) in enumerate(zip(*map(np.ndarray.tolist, (opened, close, volume)), strict=True))
    ]
    return Recording.of(
        Series(instrument="BTC/USDT", timeframe="1m", price_scale=2, volume_scale=1, after=0, bars=bars)
    )


def column(seed: int, count: int, *, weights: bool) -> np.ndarray:
    chance = np.random.default_rng(seed + 100)
    values = np.round(chance.uniform(-1, 1, count) * (1.0 if weights else 30.0), 1)
    return np.where(chance.random(count) < 0.15, values, np.nan)


def plain_walk(bars: Recording, order_rows: np.ndarray, *, weights: bool) -> tuple[list[Any], list[Decimal]]:
    """Fills as (bar, quantity, price, fee) and the equity at each close, in decimals and bar by bar."""
    cash, held, waits, fills, equity, last = TERMS.cash, D(0), D(0), [], [], 0.0
    for at, bar in enumerate(bars.bars()):
        opened, close = D(bar.open).scaleb(-2), D(bar.close).scaleb(-2)
        if waits and bar.volume:
            buys = waits > 0
            price = opened * (1 + TERMS.slippage_bps / 10_000 * (1 if buys else -1))
            price = (price / TERMS.tick).to_integral_value("ROUND_CEILING" if buys else "ROUND_FLOOR") * TERMS.tick
            fee = (price * abs(waits) * TERMS.fee_bps / 10_000).quantize(D("1e-8"), ROUND_CEILING)
            fills.append((at, waits, price, fee))
            cash, held, waits = cash - price * waits - fee, held + waits, D(0)
        equity.append(cash + held * close)
        if np.isnan(order_rows[at]):
            continue
        if not weights:
            waits += D(str(order_rows[at]))
        elif order_rows[at] != last:
            last = order_rows[at]
            share = D(str(last)) * max(equity[-1], D(0)) / close / TERMS.lot
            waits = share.to_integral_value("ROUND_DOWN") * TERMS.lot - held
    return fills, equity


@pytest.mark.parametrize("weights", [False, True], ids=["orders", "weights"])
@pytest.mark.parametrize("seed", range(6))
def test_fills_and_equity_are_those_of_a_plain_walk(seed: int, weights: bool) -> None:
    bars = recording(seed)
    order_rows = column(seed, bars.count, weights=weights)
    account = backtest_orders(bars, costs=COSTS, **{"weights" if weights else "orders": order_rows})
    fills, equity = plain_walk(bars, order_rows, weights=weights)
    got = [
        (int(row["at"].timestamp()) // 60 - 1, row["quantity"], row["price"], row["fee"])
        for row in account.fills.to_pylist()
    ]
    assert len(fills) > 20
    assert got == fills
    assert account.equity["equity"].to_pylist() == equity
    assert account.metrics.equity == equity[-1]
    assert account.metrics.fees == sum(fee for *_, fee in fills)


@pytest.mark.parametrize("blank", [np.nan, 0.0, -0.0])
@pytest.mark.parametrize("count", [1, 63, 64, 65, 128, 300])
def test_the_rows_of_a_column_are_those_at_which_something_is_wanted(count: int, blank: float) -> None:
    dice = np.random.default_rng(count)
    values = np.where(dice.random(count) < 0.3, dice.integers(-2, 3, count), blank)
    wanted = [at for at, value in enumerate(values.tolist()) if value and not isnan(value)]
    assert order_column(count, values, None, D(1)).rows.tolist() == wanted
    last, changes = 0.0, []
    for at, value in enumerate(values.tolist()):
        if not isnan(value) and value != last:
            last = value
            changes.append((at, value))
    weights = order_column(count, None, np.stack([values, values], axis=1)[:, 0], D(1))
    assert list(zip(weights.rows.tolist(), weights.weights.tolist(), strict=True)) == changes


@pytest.mark.parametrize("last", [np.inf, -np.inf])
def test_an_entry_that_is_infinite_is_named(last: float) -> None:
    column = np.append(np.full(149, np.nan), last)
    for orders, weights in ((column, None), (None, column)):
        with pytest.raises(BadInput, match="entry 149 is infinite"):
            order_column(150, orders, weights, D(1))


@pytest.mark.parametrize("column", ["open", "close"])
def test_a_price_that_64_bits_do_not_hold_is_refused_at_its_bar(column: str) -> None:
    bars = integer_bars(recording(1), 0, 2**62)
    prices = getattr(bars, column).copy()
    prices[200:] *= 10**13
    orders = order_column(400, np.where(np.arange(400) == 198, 1.0, 0.0), None, D("0.1"))
    traded(bars, orders, COSTS.exact())
    with pytest.raises(BadInput, match="the position is worth more"):
        traded(bars._replace(**{column: prices}, volume=np.where(np.arange(400) < 200, 0, 1)), orders, COSTS.exact())


def test_a_strategys_fills_given_as_orders_come_to_its_equity() -> None:
    bars = recording(9)
    own = fixed_size(contract.bind("sma_cross", {"fast": 3, "slow": 9}, 1), integer_bars(bars, 0, 2**62), TERMS)
    orders = np.zeros(bars.count)
    orders[own.fills[:, FillField.AT] - 1] = own.fills[:, FillField.LOTS] / 10
    account = backtest_orders(bars, orders, costs=COSTS)
    assert account.metrics.trips.round_trips == len(own.trips) > 10
    assert account.equity["equity"].to_pylist() == [D(int(worth)).scaleb(-own.scale) for worth in own.equity]


def test_columns_are_read_from_files_and_ticks_may_be_finer_than_their_prices(tmp_path: Any) -> None:
    path = tmp_path / "BTCUSDT-1m.csv"
    rows = [f"{1_700_000_040 + 60 * number},10{number},10{number + 1},10{number},10{number},5" for number in range(4)]
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    free = Costs(tick=D("0.001"), lot=D(1), fee_bps=D(0), slippage_bps=D(0))
    account = backtest_orders(path, [2, 0, -2, 0], costs=free)
    assert [(row["quantity"], row["price"]) for row in account.fills.to_pylist()] == [(D(2), D(101)), (D(-2), D(103))]
    assert account.metrics.equity == D(100_004)
    assert account.refusals.num_rows == 0


@pytest.mark.parametrize(
    ("order_rows", "reason"),
    [
        ({}, "give either orders or weights"),
        ({"orders": np.zeros(400), "weights": np.zeros(400)}, "give either orders or weights"),
        ({"orders": [1.0]}, r"there are 400 bars, and the column has the shape \(1,\)"),
        ({"weights": np.full(400, np.inf)}, "entry 0 is infinite"),
        ({"orders": np.full(400, 1e30)}, "entry 0 is more lots of 0.1 than 64 bits hold"),
        ({"orders": np.full(400, 1e15)}, "worth more than 64 bits hold"),
        ({"weights": np.full(400, 1e18)}, "worth more than 64 bits hold"),
    ],
)
def test_a_column_that_cannot_be_traded_is_refused(order_rows: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        backtest_orders(recording(1), costs=COSTS, **order_rows)


def test_no_bars_and_lots_beyond_64_bits_say_so() -> None:
    with pytest.raises(BadInput, match="there is no bar of BTC/USDT"):
        backtest_orders(Recording("BTC/USDT", "1m", 2, 1, 0, b""), [])
    bars = recording(1)
    with pytest.raises(BadInput, match="name a smaller lot"):
        backtest_orders(bars, np.zeros(bars.count), costs=Costs(lot=10**9))


def test_costs_are_numbers_of_any_kind() -> None:
    weights = np.where(np.arange(400) > 5, 0.5, 0.0)
    plain = backtest_orders(recording(1), weights=weights, costs=Costs(cash=1_000, tick=0.05, fee_bps=7.5))
    exact = Costs(cash=D(1_000), tick=D("0.05"), fee_bps=D("7.5"))
    assert plain.metrics == backtest_orders(recording(1), weights=weights, costs=exact).metrics
    assert plain.metrics.fills == 1


@pytest.mark.parametrize(
    ("costs", "reason"),
    [
        (Costs(cash=0), "cash is 0; it must be above zero"),
        (Costs(tick=0), "tick is 0"),
        (Costs(lot=-1), "lot is -1"),
        (Costs(fee_bps="much"), "fee_bps is 'much'; it must be a number"),
        (Costs(fee_bps=20_000), "fee_bps is 20000; it must be within 10,000"),
        (Costs(slippage_bps=float("nan")), "slippage_bps is nan"),
        # Such a sale filled at the open, as if it cost nothing.
        (Costs(slippage_bps=10_000), "where a sale would get nothing"),
        (Costs(slippage_bps=-1), "it must be from 0"),
    ],
)
def test_costs_that_cannot_be_meant_are_refused(costs: Costs, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        backtest_orders(recording(1), orders=np.zeros(400), costs=costs)
