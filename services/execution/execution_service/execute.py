"""Route a message to the verbs of its venue."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol

import msgspec

from execution_service import approved
from execution_service.deliver import Delivered
from execution_service.live import AwaitsKey
from execution_service.match import OrderMatcher
from execution_service.place import Placer
from execution_service.sweep import StandingOrder, Sweeper
from fanfold import ids
from fanfold.desk import Desk
from fanfold.errors import BadInput, VenueUnavailable, for_each_account
from fanfold.ledger.orders import OrderRecord
from fanfold.messages import BarsClosed, OrdersApproved, OrderState, TradingStateChanged
from fanfold.trading.answers import VenueTrade


class VenueVerbs(NamedTuple):
    """The verbs for one venue; where it is ``quoted``, orders at market fill as soon as they are placed."""

    placer: Placer
    matcher: OrderMatcher
    quoted: bool


class RealVerbs(Protocol):
    """See execution_service.real."""

    def place(self, message: OrdersApproved) -> None: ...

    def polled(self, message: BarsClosed) -> None: ...

    def cancel(self, record: OrderRecord, why: str, cause: str, at: datetime) -> None: ...

    def cancel_barred(self, message: TradingStateChanged) -> None: ...

    def deliver(self, trades: Sequence[VenueTrade], cause: str) -> Delivered: ...

    def sweep(self, live: Sequence[StandingOrder]) -> int: ...

    def sweep_due(self, live: Sequence[StandingOrder]) -> int: ...

    def plan(self) -> list[str]: ...

    def reconcile(self) -> list[str]: ...

    def accept(self) -> list[str]: ...

    def end(self, order_id: str, why: str) -> list[str]: ...


class LiveOrders(approved.WithdrawnLedger, Protocol):
    """The orders of an account that have not ended; see fanfold.ledger.bookings."""

    def live(self, account: str) -> Sequence[StandingOrder]: ...


class OrderExecution:
    """The verb of execution for each message: orders and trading states by their account, bars by their venue."""

    def __init__(
        self,
        desk: Desk,
        ledger: LiveOrders,
        verbs: Callable[[str], VenueVerbs],
        sweeper: Sweeper,
        check_keys: Callable[[], None],
        real: Callable[[str], RealVerbs],
    ) -> None:
        """Use ``check_keys``, which raises BadInput where the keys of a real venue are missing.

        ``real`` returns the verbs of a live account. It raises BadInput for one that the stage does not let trade, and
        AwaitsKey for one that has nothing to follow yet.
        """
        self._desk = desk
        self._ledger = ledger
        self._verbs = verbs
        self._sweeper = sweeper
        self._check_keys = check_keys
        self._real = real
        self._sliced = {instance.account for instance in desk.strategies.values() if instance.slices > 1}

    def place(self, message: OrdersApproved) -> None:
        """Place orders at their venue; with live quotes, market orders fill at once."""
        if message.account not in self._desk.accounts:
            raise BadInput(f"account {message.account!r} is not in the desk; it has {sorted(self._desk.accounts)}")
        if self._desk.accounts[message.account].mode == "live":
            self._ready()
        if message.withdrawn:
            approved.withdraw(self._ledger, message, self._cancel)
        if not message.orders:
            return
        if self._desk.accounts[message.account].mode == "live":
            self._real(message.account).place(message)
            return
        verbs = self._verbs(self._desk.accounts[message.account].venue)
        verbs.placer.place(message)
        if verbs.quoted:
            verbs.matcher.take(message)

    def _cancel(self, record: OrderRecord, why: str, cause: str, at: datetime) -> None:
        """Cancel an order that rests at its venue."""
        account = self._desk.accounts[record.order.account]
        if account.mode == "live":
            self._real(record.order.account).cancel(record, why, cause, at)
        else:
            self._verbs(account.venue).matcher.cancel(record, why, cause, at)

    def _ready(self) -> None:
        """Raise VenueUnavailable if the venue's keys are missing: a message that waits for them is not wrong."""
        try:
            self._check_keys()
        except BadInput as missing:
            raise VenueUnavailable(str(missing)) from missing

    def match(self, message: BarsClosed) -> None:
        """Match the paper orders that rest at a venue with its bars, and follow those of its live accounts.

        Slices that are due are sent before, and on paper meet the next bar.
        """
        if message.venue not in self._desk.venues:
            return
        matcher = self._verbs(message.venue).matcher
        own = [name for name, account in self._desk.accounts.items() if account.venue == message.venue]
        steps: dict[str, Callable[[], object]] = {
            f"slices of {name}": partial(self._send_slices, name) for name in own if name in self._sliced
        }
        steps |= {
            name: partial(self._follow, name, message) for name in own if self._desk.accounts[name].mode == "live"
        }
        steps[f"any on paper at {message.venue}"] = lambda: matcher.match(message)
        if len(steps) == 1:
            matcher.match(message)
        else:
            for_each_account(list(steps), lambda step: steps[step]())

    def _follow(self, account: str, message: BarsClosed) -> None:
        with suppress(AwaitsKey):
            self._real(account).polled(message)

    def _send_slices(self, account: str) -> None:
        self._sweep_due(account, self._ledger.live(account))

    def carry_on(self, account: str, order_ids: Collection[str]) -> list[OrderRecord]:
        """Send those of a plan's slices that are due; return the records of its orders."""
        self._sweep_due(account, [order for order in self._ledger.live(account) if order.order_id in order_ids])
        records = list(self._ledger.records(list(order_ids)).values())
        verbs = self._verbs(self._desk.accounts[account].venue)
        sent = [
            record.order
            for record in records
            if record.state is OrderState.OPEN and record.order.due_at is not msgspec.UNSET
        ]
        if sent and verbs.quoted and self._desk.accounts[account].mode == "paper":
            # With live quotes they fill at once, as any order at market.
            name = ids.derive("slices", *(order.order_id for order in sent))
            verbs.matcher.take(
                OrdersApproved(id=name, cause=name, at=sent[0].sendable_at, account=account, orders=sent)
            )
        return records

    def _sweep_due(self, account: str, live: Sequence[StandingOrder]) -> None:
        if live and self._desk.accounts[account].mode == "live":
            self._real(account).sweep_due(live)
        elif live:
            self._sweeper.sweep(live)

    def on_trading_state(self, message: TradingStateChanged) -> None:
        """Cancel the orders that the account's state does not let rest, and end those that it does not let out."""
        known = self._desk.accounts.get(message.account)
        if known is not None and known.mode == "live":
            with suppress(AwaitsKey):
                self._real(message.account).cancel_barred(message)
                self._real(message.account).sweep_due(self._ledger.live(message.account))
            return
        if known is not None:
            self._verbs(self._desk.accounts[message.account].venue).matcher.cancel_barred(message)
        self._sweeper.sweep(self._ledger.live(message.account))
