"""Trade with freqtrade in live mode: a stop on the exchange, an order that rests, a kill, a reload, an exit."""

import base64
import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

from calls import Calls, settings

WAIT_S = 90
PORT = 18191
STRATEGY = """
from freqtrade.strategy import IStrategy


class Waits(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {"0": 100}
    stoploss = -0.05
    startup_candle_count = 20
    order_types = {
        "entry": "limit", "exit": "limit", "force_entry": "market", "force_exit": "market", "stoploss": "limit",
        "stoploss_on_exchange": True, "stoploss_on_exchange_interval": 5,
    }

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 0
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = 0
        return dataframe
"""
exchange, calls = settings(), Calls()
folder = Path(exchange.folder)


def configure():
    """Write settings, of which those of the exchange are the page's, and a strategy that only waits."""
    spot = f"{exchange.origin}/api/v3"
    api = {
        "public": spot,
        "private": spot,
        "sapi": f"{exchange.origin}/sapi/v1",
        "ws": {"spot": f"{exchange.socket}/ws"},
    }
    pricing = {"price_side": "same", "use_order_book": True, "order_book_top": 1}
    config = {
        "max_open_trades": 2, "stake_currency": "USDT", "stake_amount": 1000, "dry_run": False,
        "entry_pricing": {**pricing, "check_depth_of_market": {"enabled": False}}, "exit_pricing": pricing,
        "exchange": {
            "name": "binance", "key": exchange.key, "secret": exchange.secret,
            "ccxt_config": {"options": {"fetchMarkets": {"types": ["spot"]}}, "urls": {"api": api}},
            "pair_whitelist": ["BTC/USDT", "ETH/USDT"],
        },
        "pairlists": [{"method": "StaticPairList"}], "force_entry_enable": True, "initial_state": "running",
        "api_server": {
            "enabled": True, "listen_ip_address": "127.0.0.1", "listen_port": PORT, "username": "box",
            "password": "box", "jwt_secret_key": "play money " * 4, "ws_token": "play money " * 4,
        },
        "internals": {"process_throttle_secs": 2},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "strategies").mkdir()
    (folder / "strategies" / "waits.py").write_text(STRATEGY)
    (folder / "user_data").mkdir()


def start():
    """Start the bot, and return it once it answers."""
    command = [
        sys.executable, "-m", "freqtrade", "trade", "-c", "config.json", "--userdir", "user_data", "--strategy-path",
        "strategies", "-s", "Waits", "--db-url", "sqlite:///trades.sqlite",
    ]  # fmt: skip
    bot = subprocess.Popen(command, cwd=folder, stdout=sys.stderr, stderr=sys.stderr)
    until(lambda: ask("GET", "ping"))
    return bot


def ask(method, path, document=None):
    """Ask the bot's own API; None while it does not answer."""
    login = base64.b64encode(b"box:box").decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
    body = None if document is None else json.dumps(document).encode()
    url = f"http://127.0.0.1:{PORT}/api/v1/{path}"
    try:
        with urlopen(Request(url, body, headers, method=method), timeout=60) as answer:
            return json.loads(answer.read())
    except OSError:
        return None


def until(holds):
    """Wait until something holds; return whether it came to that."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.5)
    return False


def orders():
    """Return the exchange's own orders, as side, kind and status."""
    with urlopen(f"{exchange.origin}/box/orders", timeout=10) as answer:
        return sorted((order["side"], order["type"], order["status"]) for order in json.loads(answer.read()))


def knows(*kinds):
    """Return whether the bot has a trade for each of these, with an open order of the kind."""
    trades = ask("GET", "status") or []
    rows = {(order["ft_order_side"], order["status"]) for trade in trades for order in trade["orders"]}
    return len(trades) == len(kinds) and {(kind, "open") for kind in kinds} <= rows


def main():
    configure()
    bot = start()
    try:
        calls.check("start in live mode", holds=bool(ask("GET", "ping")))
        ask("POST", "forceenter", {"pair": "BTC/USDT"})
        ask("POST", "forceenter", {"pair": "ETH/USDT", "ordertype": "limit", "price": 1_500})
        calls.check("buy, and a stop on the exchange", holds=until(lambda: knows("stoploss", "buy")))
        before = orders()
        bot.kill()
        bot.wait()
        bot = start()
        calls.check("start after a kill over both", holds=until(lambda: knows("stoploss", "buy")))
        calls.check("place nothing twice", holds=orders() == before)
        ask("POST", "reload_config")
        time.sleep(5)
        calls.check("reload", holds=until(lambda: knows("stoploss", "buy")))
        ask("DELETE", "trades/2/open-order")
        calls.check("cancel", holds=until(lambda: ("BUY", "LIMIT", "CANCELED") in orders()))
        ask("POST", "forceexit", {"tradeid": "1"})
        calls.check("sell", holds=until(lambda: ("SELL", "MARKET", "FILLED") in orders()))
        calls.check("take the stop back", holds=("SELL", "STOP_LOSS_LIMIT", "CANCELED") in orders())
    finally:
        bot.terminate()
        bot.wait(timeout=60)
    calls.report()


if __name__ == "__main__":
    main()
