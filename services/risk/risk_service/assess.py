"""Decide on an account at every matched poll, whether or not a strategy spoke, and by the clock where no poll comes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, TypeVar

import msgspec

from fanfold.desk import Desk
from fanfold.errors import AT_ONCE, Backoff, BadInput, Conflict, apart, retry_on_conflict
from fanfold.market import bars, timeframes
from fanfold.messages import BarsClosed, ExecutionReport, Targets, TradingState
from fanfold.risk import standing
from fanfold.risk.decision import Decision, decide_standing
from fanfold.risk.exposure import AccountSnapshot, Mark, marked
from fanfold.risk.policy import DeskPolicy
from fanfold.risk.poll import PollPart, PollState, Unfinished, arrival
from fanfold.risk.remaining import remaining
from fanfold.risk.standing import Standing, StandingTarget
from fanfold.signals.due import due
from fanfold.strategy.contract import EXTERNAL
from risk_service.approve import ApprovalLedger, Approver
from risk_service.telling import Occasion, told

T = TypeVar("T")
TRIES = 20
# A poll that is this old, and not decided, lacks something that does not come; one this old and decided is the last.
OVERDUE_S = 120


class PollStore(Protocol):
    """Where the parts of a poll come together, and what decisions leave; see fanfold.aws.dynamodb.polls."""

    def read(self, account: str) -> PollState: ...

    def read_all(self, accounts: Sequence[str]) -> Mapping[str, PollState]: ...

    def marked(
        self, account: str, poll: PollPart, marks: Mapping[str, Mark], version: int, *, idle: bool
    ) -> PollState: ...

    def matched(self, account: str, poll: PollPart) -> PollState: ...

    def targeted(self, account: str, poll: PollPart, targets: Targets) -> PollState: ...

    def note(
        self,
        account: str,
        gathered: PollState,
        book: AccountSnapshot,
        left: Standing,
        reported: Mapping[str, str],
        decided: str,
    ) -> None: ...


class PreTradeRisk:
    """The verb of risk."""

    def __init__(
        self,
        desk: Desk,
        plan: DeskPolicy,
        gathering: PollStore,
        ledger: ApprovalLedger,
        clock: Callable[[], datetime],
        halted: Callable[[], None] = lambda: None,
        backoff: Backoff = AT_ONCE,
    ) -> None:
        """``halted`` hears of each decision on an account whose trading state is not ACTIVE."""
        self._desk = desk
        self._plan = plan
        self._gathering = gathering
        self._ledger = ledger
        self._clock = clock
        self._halted = halted
        self._backoff = backoff
        self._newest: dict[str, PollState] = {}
        self._external = {name for name, instance in desk.strategies.items() if instance.strategy == EXTERNAL}

    def on_bars(self, message: BarsClosed) -> None:
        """Bars: the last prices of every account at their venue."""
        series = bars.unpack(message.frames)
        accounts = [name for name, account in self._desk.accounts.items() if account.venue == message.venue]
        apart(accounts, lambda account: self._mark(account, message, series))

    def on_matched(self, message: ExecutionReport) -> None:
        """A paper account's orders are resolved by a part of the bars."""
        if message.matched:
            account = self._known(message.account)
            poll = _poll(message.poll_id, message.at, message.part, message.parts)
            self._check(account, self._finishing(account, lambda: self._gathering.matched(account, poll)))

    def on_targets(self, message: Targets) -> None:
        """Targets: those of the newest poll wait for the rest of it, older ones and those of none are not."""
        account = self._known(message.account)
        if not message.poll_id:
            self._decide(account, [message], self._gathering.read(account), message.at)
            return
        poll = _poll(message.poll_id, message.at, message.part, message.parts)
        counted = self._finishing(account, lambda: self._gathering.targeted(account, poll, message))
        if counted.poll_id != message.poll_id:
            self._decide(account, [self._current(message, counted)], counted, message.at)
        elif counted.decided and arrival(message) not in counted.arrived:
            self._decide(account, [message], counted, message.at)
        else:
            self._check(account, counted)

    def decide_overdue(self) -> int:
        """Decide on accounts whose newest poll is too long ago or lacks a part; return how many there were."""
        now = self._clock()
        gathered = self._gathering.read_all(list(self._desk.accounts))
        overdue = [account for account, found in gathered.items() if found.at + OVERDUE_S < now.timestamp()]
        apart(overdue, lambda account: self._decide_poll(account, gathered[account], now))
        return len(overdue)

    def _mark(self, account: str, message: BarsClosed, series: Sequence[bars.Series]) -> None:
        timeframe = self._desk.venues[message.venue].timeframe
        poll = _poll(message.cause, message.at, message.part, message.parts)
        idle = not due(self._desk, account, message)

        def attempt() -> PollState:
            known = self._newest.pop(account, None) or self._gathering.read(account)
            if known.at >= poll.at and (known.poll_id != poll.poll_id or f"bars/{poll.part}" in known.arrived):
                # What is remembered here may have been decided since.
                return self._gathering.read(account)
            marks = marked(known.marks, series, timeframe)
            self._newest[account] = self._gathering.marked(account, poll, marks, known.marks_version, idle=idle)
            return self._newest[account]

        arrive = partial(self._retry, attempt, f"the marks of {account}", lambda it: not isinstance(it, Unfinished))
        self._check(account, self._finishing(account, arrive))

    def _finishing(self, account: str, arrive: Callable[[], PollState]) -> PollState:
        """What an arrival leads to, once the poll before it is decided: with what there is of it."""
        for _ in range(TRIES):
            try:
                return arrive()
            except Unfinished as unfinished:
                self._decide_poll(account, unfinished.gathered, _moment(unfinished.gathered.at))
        raise Conflict(f"the polls of {account} changed in {TRIES} tries")

    def _check(self, account: str, gathered: PollState) -> None:
        paper = self._desk.accounts[account].mode == "paper"
        if gathered.complete(("bars", "targets", "matched") if paper else ("bars", "targets")):
            self._decide_poll(account, gathered, _moment(gathered.at))

    def _decide_poll(self, account: str, gathered: PollState, at: datetime) -> None:
        fresh = [] if gathered.decided else gathered.targets
        self._decide(account, fresh, gathered, at, decided=gathered.poll_id)

    def _decide(
        self, account: str, messages: Sequence[Targets], gathered: PollState, at: datetime, *, decided: str = ""
    ) -> None:
        """Decide, approve, tell, and keep what is left; anew where somebody else decided at the same time."""
        fresh = standing.of(messages)
        known: PollState | None = gathered

        def attempt() -> None:
            nonlocal known
            # What was known before the first try is old for the next.
            poll, known = known or self._gathering.read(account), None
            self._decide_once(account, fresh, poll, at, decided)

        self._retry(attempt, f"the targets of {account}")

    def _retry(
        self, attempt: Callable[[], T], subject: str, passing: Callable[[Conflict], bool] = lambda _conflict: True
    ) -> T:
        return retry_on_conflict(attempt, TRIES, subject, self._backoff, passing)

    def _decide_once(
        self, account: str, fresh: Sequence[StandingTarget], gathered: PollState, at: datetime, decided: str
    ) -> None:

        def decide(book: AccountSnapshot) -> tuple[Decision, Standing]:
            begun = standing.begin(gathered.standing, fresh, book, at)
            wanted = standing.unlapsed(begun, self._clock(), self._desk.limits[account].signal_age_s_max)
            return decide_standing(wanted.values(), book, self._plan, now=self._clock()), wanted

        decision, wanted, ordered = Approver(self._ledger, account, at, self._backoff).approve(gathered, decide)
        if decision.book.trading_state is not TradingState.ACTIVE:
            self._halted()
        if bool(decision.breach) != bool(decision.book.breach):
            self._ledger.breach(account, decision.breach)
        left = remaining(wanted, decision, ordered, self._external)
        reported, messages = told(Occasion(account, at, wanted, decision), gathered.reported)
        if messages:
            self._ledger.publish([], messages)
        self._gathering.note(account, gathered, decision.book, left, reported, decided)

    def _current(self, message: Targets, newest: PollState) -> Targets:
        """An older poll's targets without those that a newer bar of their timeframe has overtaken.

        Targets that are too old altogether stay, to be refused for it.
        """
        at, age = int(message.at.timestamp()), (self._clock() - message.at).total_seconds()
        if age > self._desk.limits[message.account].signal_age_s_max:
            return message
        targets = [entry for entry in message.targets if newest.at < at + timeframes.seconds(entry.timeframe)]
        return msgspec.structs.replace(message, targets=targets)

    def _known(self, account: str) -> str:
        if account not in self._desk.accounts:
            raise BadInput(f"account {account!r} is not in the desk; it has {sorted(self._desk.accounts)}")
        return account


def _poll(poll_id: str, at: datetime, part: int, parts: int) -> PollPart:
    return PollPart(poll_id=poll_id, at=int(at.timestamp()), part=part, parts=parts)


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
