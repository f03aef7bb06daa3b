"""Many intents through the production handlers, real ccxt and a real socket, while the simulated exchange fails.

The clocks of desk, exchange and pacing are one, set by hand, so that an hour of trading takes as long as its work.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, NamedTuple

from test_real_execution import LiveDesk

from execution_service import wiring
from execution_service.settings import Settings
from fanfold import ids
from fanfold.aws.dynamodb import ledger
from fanfold.aws.sns import Topics
from fanfold.cli import box_checks
from fanfold.cli.box_checks import BoxComparison
from fanfold.exchange.server import ManualClock, ServedExchange, serve
from fanfold.market.bars import Series
from fanfold.messages import Order
from fanfold.simulation import market
from support.box_admin import ask_box
from support.box_client import PLENTY
from support.core_desk import START, A, B
from support.execution_world import minute, order

A_MINUTE, HISTORY = 10, 60
HEALING_MINUTES = 6
# What the exchange has beside the books, so that no order is refused for want of it.
COINS, CASH = Decimal(1_000), Decimal(100_000_000)
BOOKED_CASH = Decimal(10_000)
LOT = Decimal("0.001")


class StormResult(NamedTuple):
    """The comparison at the end, and the count of orders by their last state."""

    compared: BoxComparison
    states: Counter[str]


class StormDesk(LiveDesk):
    """A live account that trades at the simulated exchange."""

    def __init__(self, box: ServedExchange, clock: ManualClock, series: Series, seed: int) -> None:
        self._box, self._clock_ms = box, clock
        super().__init__("v")
        self._dice = Random(seed)
        self._opens = {bar.closes_at_s - 60: series.price(bar.open) for bar in series.bars}
        self._intents: list[str] = []
        places = {name: self.places[name] for name in ("executions_topic", "ledger_table", "paper_book_table")}
        settings = Settings(**places, live_venue="v", venue_secret="/fanfold/live/venue", venue_origin=box.origin)
        self._rebuild: Callable[[], Any] = partial(wiring.build, self.process.runtime, settings)
        self.process.parts = self._rebuild()
        self._bars = Topics(self.cloud.call, {"bars": self.places["bars_topic"]})

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if service == "ssm":
            keys = {"apiKey": self._box.key, "secret": self._box.secret}
            return {"Parameter": {"Value": json.dumps(keys), "Version": 1}}
        return super()._call(service, operation, parameters)

    def order(self, name: str) -> Order:
        """An order that takes at once, one that rests, or one that takes a part, of either side."""
        side, rests = self._dice.choice(("buy", "sell")), self._dice.random() < 0.3
        near = self._opens[int(self.now.timestamp()) // 60 * 60]
        away = Decimal(1) if rests == (side == "sell") else Decimal(-1)
        price = (near * (1 + away * Decimal(self._dice.randint(0, 30)) / 10_000)).quantize(Decimal("0.01"))
        return order(
            name,
            A,
            side,
            client_order_id=ids.client_order_id(name),
            kind="limit",
            limit_price=str(price),
            time_in_force="gtc" if rests else "ioc",
            quantity=str(LOT * self._dice.randint(1, 40)),
            reserved="0",
            decided_at=self.now,
            expires_at=self.now + timedelta(seconds=self._dice.choice((60, 300))),
        )

    def minute(self, number: int, intents: int) -> None:
        """Trade a minute: prices, intents one after the other, the poll, the sweep; now and then by a cold process."""
        for intent in range(intents):
            self.approve(f"intent-{number}-{intent}")
            self._deliver()
            self.pass_time(60 // (intents + 1))
        self.pass_time(60 - (60 // (intents + 1)) * intents)
        self._bars.publish([minute(number)])
        self._deliver()
        self.process.sweep({}, "schedule")
        if self._dice.random() < 0.2:
            self.process.parts = self._rebuild()

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._clock_ms.now_ms = int(self.now.timestamp() * 1_000)

    def heal(self) -> None:
        self._admin("plan", {"faults": "none"})
        for _ in range(HEALING_MINUTES):
            self.pass_time(60)
            self._deliver()
            self.process.sweep({}, "schedule")

    def result(self) -> StormResult:
        placed, journal = self._admin("orders"), self._admin("journal")
        records = ledger.records(self.table, self._intents)
        orders = [
            {"client_order_id": record.order.client_order_id, "state": record.state} for record in records.values()
        ]
        stated = {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in self._admin("balances")}
        stated["BTC"] -= COINS
        stated["USDT"] -= CASH - BOOKED_CASH
        held = box_checks.holdings(ledger.read(self.table, "main"), {A: "BTC"}, "USDT", stated, {})
        return StormResult(
            box_checks.compare(orders, placed, held, journal), Counter(str(record.state) for record in records.values())
        )

    def approve(self, name: str) -> Any:
        self._intents.append(name)
        return super().approve(name)

    def _deliver(self) -> None:
        """Deliver until nothing waits; what failed is delivered once more, as the queue would."""
        for _ in range(3):
            if not self.deliver():
                return

    def _admin(self, subject: str, document: Any = None) -> Any:
        return ask_box(self._box.origin, subject, document)


def storm(plan: str, seed: int, intents: int) -> StormResult:
    """Send so many intents under a plan of faults, heal, and compare."""
    minutes = -(-intents // A_MINUTE)
    clock = ManualClock(START * 1_000)
    # The exchange delists the last that it lists.
    other, series = market.market(seed, [B, A], HISTORY + minutes + HEALING_MINUTES + 2, START - HISTORY * 60)
    deposits = {"USDT": CASH, "BTC": COINS}
    served = serve([other, series], faults=plan, seed=seed, clock=clock, deposits=deposits, limits=PLENTY, moved=False)
    with served as box:
        desk_ = StormDesk(box, clock, series, seed)
        for number in range(minutes):
            desk_.minute(number + 1, min(A_MINUTE, intents - number * A_MINUTE))
        desk_.heal()
        return desk_.result()
