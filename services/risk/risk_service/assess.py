"""Decide on a poll when its bars, its settlement and its targets are all there."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from fanfold import bars, names, timeframes
from fanfold.desk import Desk
from fanfold.messages import Bars, ExecutionReport, Halt, Order, OrdersApproved, OrdersRefused, Target, Targets
from fanfold.refusals import BadInput, Conflict
from fanfold.risk.decision import Decision, decide
from fanfold.risk.exposure import Book, Mark, marked
from fanfold.risk.gathering import Gathered, Poll
from fanfold.risk.terms import Plan

TRIES = 20
# A transaction takes 100 writes: two an order, and the account's and the outbox's.
CHUNK = 40


class Gathering(Protocol):
    """Where the parts of a poll come together; see fanfold.aws.batches."""

    def read(self, account: str) -> Gathered: ...

    def marked(self, account: str, poll: Poll, marks: Mapping[str, Mark], version: int) -> Gathered: ...

    def settled(self, account: str, poll: Poll) -> Gathered: ...

    def targeted(self, account: str, poll: Poll, targets: Targets) -> Gathered: ...

    def decide(self, account: str, batch: str, book: Book) -> None: ...


class Ledger(Protocol):
    """Where orders come to be; see fanfold.aws.approvals."""

    def book(self, account: str, gathered: Gathered) -> Book: ...

    def approve(
        self, before: Book, told: OrdersApproved, minute: int, orders_in_minute: int
    ) -> list[Order]: ...

    def publish(self, approved: Sequence[OrdersApproved], others: Sequence[OrdersRefused]) -> None: ...


class Assessor:
    """The verb of risk."""

    def __init__(
        self, desk: Desk, plan: Plan, gathering: Gathering, ledger: Ledger, clock: Callable[[], datetime]
    ) -> None:
        self._desk = desk
        self._plan = plan
        self._gathering = gathering
        self._ledger = ledger
        self._clock = clock
        self._newest: dict[str, Gathered] = {}

    def mark(self, message: Bars) -> None:
        """Bars: the last prices of every account at their venue."""
        for name, account in self._desk.accounts.items():
            if account.venue == message.venue:
                self._mark(name, message)

    def settle(self, message: ExecutionReport) -> None:
        """A paper account's orders are resolved by a part of the bars."""
        if message.settled:
            poll = _poll(message.batch, message.at, message.part, message.parts)
            self._check(message.account, self._gathering.settled(self._known(message.account), poll))

    def target(self, message: Targets) -> None:
        """Targets: those of the newest poll wait for the rest of it, older ones and those of none are not."""
        if not message.batch:
            self._decide(message.account, [message], self._gathering.read(self._known(message.account)))
            return
        poll = _poll(message.batch, message.at, message.part, message.parts)
        gathered = self._gathering.targeted(self._known(message.account), poll, message)
        if gathered.batch != message.batch:
            self._decide(message.account, [self._standing(message, gathered)], gathered)
        else:
            self._check(message.account, gathered)

    def _standing(self, message: Targets, newest: Gathered) -> Targets:
        """An older poll's targets without those that a newer bar of their timeframe has overtaken.

        Targets that are too old altogether stay, to be refused for it.
        """
        at, age = int(message.at.timestamp()), (self._clock() - message.at).total_seconds()
        if age > self._desk.limits[message.account].signal_age_s_max:
            return message
        targets = [one for one in message.targets if newest.at < at + timeframes.seconds(one.timeframe)]
        return msgspec.structs.replace(message, targets=targets)

    def _mark(self, account: str, message: Bars) -> None:
        series = bars.unpack(message.frames)
        timeframe = self._desk.venues[message.venue].timeframe
        poll = _poll(message.cause, message.at, message.part, message.parts)
        known = self._newest.pop(account, None) or self._gathering.read(account)
        for _ in range(TRIES):
            if known.at >= poll.at and (known.batch != poll.batch or f"bars/{poll.part}" in known.got):
                # What is remembered here may have been decided since.
                self._check(account, self._gathering.read(account))
                return
            marks = marked(known.marks, series, timeframe)
            try:
                known = self._gathering.marked(account, poll, marks, known.marks_version)
            except Conflict:
                known = self._gathering.read(account)
                continue
            self._newest[account] = known
            self._check(account, known)
            return
        raise Conflict(f"the marks of {account} changed in {TRIES} tries")

    def _check(self, account: str, gathered: Gathered) -> None:
        paper = self._desk.accounts[account].mode == "paper"
        if not gathered.complete(("bars", "targets", "settled") if paper else ("bars", "targets")):
            return
        decision = self._decide(account, gathered.targets, gathered)
        self._gathering.decide(account, gathered.batch, decision.book)

    def _decide(self, account: str, messages: Sequence[Targets], gathered: Gathered) -> Decision:
        """Decide and approve a chunk of orders, reductions first, until there is nothing more to approve."""
        targets = [target for message in messages for target in message.targets]
        cause, created = messages[0], set[str]()
        for _ in range(TRIES):
            book = self._ledger.book(account, gathered)
            wanted = [*targets, *_flattening(targets, book, gathered)]
            decision = decide(wanted, book, self._plan, at=cause.at, now=self._clock())
            # An order that is there already was made by an earlier delivery, whatever became of it.
            orders = [order for order in decision.approved if order.order_id not in created]
            try:
                created |= self._approve(book, decision, orders[:CHUNK], cause)
            except Conflict:
                continue
            if len(orders) <= CHUNK:
                self._ledger.publish([], _refused(decision, cause))
                return decision
        raise Conflict(f"the book of {account} changed in {TRIES} tries")

    def _approve(self, book: Book, decision: Decision, orders: list[Order], cause: Targets) -> set[str]:
        """Ids of the orders that are in the ledger now."""
        if not orders:
            return set()
        told = OrdersApproved(
            id=names.name("approved", *(order.order_id for order in orders)),
            cause=cause.id,
            at=cause.at,
            account=book.account,
            orders=orders,
        )
        others = len(decision.approved) - len(orders)
        known = self._ledger.approve(book, told, decision.book.minute, decision.book.orders_in_minute - others)
        if known:
            rest = [order for order in orders if order not in known]
            return {order.order_id for order in known} | self._approve(book, decision, rest, cause)
        self._ledger.publish([told], [])
        return {order.order_id for order in orders}

    def _known(self, account: str) -> str:
        if account not in self._desk.accounts:
            raise BadInput(f"account {account!r} is not in the desk; it has {sorted(self._desk.accounts)}")
        return account


def _flattening(targets: Sequence[Target], book: Book, gathered: Gathered) -> list[Target]:
    """Under FLATTEN, a target of zero for every leg that is held and has no target of its own."""
    if book.halt is not Halt.FLATTEN:
        return []
    aimed = {(target.instance, target.instrument) for target in targets}
    return [
        Target(
            signal_id=names.name("flatten", gathered.batch, book.account, instance, instrument),
            instance=instance,
            instrument=instrument,
            timeframe="",
            weight=0.0,
        )
        for (instance, instrument), held in book.held.items()
        if held.quantity and (instance, instrument) not in aimed
    ]


def _poll(batch: str, at: datetime, part: int, parts: int) -> Poll:
    return Poll(batch=batch, at=int(at.timestamp()), part=part, parts=parts)


def _refused(decision: Decision, cause: Targets) -> list[OrdersRefused]:
    if not decision.refused:
        return []
    told = OrdersRefused(
        id=names.name("refused", cause.id, *(f"{one.order.order_id} {one.code}" for one in decision.refused)),
        cause=cause.id,
        at=cause.at,
        account=cause.account,
        refusals=decision.refused,
    )
    return [told]
