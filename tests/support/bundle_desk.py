"""A desk that is told what to hold as a bundle of three legs, and whose account trades at the exchange in the box.

Signal, risk and execution are the production handlers; ccxt and the socket are real. All clocks are one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from fanfold import desk
from fanfold.aws.dynamodb import ledger
from fanfold.cli import box_checks
from fanfold.cli.box_checks import BoxComparison
from fanfold.exchange.server import ManualClock, ServedExchange, serve
from fanfold.ledger.account_books import AccountBooks
from fanfold.market import bars
from fanfold.market.bars import Series
from fanfold.messages import BarsClosed, OrdersApproved, Target, Targets, TradingState, TradingStateChanged
from fanfold.simulation import market
from fanfold.simulation.schedules.market import START
from fanfold.simulation.schedules.memory_desk import MemoryDesk
from fanfold.simulation.schedules.process import ServiceProcess
from support.box_admin import ask_box
from support.box_client import PLENTY

LEGS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
ALLOCATION, CASH = Decimal("0.9"), Decimal(30_000)
HISTORY, MINUTES = 60, 20
# What the exchange has beside the books, so that no order is refused for want of it.
BESIDE = {"USDT": Decimal(100_000), "BTC": Decimal(1), "ETH": Decimal(10), "SOL": Decimal(100)}
DEPOSITS = BESIDE | {"USDT": BESIDE["USDT"] + CASH}

# After so long the exchange looks at what comes late: some of it is still in its window of 5 s.
LATE_S = 4


def live_desk(order: str) -> desk.Desk:
    """A live account whose one strategy is told of its targets, and sends orders of this kind."""
    basket = {"strategy": "external", "instruments": list(LEGS), "timeframe": "1m", "allocation": str(ALLOCATION)}
    rules = {
        name: {field: str(getattr(rule, field)) for field in ("base", "quote", "tick", "lot", "notional_min", "as_of")}
        for name, rule in market.catalogue().items()
    }
    tables = {
        "venues": {"v": {"kind": "ccxt", "exchange": "binance", "symbols": list(LEGS)}},
        "accounts": {"main": {"venue": "v", "kind": "spot", "mode": "live", "currency": "USDT", "cash": str(CASH)}},
        "strategies": {"basket": basket | {"account": "main", "order": order, "band": "0.05"}},
        "limits": {"main": {"order_notional_max": "100000", "position_notional_max": "100000"}},
        "instruments": {name: rules[name] | {"source": "the seeded market"} for name in LEGS},
    }
    return desk.build(tables, "test")


def basket(at: datetime, weight: float) -> Targets:
    """Return what somebody tells who wants this weight of each leg, all or none."""
    name = f"told-{at.isoformat()}"
    targets = [
        Target(signal_id=f"{name} {leg}", instance="basket", instrument=leg, timeframe="1m", weight=weight, bundle=name)
        for leg in LEGS
    ]
    return Targets(id=name, cause=name, at=at, account="main", poll_id="", targets=targets)


def armed(fault: str, leg: str, count: int, method: str = "POST") -> dict[str, Any]:
    """Return the document that arms a fault for the next requests for orders of a leg, or their cancels."""
    return {"fault": fault, "symbol": leg.replace("/", ""), "count": count, "method": method}


def compared(origin: str, orders: Sequence[dict[str, Any]], books: AccountBooks) -> BoxComparison:
    """Compare approved orders, each with its id and state, and the books with what the exchange has."""
    stated = {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in ask_box(origin, "balances")}
    stated = {name: amount - BESIDE.get(name, Decimal(0)) for name, amount in stated.items()}
    held = box_checks.holdings(books, {leg: leg.split("/")[0] for leg in LEGS}, "USDT", stated, {})
    return box_checks.compare(orders, ask_box(origin, "orders"), held, ask_box(origin, "journal"))


@contextmanager
def bundle_desk(order: str = "market") -> Iterator["BundleDesk"]:
    """Serve an exchange without faults, and yield a desk that trades there; a minute of it is over."""
    clock = ManualClock(START * 1_000)
    histories = market.market(7, LEGS, HISTORY + MINUTES, START - HISTORY * 60)
    with serve(histories, clock=clock, deposits=DEPOSITS, limits=PLENTY, moved=False) as box:
        traded = BundleDesk(box, clock, histories, order)
        traded.minute()
        yield traded


class BundleDesk(MemoryDesk):
    """The desk, minute by minute; ``histories`` are the exchange's bars."""

    def __init__(
        self, box: ServedExchange, clock: ManualClock, histories: Sequence[Series], order: str = "market"
    ) -> None:
        super().__init__(live_desk(order), lambda _request: [], clock.now_ms / 1_000)
        self._box, self._clock_ms, self._histories = box, clock, histories
        self._places |= {"live_venue": "v", "venue_secret": "/fanfold/live/venue", "venue_origin": box.origin}
        self._processes["execution"] = ServiceProcess(
            "execution", self._call, self.clock, self.desk, self._places, silent=True
        )
        self.table = self._cloud.table("ledger")
        self.set_trading_state(self.state(TradingState.ACTIVE))

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if service == "ssm":
            keys = {"apiKey": self._box.key, "secret": self._box.secret}
            return {"Parameter": {"Value": json.dumps(keys), "Version": 1}}
        return self._cloud.call(service, operation, parameters)

    def state(self, state: TradingState) -> TradingStateChanged:
        name = f"{state}-{self.now}"
        return TradingStateChanged(
            id=name, cause=name, at=self.clock(), account="main", state=state, reason="t", actor="a"
        )

    def want(self, weight: float) -> None:
        """Let somebody tell all legs of the bundle, as one."""
        self.publish([basket(self.clock(), weight)])

    def arm(self, fault: str, leg: str, count: int, method: str = "POST") -> None:
        """Let a fault meet the next requests for orders of a leg, or their cancels."""
        self.ask("faults", armed(fault, leg, count, method))

    def minute(self) -> None:
        """Let a minute pass, and the bars of it come; then the schedules run."""
        for seconds in (LATE_S, 60 - LATE_S):
            self.now += seconds
            self._clock_ms.now_ms = int(self.now * 1_000)
            self.ask("journal")  # Whoever asks lets the exchange's time pass.
        closed = [frame for history in self._histories if (frame := _closing(history, int(self.now)))]
        at = datetime.fromtimestamp(self.now, UTC)
        message = BarsClosed(
            id=f"bars-{self.now}", cause=f"poll-{self.now}", at=at, venue="v", frames=bars.pack(closed)
        )
        self.publish([message])
        self.sweep()

    def ask(self, subject: str, document: Any = None) -> Any:
        """See ask_box."""
        return ask_box(self._box.origin, subject, document)

    def price(self, leg: str) -> Decimal:
        """Return the close of the last bar."""
        (history,) = [each for each in self._histories if each.instrument == leg]
        return next(history.price(bar.close) for bar in reversed(history.bars) if bar.closes_at_s <= self.now)

    def books(self) -> AccountBooks:
        return ledger.read(self.table, "main")

    def held(self) -> dict[str, Decimal]:
        """Return the booked quantity of each leg."""
        booked = {instrument: item.position.totals[0] for (_, instrument), item in self.books().positions.items()}
        return {leg: booked.get(leg, Decimal(0)) for leg in LEGS}

    def compared(self) -> BoxComparison:
        """Compare all approved orders, positions and cash with what the exchange has."""
        names = [
            order.order_id
            for message in self.published
            if isinstance(message, OrdersApproved)
            for order in message.orders
        ]
        orders = [
            {"client_order_id": record.order.client_order_id, "state": record.state}
            for record in ledger.records(self.table, names).values()
        ]
        return compared(self._box.origin, orders, self.books())


def _closing(history: Series, at: int) -> Series | None:
    """Return the bar of a series that closes at an epoch second."""
    own = [bar for bar in history.bars if bar.closes_at_s == at]
    return msgspec.structs.replace(history, bars=own, after=at - 60) if own else None
