"""A scan of one strategy by a fixed quantity: the reference results to the last digit, and a walk in plain decimals."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fanfold.errors import BadInput
from fanfold.research import fixed_size as fixed
from fanfold.research.columns import IntegerBars
from fanfold.research.compiled import columns_read
from fanfold.research.fixed_size import FixedSize, fixed_size
from fanfold.research.tape import FillField, FillTape, ScanResult, TripField, longer
from fanfold.strategy import contract
from fanfold.strategy.bars import Bars

D = Decimal
REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
# Bars of the walk of seed 7, fills, closed trades, fees, final equity.
KNOWN = [
    (100_000, 1_411, 705, "12.74180684", "9986.25356316"),
    (500_000, 6_815, 3_407, "69.70235088", "9934.33745912"),
    (2_600_000, 35_866, 17_933, "267.27585408", "9731.61202592"),
]
UNIT = FixedSize(cash=D(10_000), quantity=D(1), tick=D("0.00001"), lot=D(1), fee_bps=D(10))


def reference(name: str) -> ModuleType:
    path = REFERENCE / f"{name}.py"
    if not path.is_file():
        pytest.skip(f"the reference walk is not there: {path}")
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def walk() -> tuple[Any, ...]:
    columns: tuple[Any, ...] = reference("gen_bars").bars()
    return columns


def integers(columns: Sequence[Any], count: int) -> IntegerBars:
    time, *prices, volume = (column[:count] for column in columns)
    whole = [np.rint(column * 1e5).astype(np.int64) for column in prices]
    return IntegerBars(*[time // 10**9, *whole, volume.astype(np.int64), 5, 0])


def money(figure: Any, result: ScanResult) -> Decimal:
    return D(int(figure)).scaleb(-result.scale)


@pytest.mark.parametrize(("count", "fills", "trips", "fees", "equity"), KNOWN, ids=[f"{row[0]:,}" for row in KNOWN])
def test_the_reference_results_come_out_to_the_last_digit(
    walk: Any, count: int, fills: int, trips: int, fees: str, equity: str
) -> None:
    result = fixed_size(contract.bind("sma_cross", {}, 1), integers(walk, count), UNIT)
    assert (len(result.fills), len(result.trips)) == (fills, trips)
    assert money(result.fills[:, FillField.FEE].sum(), result) == D(fees)
    assert money(result.equity[-1], result) == D(equity)


@pytest.mark.parametrize(("fast", "slow"), [(20, 100), (5, 12), (50, 70)])
def test_the_reference_oracle_agrees_on_other_params(walk: Any, fast: int, slow: int) -> None:
    bars = integers(walk, 60_000)
    oracle = reference("oracle").oracle(bars.open.tolist(), bars.close.tolist(), fast, slow)
    result = fixed_size(contract.bind("sma_cross", {"fast": fast, "slow": slow}, 1), bars, UNIT)
    assert (len(result.fills), len(result.trips)) == (oracle["fills"], oracle["closed_trades"])
    assert money(result.fills[:, FillField.FEE].sum(), result) == D(oracle["fees"])
    assert money(result.equity[-1], result) == D(oracle["final_equity"])


def made_up(seed: int, count: int = 600) -> IntegerBars:
    """Bars with gaps, flat stretches in which averages tie, and bars without volume."""
    chance = np.random.default_rng(seed)
    close = 10_000 + np.cumsum(chance.integers(-60, 61, count) * (chance.random(count) < 0.8))
    opened = close + chance.integers(-5, 6, count)
    high, low = np.maximum(opened, close) + 3, np.minimum(opened, close) - 3
    volume = chance.integers(1, 900, count) * (chance.random(count) < 0.9)
    return IntegerBars(60 * np.arange(1, count + 1), opened, high, low, close, volume, 2, 1)


def plain_walk(bars: IntegerBars, terms: FixedSize, fast: int, slow: int) -> tuple[list[Any], list[Decimal]]:
    """The same in decimals and lists: fills as (bar, quantity, price, fee), and the equity at each close."""
    cash, held, pending, fills, equity = terms.cash, D(0), D(0), [], []
    closes = [D(int(close)).scaleb(-2) for close in bars.close]
    for at, close in enumerate(closes):
        if pending and bars.volume[at]:
            opened, buys = D(int(bars.open[at])).scaleb(-2), pending > 0
            price = opened * (1 + terms.slippage_bps / 10_000 * (1 if buys else -1))
            price = (price / terms.tick).to_integral_value("ROUND_CEILING" if buys else "ROUND_FLOOR") * terms.tick
            fee = (price * abs(pending) * terms.fee_bps / 10_000).quantize(D("1e-8"), ROUND_CEILING)
            fills.append((at, pending, price, fee))
            cash, held, pending = cash - price * pending - fee, held + pending, D(0)
        if at >= slow - 1:
            above = sum(closes[at + 1 - fast : at + 1]) * slow > sum(closes[at + 1 - slow : at + 1]) * fast
            pending = (terms.quantity if above else D(0)) - held
        equity.append(cash + held * close)
    return fills, equity


def fills_in(result: ScanResult, terms: FixedSize) -> list[tuple[Any, ...]]:
    """The fills of a result as the walk has them."""
    return [
        (int(row[FillField.AT]), row[FillField.LOTS] * terms.lot, D(int(row[FillField.PRICE])).scaleb(-2),
         money(row[FillField.FEE], result))
        for row in result.fills.tolist()
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_a_walk_in_plain_decimals_agrees_bar_by_bar(seed: int) -> None:
    bars = made_up(seed)
    terms = FixedSize(D(5_000), D("12.4"), tick=D("0.05"), lot=D("0.1"), fee_bps=D("7.5"), slippage_bps=D(3))
    result = fixed_size(contract.bind("sma_cross", {"fast": 3, "slow": 9}, 1), bars, terms)
    fills, equity = plain_walk(bars, terms, 3, 9)
    assert len(fills) > 20
    assert fills_in(result, terms) == fills
    assert [money(figure, result) for figure in result.equity] == equity


def test_more_fills_than_a_tape_begins_with_are_written_after_a_scan_is_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resumed = list[int]()

    def watched(tape: FillTape) -> FillTape:
        resumed.append(len(tape.fills))
        return longer(tape)

    monkeypatch.setattr(fixed, "longer", watched)
    bars, chance = made_up(9, 24_000), np.random.default_rng(9)
    bars = bars._replace(close=10_000 + chance.integers(-60, 61, bars.time.size))
    terms = FixedSize(D(5_000), D("12.4"), tick=D("0.05"), lot=D("0.1"), fee_bps=D("7.5"), slippage_bps=D(3))
    strategy = contract.bind("sma_cross", {"fast": 1, "slow": 2}, 1)
    fills, equity = plain_walk(bars, terms, 1, 2)
    by_sums = fixed_size(strategy, bars, terms)
    monkeypatch.setattr(fixed, "windows_of", lambda _strategy, _scale: None)
    by_step = fixed_size(strategy, bars, terms)
    # Each of the two, at the same fills.
    assert len(resumed) == 2 * len(set(resumed)) > 0
    for result in (by_sums, by_step):
        assert fills_in(result, terms) == fills
        assert [money(figure, result) for figure in result.equity] == equity
        assert result.trips[:, TripField.CLOSED].tolist() == list(range(1, len(fills), 2))
        assert result.trips.tolist() == by_sums.trips.tolist()


def test_profits_of_round_trips_and_what_is_open_add_up_to_the_equity() -> None:
    bars = made_up(3)
    terms = FixedSize(D(5_000), D("12.4"), tick=D("0.05"), lot=D("0.1"), fee_bps=D(10))
    result = fixed_size(contract.bind("sma_cross", {"fast": 3, "slow": 9}, 1), bars, terms)
    earned = money(result.trips[:, TripField.PROFIT].sum(), result)
    open_now = result.fills[-1] if result.fills[:, FillField.LOTS].sum() else None
    if open_now is not None:
        worth = (int(bars.close[-1]) - int(open_now[FillField.PRICE])) * int(open_now[FillField.LOTS])
        earned += D(worth).scaleb(-3) - money(open_now[FillField.FEE], result)
    assert money(result.equity[-1], result) - terms.cash == earned


def test_a_figure_that_64_bits_do_not_hold_is_named_and_never_wraps_around() -> None:
    terms = FixedSize(D(10) ** 6, D(10) ** 10, tick=D("0.01"), lot=D("0.00001"), fee_bps=D(10))
    with pytest.raises(BadInput, match="more than 64 bits hold"):
        fixed_size(contract.bind("sma_cross", {"fast": 3, "slow": 9}, 1), made_up(1), terms)


def reads_in_a_comprehension(_params: Any, state: Any, bars: Any) -> Any:
    return state, sum([bars.volume[bars.now - n] for n in range(3)])


def unpacks(_params: Any, state: Any, bars: Any) -> Any:
    now, _time, _open, high, *_rest = bars
    return state, high[now]


def hands_on(_params: Any, state: Any, bars: Any) -> Any:
    return state, max(vars(bars))


def reads_another_name(_params: Any, state: Any, bars: Any) -> Any:
    same = bars
    return state, same[3][same[0]]


def test_a_column_that_a_step_reads_in_a_comprehension_alone_is_there() -> None:
    assert {"volume", "now"} <= columns_read(reads_in_a_comprehension)
    assert "close" not in columns_read(reads_in_a_comprehension)


@pytest.mark.parametrize("step", [unpacks, hands_on, reads_another_name])
def test_a_step_that_reads_its_bars_otherwise_than_by_name_has_every_column(step: Any) -> None:
    assert set(Bars._fields) - {"now"} <= columns_read(step)
