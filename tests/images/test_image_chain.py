"""From image to image: bars become targets, targets orders, orders fills; and a poll of an exchange with ccxt."""

import json
import time
from typing import Any

import pytest

from fanfold import desk
from fanfold.deployment import SERVICES
from fanfold.local import run_plan
from fanfold.messages import encode
from fanfold.venues.ccxt.venue import catalogue
from support.exchange_server import Candle, Exchange, serving
from support.running import MINUTES, ROOT, STATE, Functions, bars_message, event

BEFORE, LAST = (encode(bars_message(closes)).decode() for closes in (MINUTES - 1, MINUTES))
OPEN = {"action": "open", "account": "main", "reason": "test", "actor": "test"}
LIVE = "desk-live.json"


@pytest.fixture
def whole(built: tuple[str, ...], functions: Functions) -> Functions:
    """All five images."""
    if set(built) != set(SERVICES):
        pytest.skip("not all five images were asked for")
    return functions


def answered(functions: Functions, service: str, handler: str, *bodies: str) -> list[Any]:
    """The messages that a function publishes for others, one minute before the last close; all must be taken."""
    functions.heard(0.1)
    clock = f"market:{STATE}/clock-before"
    answer, failed = functions.invoke(service, handler, event(service, *bodies), CLOCK=clock)
    assert (answer, failed) == ({"batchItemFailures": []}, False)
    return functions.heard()


def bodies(messages: list[Any]) -> list[str]:
    return [json.dumps(message) for message in messages]


def test_bars_lead_to_fills_through_the_images(whole):
    whole.invoke("risk", "control", OPEN)
    targets = answered(whole, "signal", "fold", BEFORE)
    settled = answered(whole, "execution", "execute", BEFORE)
    decided = answered(whole, "risk", "assess", BEFORE, *bodies(targets), *bodies(settled))
    assert [message["type"] for message in decided] == ["orders-approved.v1"]
    orders = {order["order_id"] for order in decided[0]["orders"]}
    assert orders
    answered(whole, "execution", "execute", *bodies(decided))
    (report,) = answered(whole, "execution", "execute", LAST)
    assert {fill["order_id"] for fill in report["fills"]} == orders


@pytest.fixture
def live(containers: Any) -> Any:
    """The address of an exchange with an hour of candles, and beside the recordings a desk that trades there."""
    exchange = Exchange()
    now = int(time.time()) // 60 * 60
    exchange.candles = [Candle(now - back * 60, "100.0", "101.0", "99.0", "100.5", "5") for back in range(60, 0, -1)]
    with serving(exchange) as origin:
        rules = catalogue("binance", ["BTC/USDT"], "2026-01-01", origin)
        raw = run_plan.live(ROOT / "desk.toml", "binance", ["BTC/USDT"], rules, [])
        (containers.state / LIVE).write_bytes(desk.dump(desk.build(raw, "desk.toml")))
        yield origin


def test_an_exchange_is_polled_from_the_image(built, functions, live):
    if "market-data" not in built:
        pytest.skip("the image of market-data was not asked for")
    while functions.heard(0.1):
        """What was published before is somebody else's."""
    environment = {"DESK": f"{STATE}/{LIVE}", "CLOCK": "wall", "VENUE_ORIGIN": live, "CURSORS_TABLE": "folds"}
    answer, failed = functions.invoke("market-data", "poll", {}, **environment)
    assert not failed, answer
    assert answer["bars"] >= 1
    published = [message for message in functions.heard() if message["type"] == "bars-closed.v1"]
    # A longer timeframe's bar may have closed in this minute too.
    frames = [frame for message in published for frame in message["frames"]]
    assert {name for frame in frames for name in frame["instruments"]} == {"BTC/USDT"}
