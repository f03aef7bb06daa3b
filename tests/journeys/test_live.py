"""Paper trading on an exchange's public bars: real ccxt, a real socket, an exchange on loopback."""

import json
import time
from pathlib import Path

import pytest

from fanfold.cli.main import main
from support.exchange_server import Candle, Exchange, serving

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def exchange() -> Exchange:
    """An hour of rising minutes up to now, the last of them still forming."""
    served = Exchange()
    now = int(time.time()) // 60 * 60
    served.candles = [
        Candle(now - back * 60, f"{100 - back}.00", f"{101 - back}.00", f"{99 - back}.00", f"{100.5 - back}0", "50")
        for back in range(60, -1, -1)
    ]
    served.touch = ("100.49", "100.51")
    return served


def test_a_live_paper_desk_buys_at_the_quote_and_its_books_balance(exchange, tmp_path, capsys):
    with serving(exchange) as origin:
        code = main(
            [
                "run",
                "--live",
                "binance",
                "--symbols",
                "BTC/USDT",
                "--origin",
                origin,
                "--minutes",
                "1",
                "--json",
                "--desk",
                str(ROOT / "desk.toml"),
                "--strategy",
                "sma_cross",
                "--param",
                "fast=2",
                "--param",
                "slow=5",
                "--state",
                str(tmp_path / "state"),
            ]
        )
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert code == 0, captured.err
    assert summary["fills"] >= 1
    assert summary["dead_letters"] == 0
    assert summary["books_balance"]
    assert main(["replay", "--state", str(tmp_path / "state")]) == 2
    assert "this run was live" in capsys.readouterr().err
    assert {path for path, _ in exchange.public_requests} >= {"/api/v3/klines", "/api/v3/exchangeInfo"}


def test_an_exchange_that_does_not_answer_is_named(tmp_path, capsys):
    code = main(
        [
            "run",
            "--live",
            "binance",
            "--symbols",
            "BTC/USDT",
            "--origin",
            "http://127.0.0.1:9",
            "--minutes",
            "1",
            "--desk",
            str(ROOT / "desk.toml"),
            "--state",
            str(tmp_path / "state"),
        ]
    )
    assert code == 4
    assert "binance" in capsys.readouterr().err
