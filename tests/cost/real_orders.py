"""Hours of an account that trades for real at the simulated exchange, and the same hours in which it wants nothing."""

import json
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from cost_situations import Scenario
from counted_chain import CountedChain, traded

from fanfold import desk
from fanfold.aws.client.connect import connect
from fanfold.cli import cost_files
from fanfold.cost import order
from fanfold.cost.days import Day
from fanfold.exchange import server
from fanfold.exchange.server import ManualClock
from fanfold.simulation import market
from support.chain import _create
from support.emulator import ministack, through_boto3
from support.situations import LISTED, NOTHING, SEED, START, Situation

MINUTES, WARM_MINUTES, HISTORY = 240, 5, 60
PARAMETER = "/fanfold/dev/venue"
CASH = 100_000
PROFILE = "full"


class RealChain(CountedChain):
    """A counted chain whose exchange has the clock of its desk."""

    def __init__(self, box_clock: ManualClock, *parts: object, settings: dict[str, str]) -> None:
        self._box_clock = box_clock
        super().__init__(*parts, settings=settings)  # type: ignore[misc, arg-type]

    def poll(self, now: int) -> None:
        self._box_clock.now_ms = now * 1_000
        super().poll(now)


def real_day(allocation: Decimal) -> Day:
    """The hours, of a strategy with such a share of the cash."""
    scenario = Scenario("real-orders", _situation(allocation), PROFILE, WARM_MINUTES)
    situation = scenario.situation
    clock = ManualClock((situation.closes[0] - 60) * 1_000)
    stacks, deposits = cost_files.recorded_stacks(PROFILE), {"USDT": Decimal(CASH)}
    serving = server.serve(
        situation.recordings, situation.desk.instruments, clock=clock, deposits=deposits, moved=False
    )
    with serving as box, ministack() as emulator, TemporaryDirectory() as folder:
        admin = through_boto3(emulator.endpoint)
        _create(admin)
        keys = json.dumps({"apiKey": box.key, "secret": box.secret})
        admin("ssm", "PutParameter", {"Name": PARAMETER, "Value": keys, "Type": "SecureString"})
        settings = {"VENUE_ORIGIN": box.origin, "LIVE_VENUE": "exchange", "VENUE_SECRET": PARAMETER}
        light = connect("light", emulator.endpoint)
        chain = RealChain(clock, situation, Path(folder), light, stacks, settings=settings)
        return traded(scenario, chain)


def _situation(allocation: Decimal) -> Situation:
    total = HISTORY + WARM_MINUTES + MINUTES
    raw = {
        "venues": {"exchange": {"kind": "ccxt", "exchange": "binance", "symbols": [LISTED], "timeframe": "1m"}},
        "accounts": {
            "main": {"venue": "exchange", "kind": "spot", "mode": "live", "currency": "USDT", "cash": str(CASH)}
        },
        "strategies": {
            "turns": {
                "strategy": "sma_cross",
                "params": {"fast": 1, "slow": 2},
                "instruments": [LISTED],
                "timeframe": "1m",
                "allocation": str(allocation),
                "account": "main",
                "band": 0,
            }
        },
        "limits": {
            "main": {
                "order_notional_max": str(CASH),
                "position_notional_max": str(CASH),
                "daily_loss_max": "1",
                "drawdown_max": "1",
            }
        },
        "instruments": {LISTED: msgspec.to_builtins(market.catalogue()[LISTED])},
    }
    series = market.market(SEED, [LISTED], total + 1, START)
    first = START + HISTORY * 60
    closes = range(first, first + (WARM_MINUTES + MINUTES) * 60, 60)
    return Situation("an account that trades for real", desk.build(raw, "cost"), series, closes)


def real_days() -> dict[str, Day]:
    """The hours with orders and those without, by the names of their records."""
    return {order.BUSY: real_day(Decimal("0.5")), order.QUIET: real_day(NOTHING)}
