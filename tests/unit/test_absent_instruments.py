"""An instrument that has no bar in the span of a back-test, or of a window of a sweep, is named; the others trade."""

from pathlib import Path

import pytest

from fanfold.research import backtest, sweep
from fanfold.simulation import market

START = 1_767_225_600
DAY_S = 86_400


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Ten hours of one instrument, and five of another a day later."""
    paths = []
    for symbol, start, minutes in (("BTC/USDT", START, 600), ("ETH/USDT", START + DAY_S, 300)):
        (series,) = market.market(7, [symbol], minutes, start)
        scale = 10**series.price_scale
        rows = [
            ",".join([str(bar.closes_at_s - 60), *(str(price / scale) for price in bar[1:5]), "12.5"])
            for bar in series.bars
        ]
        paths.append(tmp_path / f"{symbol.replace('/', '')}-1m.csv")
        paths[-1].write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]) + "\n")
    return paths


@pytest.mark.parametrize("fidelity", ["fast", "full"])
def test_an_instrument_without_bars_is_named_and_the_others_trade(files: list[Path], fidelity: str) -> None:
    result = backtest("sma_cross", files, until=START + 600 * 60, fidelity=fidelity)  # type: ignore[arg-type]
    assert result.account.metrics.fills > 0
    assert result.account.metrics.buy_and_hold is not None
    assert "ETH/USDT has no bar in the time that is traded" in result.notes
    assert any(note.startswith("sma_cross will not trade ETH/USDT: it needs 100 bars of 1m") for note in result.notes)


def test_a_window_without_bars_is_a_trial_with_its_reason(files: list[Path]) -> None:
    swept = sweep("sma_cross", files, grid={"fast": [5]}, instruments="each", windows="2")
    reasons = {row["instruments"]: row["error"] for row in swept.failed().to_pylist()}
    assert set(reasons) == {"BTC/USDT", "ETH/USDT"}
    assert all(f"{name}: no bar closes from" in reason for name, reason in reasons.items())
