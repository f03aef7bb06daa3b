"""Products that fit into no 64 bits: compiled quotients equal those of Python's integers."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from fanfold.cli.main import main
from fanfold.errors import BadInput
from fanfold.research import backtest, tape

MONEY = st.integers(0, 2**61)
BY_QUANTITY = ["sweep", "sma_cross", "--grid", "fast=5", "--quantity", "0.5"]
DESK = """
[venues.market]
kind = "replay"
symbols = ["BTC/USDT"]

[accounts.main]
venue = "market"
currency = "USDT"
cash = 4000
taker_bps = {fee}
maker_bps = {fee}

[strategies.trend]
strategy = "sma_cross"
instruments = ["BTC/USDT"]
timeframe = "1m"
allocation = 1
account = "main"

[limits.main]
order_notional_max = 100000
position_notional_max = 100000
daily_loss_max = 1
drawdown_max = 1

[instruments."BTC/USDT"]
base = "BTC"
quote = "USDT"
tick = 0.00000001
lot = 0.00001
notional_min = 5
as_of = "2026-01-01"
source = "a venue"
"""


@njit
def compiled(figure: int, of: int, by: int, step: int) -> tuple[int, int, int, int]:
    return (
        tape.share_of(figure, of, by),
        tape.share_of(-figure, of, by),
        tape.fee_of(figure, of, by * of, step),
        tape.portion(figure, of, by * of),
    )


@njit
def signs(lots: int, other: int) -> tuple[bool, bool]:
    return tape.agree(lots, other), tape.oppose(lots, other)


@njit
def below(part: int, whole: int, other: int, of: int) -> bool:
    return tape.is_less(part, whole, other, of)


QUANTITY = st.integers(-(2**62), 2**62)
ABOVE_ZERO = st.integers(1, 2**62)


@settings(max_examples=300, deadline=None)
@given(QUANTITY, QUANTITY)
def test_signs_are_those_of_products_that_may_not_fit(lots: int, other: int) -> None:
    assert signs(lots, other) == (lots * other > 0, lots * other < 0)


@settings(max_examples=300, deadline=None)
@given(ABOVE_ZERO, ABOVE_ZERO, ABOVE_ZERO, ABOVE_ZERO)
def test_quotients_are_compared_exactly(part: int, whole: int, other: int, of: int) -> None:
    assert below(part, whole, other, of) == (part * of < other * whole)
    assert not below(part, whole, part, whole)
    assert below(part, whole, part + 1, whole)


@njit
def moved(side: int, price: int, of: int, by: int, tick: int) -> int:
    return tape.worsened(side, price, of, by, tick)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 2**60), st.integers(0, 10**5), st.integers(10**5, 10**10), st.sampled_from([1, 5, 1000]))
def test_a_price_is_worsened_by_any_share(price: int, of: int, by: int, tick: int) -> None:
    bought, sold = -(-price * (by + of) // (by * tick)) * tick, price * (by - of) // (by * tick) * tick
    assert (moved(1, price, of, by, tick), moved(-1, price, of, by, tick)) == (bought, sold or price)


def test_a_fixed_quantity_pays_a_slippage_of_many_decimals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*BY_QUANTITY, "--data", str(file_of(tmp_path, 8, 3))]
    returns = []
    for slippage in ("3.3", "3.33333"):
        assert main([*words, "--slippage", slippage, "--library", str(tmp_path / slippage), "--json"]) == 0
        (trial,) = json.loads(capsys.readouterr().out)["trials"]
        returns.append(trial["total_return"])
    # 84 fills of half a coin at some 61,000 pay 0.03333 basis points more: a hundredth of a thousandth of the cash.
    assert returns[0] - 0.0002 < returns[1] < returns[0]


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["backtest", "sma_cross", "--slippage", "3.3333333333"], 2, "slippage_bps and half of spread_bps"),
        (["backtest", "sma_cross", "--fees", "3.3333333333"], 2, "taker_bps"),
        (
            [*BY_QUANTITY, "--slippage", "3.3333333333"],
            0,
            "0 trials of sma_cross, run SWEEP\n1 not traded: the slippage",
        ),
        ([*BY_QUANTITY, "--fees", "3.3333333333"], 0, "0 trials of sma_cross, run SWEEP\n1 not traded: the fee"),
    ],
)
def test_a_rate_of_more_decimals_than_fit_is_refused(
    words: list[str], code: int, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--data", str(file_of(tmp_path, 8, 3)), "--library", str(tmp_path)]) == code
    said = re.sub("sweep-[0-9a-f]{16}", "SWEEP", "".join(capsys.readouterr()))
    assert f"{named} has more decimals than fit into 64 bits, as " in said


@settings(max_examples=300, deadline=None)
@given(MONEY, st.integers(1, 50), st.integers(50, 10**6), st.sampled_from([1, 100, 10**4]))
def test_quotients_are_those_of_whole_numbers(figure: int, of: int, by: int, step: int) -> None:
    whole = by * of * step
    expected = figure * of // by, -figure * of // by, -(-figure * of // whole) * step, figure * of // (by * of)
    assert compiled(figure, of, by, step) == expected


def file_of(directory: Path, digits: int, volume_digits: int) -> Path:
    """Write a day of minutes with so many digits."""
    lines, close = ["timestamp,open,high,low,close,volume"], 61_234.123456789012
    for minute in range(1_500):
        before, close = close, close * (1 + 0.002 * ((minute * 7_919 % 101) / 100 - 0.5))
        prices = before, max(before, close), min(before, close), close
        volume = 3 + (minute * 104_729 % 997) / 997
        row = [f"{price:.{digits}f}" for price in prices] + [f"{volume:.{volume_digits}f}"]
        lines.append(",".join([str(1_767_225_600 + 60 * minute), *row]))
    file = directory / "BTCUSDT-1m.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize(
    ("digits", "volume_digits"),
    [(2, 8), (8, 8), (2, 16), (12, 3)],
    ids=["as at Coinbase", "long", "computed", "prices"],
)
def test_a_file_of_many_digits_trades_fast_as_at_full_fidelity(digits: int, volume_digits: int, tmp_path: Path) -> None:
    file = file_of(tmp_path, digits, volume_digits)
    fast, full = (backtest("sma_cross", file, fidelity=fidelity).account for fidelity in ("fast", "full"))
    assert fast.metrics == full.metrics
    assert fast.metrics.fills > 10
    assert fast.equity.equals(full.equity)


def test_a_fee_with_which_prices_do_not_fit_is_refused_and_one_with_which_they_do_trades(tmp_path: Path) -> None:
    file, desk = file_of(tmp_path, 8, 3), tmp_path / "desk.toml"
    desk.write_text(DESK.format(fee="1.725"))
    with pytest.raises(BadInput, match="cannot hold in 64 bits; take --fidelity full"):
        backtest(None, file, desk=desk)
    desk.write_text(DESK.format(fee="7.5"))
    fast, full = (backtest(None, file, desk=desk, fidelity=fidelity).account for fidelity in ("fast", "full"))
    assert fast.metrics == full.metrics
    assert fast.metrics.fills > 10


def test_more_cash_than_64_bits_hold_says_what_helps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data", str(file_of(tmp_path, 2, 8)), "--cash", "1e10", "--library", str(tmp_path)]
    assert main(["backtest", "sma_cross", *words]) == 2
    assert "or take --fidelity full" in capsys.readouterr().err
