"""Plan a reconciliation: the ledger and the venue of a real account, of which all is read and nothing is changed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from execution_service.follow import Follower
from execution_service.reconcile import Reconciler
from execution_service.sweep import StandingOrder
from execution_service.trade_booking import FollowedLedger
from execution_service.venue_rules import RulesKeeper
from fanfold.desk import Desk, Instrument
from fanfold.errors import VenueUnavailable
from fanfold.ledger.changes import Change, MoveCursor
from fanfold.ledger.orders import OrderRecord, Step
from fanfold.ledger.real_money import RealMoney
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.matching.fills import Resolution
from fanfold.matching.prices import Quote
from fanfold.messages import ExecutionReport, Order
from fanfold.risk.exposure import PositionKey
from fanfold.trading.answers import Outcome, Unknown, VenueOrder, VenueTrade
from fanfold.trading.terms import VenueTerms
from fanfold.trading.venue import OrderRequest, TradingVenue


class PlannedLedger:
    """A ledger that keeps the text of each change, and makes none."""

    def __init__(self, ledger: FollowedLedger) -> None:
        self.planned: list[str] = []
        self._ledger = ledger

    def records(self, order_ids: Sequence[str]) -> dict[str, OrderRecord]:
        return self._ledger.records(order_ids)

    def trading_state(self, account: str) -> OrderPermissions:
        return self._ledger.trading_state(account)

    def live(self, account: str) -> Sequence[StandingOrder]:
        return self._ledger.live(account)

    def held(self, account: str) -> Mapping[PositionKey, Decimal]:
        return self._ledger.held(account)

    def real_money(self, account: str) -> RealMoney:
        return self._ledger.real_money(account)

    def placed(self, account: str, names: Sequence[str]) -> Mapping[str, str]:
        return self._ledger.placed(account, names)

    def claim(self, _account: str, _claims: Sequence[Step]) -> bool:
        return False

    def move(self, steps: Sequence[Step], _report: ExecutionReport) -> None:
        self.planned += [f"order {after.order.order_id} becomes {after.state}" for _, after in steps]

    def note(self, changes: Sequence[Change]) -> bool:
        # A cursor is where to read on from, which is no difference.
        self.planned += [_text(change) for change in changes if not isinstance(change, MoveCursor)]
        return True

    def book(self, _account: str, resolutions: Sequence[Resolution], _report: ExecutionReport) -> list[ExecutionReport]:
        for resolution in resolutions:
            order = self.records([resolution.resting.order.order_id])[resolution.resting.order.order_id]
            filled = sum((fill.quantity for fill in resolution.fills), Decimal(0))
            if filled > order.filled or not resolution.fills:
                text = f"order {order.order.order_id}: {order.filled} of {order.order.quantity} is booked"
                self.planned.append(f"{text}, its venue tells of {filled} in trades, and it is {resolution.state}")
        return []

    def pay_fees(self, report: ExecutionReport, base_of: Callable[[str], str]) -> list[ExecutionReport]:
        owed = self.real_money(report.account).owed
        held = {base_of(instrument) for _, instrument in self.held(report.account)}
        self.planned += [f"fees in {coin} are paid from its positions" for coin in owed if coin in held]
        return []

    def publish(self, held: Sequence[ExecutionReport], others: Sequence[ExecutionReport]) -> None:
        """Publish nothing: there is nothing to tell."""


class PlannedVenue:
    """A venue that is only read."""

    def __init__(self, venue: TradingVenue, planned: list[str]) -> None:
        self._venue = venue
        self._planned = planned

    @property
    def terms(self) -> VenueTerms:
        """Return the terms of the venue."""
        return self._venue.terms

    def place(self, _request: OrderRequest) -> Outcome:
        return Unknown(why="a plan sends nothing")

    def cancel(self, order: Order, venue_order_id: str) -> VenueOrder | Unknown:
        self.request_cancel(order, venue_order_id)
        return Unknown(why="a plan cancels nothing")

    def request_cancel(self, order: Order, venue_order_id: str) -> str:
        self._planned.append(f"order {order.order_id} is canceled at the venue, where it is {venue_order_id}")
        return ""

    def find(self, order: Order, venue_order_id: str = "") -> VenueOrder | None:
        return self._venue.find(order, venue_order_id)

    def open_orders(self) -> Sequence[VenueOrder]:
        return self._venue.open_orders()

    def trades(self, instrument: str, since: datetime) -> Sequence[VenueTrade]:
        return self._venue.trades(instrument, since)

    def trades_of_all(
        self, instruments: Collection[str], since: datetime
    ) -> Mapping[str, Sequence[VenueTrade] | VenueUnavailable]:
        return self._venue.trades_of_all(instruments, since)

    def balances(self) -> Mapping[str, Decimal]:
        return self._venue.balances()

    def quote(self, instrument: str) -> Quote:
        return self._venue.quote(instrument)

    def rules(self, instrument: str, since: datetime) -> Instrument | None:
        return self._venue.rules(instrument, since)

    def worth(self, currency: str, quote: str) -> Decimal | None:
        return self._venue.worth(currency, quote)

    def arm_cancel_all(self, _within_s: int) -> bool:
        return False


class Unheard:
    """A monitor that rings for nothing: a plan is read by who asked for it."""

    def note(self, event: str, **figures: str) -> None:
        """Tell nobody."""

    def alarm(self, event: str, **figures: str) -> None:
        """Tell nobody."""

    def overdue(self, count: int) -> None:
        """Count nothing."""


def plan(
    account: str, desk: Desk, ledger: FollowedLedger, venue: TradingVenue, clock: Callable[[], datetime]
) -> list[str]:
    """Return the changes that a reconciliation of an account would make now."""
    read = PlannedLedger(ledger)
    only_read = PlannedVenue(venue, read.planned)
    follower = Follower(desk, read, only_read, clock, Unheard())
    rules = RulesKeeper(account, desk, read, only_read, clock, Unheard())
    Reconciler(desk, read, only_read, follower, clock, Unheard(), rules).reconcile(account)
    # It follows the orders twice, before the balances and after them.
    return list(dict.fromkeys(read.planned))


def _text(change: Change) -> str:
    fields = (str(getattr(change, name)) for name in change.__struct_fields__ if name != "account")
    return f"{type(change).__name__}: {', '.join(fields)}"
