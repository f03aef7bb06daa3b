"""Execution's parts, built on first use."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from execution_service import live, order_plans
from execution_service.execute import OrderExecution, RealVerbs, VenueVerbs
from execution_service.match import OrderMatcher
from execution_service.place import Placer
from execution_service.routes import ROUTES
from execution_service.settings import Settings
from execution_service.sweep import Sweeper
from fanfold.aws.dynamodb.ledger import live_of
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.paper_book import PaperBook
from fanfold.aws.dynamodb.pauses import VenuePause
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.function.runtime import Runtime, read
from fanfold.aws.function.runtime import runtime as described
from fanfold.aws.function.sqs import Arrived, verb_of
from fanfold.aws.sns import Topics
from fanfold.aws.step_functions import start_once
from fanfold.errors import BadInput, VenueUnavailable, for_each_account
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.real_changes import changes_of, stops_of
from fanfold.ledger.store import LiveOrder
from fanfold.matching.paper import PaperVenue
from fanfold.matching.prices import Quote
from fanfold.messages import Fill, OrdersApproved
from fanfold.trading.venue import TradingVenue

if TYPE_CHECKING:
    from execution_service.fills_api import FillsReceiver
    from fanfold.aws.function.secrets import SecureParameter


@cache
def runtime() -> Runtime:
    return described(os.environ)


class ExecutionProcess:
    """The parts of one process: the ledger's side, and the verbs of each venue and of each live account."""

    def __init__(
        self, runtime: Runtime, settings: Settings, trading: Callable[[str], TradingVenue] | None = None
    ) -> None:
        """Use ``trading``, which returns the real venue of a live account, in place of its exchange."""
        self.runtime = runtime
        self._settings = settings
        self._trading = trading or self._exchange
        self._verbs: dict[str, VenueVerbs] = {}
        # By account, each with the version of the key that it was built with.
        self._real: dict[str, tuple[str, RealVerbs]] = {}
        self._awaiting: set[str] = set()

    @cached_property
    def _table(self) -> Table:
        return self.runtime.table(self._settings.ledger_table)

    @cached_property
    def _outbox(self) -> Outbox:
        runtime = self.runtime
        topics = Topics(runtime.call, {"executions": self._settings.executions_topic}, runtime.watch.published)
        return Outbox(self._table, "execution", topics, runtime.watch, runtime.clock)

    @cached_property
    def _bookings(self) -> Bookings:
        return Bookings(DynamoLedger(self._table, self._outbox), self.runtime.backoff, self._log_odd, stops_of)

    def _log_odd(self, fill: Fill, booked: Decimal | None) -> None:
        figures = {"quantity": str(fill.quantity), "booked": str(booked or 0)}
        what = "a trade is told with another quantity than is booked; what is booked stands"
        self.runtime.watch.log.error(what, trade=fill.trade_id, order=fill.order_id, **figures)

    def real(self, account: str) -> RealVerbs:
        """Return the verbs of a live account, built once for each version of its key.

        Raises BadInput where the stage does not let it trade, or its key is gone or not one that may only trade, and
        AwaitsKey until the first key is stored.
        """
        live.check(self.runtime.desk, account, self._settings.live_venue)
        version = self._key_version(self._keys, account) if self._keys else ""
        known = self._real.get(account)
        if known is None or known[0] != version:
            known = self._real[account] = version, self._traded_for_real(account)
        return known[1]

    def _key_version(self, keys: "SecureParameter", account: str) -> str:
        if keys.values_if_set():
            return keys.version
        missing = live.missing_key(self.runtime.desk, account, self._settings.venue_secret, self._bookings)
        if account not in self._awaiting:
            self.note(str(missing), account=account)
        self._awaiting.add(account)
        raise missing

    def _traded_for_real(self, account: str) -> RealVerbs:
        # What trades on paper does not load what trades at a real venue.
        from execution_service.real import RealAccount  # noqa: PLC0415

        runtime, venue = self.runtime, self._trading(account)
        own = DynamoLedger(self._table, self._outbox), runtime.backoff, self._log_odd, changes_of(runtime.desk)
        return RealAccount(account, runtime.desk, Bookings(*own), venue, runtime.clock, self)

    def _exchange(self, account: str) -> TradingVenue:
        """Return the exchange of a live account under its key, which is checked first.

        While the exchange does not answer, books and orders are still followed; the key is checked before an order.
        """
        from fanfold.trading.terms import terms_of  # noqa: PLC0415
        from fanfold.venues.ccxt.keyed import RESERVE_S, KeyedClient  # noqa: PLC0415
        from fanfold.venues.ccxt.trading import ExchangeTrading  # noqa: PLC0415

        runtime, venue = self.runtime, self.runtime.desk.accounts[account].venue
        if self._keys is None:
            raise BadInput(f"account {account!r} is live, and the stage has no key for {venue}")
        profile, key, origin = runtime.desk.venues[venue], self._keys.values(), self._settings.venue_origin
        terms, clock = terms_of(profile.exchange), runtime.clock
        client = KeyedClient(
            terms,
            key,
            origin,
            clock=clock,
            pauses=self._pauses(venue),
            symbols=profile.symbols,
            ends=lambda: runtime.watch.ends_s - RESERVE_S,
            sleep=runtime.sleep,
        )
        exchange = ExchangeTrading(terms, client, clock, self.alarm, self._keys.forget)
        try:
            unchecked = exchange.check_key()
        except VenueUnavailable as unavailable:
            unchecked = str(unavailable)
            exchange.check_key_before_orders()
        if unchecked:
            runtime.watch.log.warning(unchecked)
        return exchange

    def note(self, event: str, **figures: str) -> None:
        """Log an event of a live account."""
        self.runtime.watch.log.warning(event, **figures)

    def alarm(self, event: str, **figures: str) -> None:
        """Log what somebody has to look at in a live account, and count it with the overdue orders, which ring."""
        self.runtime.watch.log.error(event, **figures)
        self.overdue(1)

    def overdue(self, count: int) -> None:
        """Count orders whose outcome is unknown past their deadline."""
        self.runtime.watch.counts.add("OrdersOverdue", count)

    def verbs(self, venue: str) -> VenueVerbs:
        """Return the verbs that place and match orders at a venue, built once for each venue."""
        if venue not in self._verbs:
            self._verbs[venue] = self._connected(venue)
        return self._verbs[venue]

    def _connected(self, venue: str) -> VenueVerbs:
        desk, quote = self.runtime.desk, self._quote(venue)
        paper = PaperVenue(desk, PaperBook(self.runtime.table(self._settings.paper_book_table)), quote)
        matcher = OrderMatcher(desk, self._bookings, paper, swept=True, backoff=self.runtime.backoff)
        placer = Placer(desk, self._bookings, paper, self.runtime.clock, matcher.clear)
        return VenueVerbs(placer, matcher, quoted=quote is not None)

    def _quote(self, venue: str) -> Callable[[str], Quote] | None:
        """Return the best prices of a live venue; recordings have none."""
        profile = self.runtime.desk.venues.get(venue)
        if profile is None or profile.kind != "ccxt":
            return None
        # An image that only replays never loads ccxt.
        from fanfold.venues.ccxt.venue import ExchangeVenue  # noqa: PLC0415

        runtime, origin = self.runtime, self._settings.venue_origin
        rules, clock, sleep = runtime.desk.instruments, runtime.clock, runtime.sleep
        return ExchangeVenue.connect(profile, rules, origin, clock, sleep, self._pauses(venue)).quote

    def _pauses(self, venue: str) -> VenuePause:
        """Return the pauses that a venue demands of any of execution's processes."""
        return VenuePause(self.runtime.table(self._settings.paper_book_table), venue)

    @cached_property
    def _sweeper(self) -> Sweeper:
        """Return the sweep of orders that no message moves on; it counts those whose outcome is unknown."""
        overdue = partial(self.runtime.watch.counts.add, "OrdersOverdue")
        return Sweeper(
            self.runtime.desk, self._bookings, lambda venue: self.verbs(venue)[:2], self.runtime.clock, overdue
        )

    @cached_property
    def _keys(self) -> "SecureParameter | None":
        """Return the keys of the stage's real venue, which are read again every minute; None where it has none."""
        if not self._settings.venue_secret:
            return None
        # What trades on paper does not load what reads secrets.
        from fanfold.aws.function.secrets import SecureParameter  # noqa: PLC0415

        return SecureParameter(self.runtime.call, self._settings.venue_secret, self.runtime.clock)

    def _check_keys(self) -> None:
        """Raise BadInput where the stage has a real venue and its keys are missing."""
        if self._keys is not None:
            from execution_service.keys import check  # noqa: PLC0415

            check(self._settings.venue_secret, self._keys.values_if_set())

    @cached_property
    def _execution(self) -> OrderExecution:
        return OrderExecution(self.runtime.desk, self._bookings, self.verbs, self._sweeper, self._check_keys, self.real)

    def execute(self, arrived: Arrived) -> None:
        """Handle a message. It may be delivered again after a crash, so the outbox is swept first."""
        if arrived.again:
            self._outbox.sweep()
        message = arrived.message
        getattr(self._execution, verb_of(ROUTES, message))(message)
        if self._settings.order_plans_machine and isinstance(message, OrdersApproved):
            order_plans.start(partial(start_once, self.runtime.call, self._settings.order_plans_machine), message)

    def sweep(self) -> dict[str, int]:
        """Return how many messages a crash had left, and how many orders needed work; one call reads both."""
        items = self._outbox.items()
        try:
            published = self._outbox.sweep(items)
        finally:  # A topic that fails stops no order's end.
            orders = self._sweep(live_of(items))
        return {"published": published, "orders": orders}

    def scheduled(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of a sweep, of a step of an order plan, or of an operator's reconciliation."""
        if "orders" in event:
            return self.carry_on(event)
        return self.reconcile(event) if "reconcile" in event else self.sweep()

    def carry_on(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of a step of an order plan; where it leaves a bundle uneven, have risk decide."""
        plan, desk = order_plans.plan_of(event), self.runtime.desk
        if plan.account not in desk.accounts:
            raise BadInput(f"account {plan.account!r} is not in the desk")
        records, now = self._execution.carry_on(plan.account, plan.orders), self.runtime.clock()
        for report in order_plans.uneven(plan, records, desk, now):
            self._bookings.publish([], [report])
        return order_plans.step(plan, records, desk, now).result()

    @cached_property
    def _receiver(self) -> "FillsReceiver":
        """Return the receiver of fills; its parts are loaded by the one function that needs them."""
        from execution_service.fills_api import FillsReceiver  # noqa: PLC0415
        from fanfold.aws.function.secrets import SecureParameter  # noqa: PLC0415

        name = self._settings.fills_secret
        secret = SecureParameter(self.runtime.call, name, self.runtime.clock) if name else None

        def signing() -> list[bytes]:
            return [value.encode() for value in secret.values_if_set().values()] if secret else []

        return FillsReceiver(self.runtime.desk, signing, self.real)

    def fills(self, event: dict[str, Any]) -> dict[str, Any]:
        return self._receiver.answer(event, self.runtime.clock())

    def reconcile(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of an operator's command on a live account, which few events are."""
        from execution_service.operator_commands import handle  # noqa: PLC0415

        return handle(event, self.runtime.desk, self.real, self.note)

    def _sweep(self, orders: Sequence[LiveOrder]) -> int:
        """Sweep orders on paper, then each live account, which is reconciled even without any; return how many."""
        real = [name for name, account in self.runtime.desk.accounts.items() if account.mode == "live"]
        swept = list[int]()

        def sweep(account: str) -> None:
            own = [order for order in orders if order.account == account]
            with suppress(live.AwaitsKey):
                swept.append(self.real(account).sweep(own))

        try:
            swept.append(self._sweeper.sweep([order for order in orders if order.account not in real]))
        finally:  # What fails on paper leaves no real order alone.
            for_each_account(real, sweep)
        return sum(swept)


def build(
    runtime: Runtime, settings: Settings, trading: Callable[[str], TradingVenue] | None = None
) -> ExecutionProcess:
    """Build a process: two of them share nothing but the AWS resources that they call. See ExecutionProcess."""
    return ExecutionProcess(runtime, settings, trading)


@cache
def process() -> ExecutionProcess:
    """Return the process that the environment describes."""
    return build(runtime(), read(Settings, os.environ))
