"""A small desk that traded an hour of the seeded market: filled orders, refused ones, one dead letter."""

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanfold import desk
from fanfold.local import deployment_cache, launcher
from fanfold.local.driver import DeskRun, environment, start_desk
from fanfold.local.launcher import Cloud
from fanfold.local.state_directory import RunRequest, write_request
from fanfold.simulation import market
from fanfold.venues import replay

ROOT = Path(__file__).resolve().parents[2]
START = 1_772_323_200  # 2026-03-01, midnight UTC
MINUTES = 60
DAY = "2026-03-01"
SYMBOLS = ["BTC/USDT", "ETH/USDT", "XRP/USDT"]


def tables() -> dict[str, Any]:
    """A desk whose trend orders are over the limit for an order when they open, and whose others are not."""
    common = {"instruments": SYMBOLS, "timeframe": "1m", "account": "main"}
    return {
        "venues": {"replay": {"kind": "replay", "symbols": SYMBOLS}},
        "accounts": {"main": {"venue": "replay", "kind": "margin", "currency": "USDT", "cash": "10000"}},
        "strategies": {
            "small": {"strategy": "sma_cross", "params": {"fast": 5, "slow": 20}, "allocation": "0.2", **common},
            "large": {"strategy": "sma_cross", "params": {"fast": 5, "slow": 20}, "allocation": "0.6", **common},
        },
        "limits": {"main": {"order_notional_max": "1500", "position_notional_max": "9000"}},
        "instruments": {
            name: msgspec.to_builtins(rules) for name, rules in market.catalogue().items() if name in SYMBOLS
        },
    }


def skip_without_node() -> None:
    if shutil.which("node") is None or not (ROOT / "node_modules" / ".bin" / "serverless").exists():
        pytest.skip("needs node and `make install`: the stacks are deployed by the Serverless tool")


class LocalDesk:
    """A desk in a state directory, up as `fanfold run --stay` keeps it, or at rest."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._up = ExitStack()

    def start(self) -> Cloud:
        return self._up.enter_context(start_desk(self.state, environment(self.state, live=False)))

    def rest(self) -> Path:
        """Stop it, where it is up; return its state."""
        self._up.close()
        return self.state


def traded(state: Path) -> LocalDesk:
    """A desk that traded and is still up."""
    state.mkdir(parents=True)
    built = desk.build(tables(), "the test's desk")
    (state / "desk.json").write_bytes(desk.dump(built))
    write_request(state, RunRequest(desk="test"))
    replay.write(state / "recordings", market.market(7, SYMBOLS, MINUTES, START))
    (state / "clock").write_text(str(START))
    local = LocalDesk(state)
    as_before = deployment_cache.copy_to(state)
    cloud = local.start()
    if not as_before:
        launcher.deploy(cloud, lambda _name: None)
        deployment_cache.store(cloud, state)
    run = DeskRun(cloud, state)
    run.open_accounts(["main"])
    run.replay(range(START + 60, START + MINUTES * 60 + 1, 60), 0.0, lambda _now: None, lambda: False)
    bury(cloud, "risk")
    run.finish()
    return local


def bury(cloud: Cloud, service: str) -> None:
    """Put a message on a service's dead-letter queue as its edge does."""
    url = f"{cloud.endpoint}/000000000000/fanfold-local-{service}-dead-letters.fifo"
    attributes = {"reason": "not a message: it has no type", "source": f"arn:aws:sqs:::fanfold-local-{service}.fifo"}
    cloud.call()(
        "sqs",
        "SendMessage",
        {
            "QueueUrl": url,
            "MessageBody": json.dumps({"neither": "this nor that"}),
            "MessageGroupId": "main",
            "MessageDeduplicationId": "a letter",
            "MessageAttributes": {
                key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()
            },
        },
    )
