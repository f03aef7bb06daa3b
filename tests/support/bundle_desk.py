"""A desk that is told what to hold as a bundle of three legs, and whose account trades at the simulated exchange."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from fanfold import desk
from fanfold.aws.dynamodb import ledger
from fanfold.cli import box_checks
from fanfold.cli.box_checks import BoxComparison
from fanfold.exchange.server import ManualClock, ServedExchange, serve
from fanfold.ledger.account_books import AccountBooks
from fanfold.market.bars import Series
from fanfold.messages import OrdersApproved, Target, Targets
from fanfold.simulation import market
from fanfold.simulation.schedules.market import START
from support.box_admin import ask_box
from support.box_client import PLENTY
from support.live_box import LiveBox, rules_of

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
    tables = {
        "venues": {"v": {"kind": "ccxt", "exchange": "binance", "symbols": list(LEGS)}},
        "accounts": {"main": {"venue": "v", "kind": "spot", "mode": "live", "currency": "USDT", "cash": str(CASH)}},
        "strategies": {"basket": basket | {"account": "main", "order": order, "band": "0.05"}},
        "limits": {"main": {"order_notional_max": "100000", "position_notional_max": "100000"}},
        "instruments": rules_of(LEGS),
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


class BundleDesk(LiveBox):
    """The desk, minute by minute; ``histories`` are the exchange's bars."""

    def __init__(
        self, box: ServedExchange, clock: ManualClock, histories: Sequence[Series], order: str = "market"
    ) -> None:
        super().__init__(live_desk(order), box, clock, histories, (LATE_S, 60 - LATE_S))

    def want(self, weight: float) -> None:
        """Let somebody tell all legs of the bundle, as one."""
        self.publish([basket(self.clock(), weight)])

    def arm(self, fault: str, leg: str, count: int, method: str = "POST") -> None:
        """Let a fault meet the next requests for orders of a leg, or their cancels."""
        self.ask("faults", armed(fault, leg, count, method))

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
