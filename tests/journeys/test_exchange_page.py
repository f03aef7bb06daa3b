"""The page about the simulated exchange: its script and settings run as written, and its command starts and stops."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from runpy import run_path
from typing import Any

import ccxt
import pytest

from fanfold.exchange import server
from fanfold.exchange.faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "exchange.md").read_text()
PORT = "127.0.0.1:8090"


def block(language: str) -> str:
    match = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert match
    return match[1]


@pytest.fixture
def served() -> Any:
    with server.serve() as exchange:
        yield exchange


def test_the_script_trades_as_written(served: server.ServedExchange) -> None:
    script = block("python").replace(f"http://{PORT}", served.origin)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.endswith(" open")
    assert "'currency': 'BTC'" in second


def test_the_options_that_freqtrade_passes_on_connect(served: server.ServedExchange) -> None:
    settings = json.loads(block("json").replace(f"http://{PORT}", served.origin))["exchange"]
    exchange = ccxt.binance({"apiKey": settings["key"], "secret": settings["secret"], **settings["ccxt_config"]})
    assert set(settings["pair_whitelist"]) <= set(exchange.load_markets())
    assert exchange.fetch_balance()["USDT"]["free"] == 100_000


def test_the_page_has_every_fault() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [(name, fault.meets, fault.about) for name, fault in FAULTS.items()]


def test_the_page_has_every_client_that_trades_here() -> None:
    rows = re.findall(r"^\| ([\w-]+) \| ([\d.]+) \|", PAGE, re.MULTILINE)
    peers = run_path(str(ROOT / "tests" / "peers" / "run.py"))["PEERS"]
    assert rows == [(peer.package, peer.version) for peer in peers]
    assert all((ROOT / "tests" / "peers" / peer.script).exists() for peer in peers)


def test_the_command_says_where_it_is_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    data = tmp_path / "ETHUSDT-1m.csv"
    rows = [f"{1_767_225_600 + n * 60},100.{n % 90:02d},101.5,99.5,100.5,1000.25" for n in range(120)]
    data.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    command = [sys.executable, "-m", "fanfold.cli.entry", "exchange", "--port", "0", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            name, url = process.stdout.readline().split()
            exchange = ccxt.binance({"options": {"fetchMarkets": {"types": ["spot"]}}})
            exchange.urls["api"]["public"] = f"{url}/api/v3"
            assert (name, list(exchange.load_markets())) == ("url", ["ETH/USDT"])
            assert exchange.fetch_ticker("ETH/USDT")["last"] > 99
        finally:
            # As Ctrl-C; SIGINT itself is ignored by what a shell started in the background.
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 130
