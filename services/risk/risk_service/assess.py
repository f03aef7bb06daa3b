"""Decide on an account at every matched poll, whether or not a strategy spoke, and by the clock where no poll comes."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Protocol

import msgspec

from fanfold.desk import Desk
from fanfold.errors import Backoff, BadInput, Conflict, for_each_account, retry_on_conflict
from fanfold.messages import BarsClosed, ExecutionReport, Targets, TradingState
from fanfold.risk import sizing, standing, uneven
from fanfold.risk.decision import Decision, decide_standing
from fanfold.risk.exposure import AccountSnapshot, Mark, marked, own_closes
from fanfold.risk.policy import DeskPolicy
from fanfold.risk.poll import CarriedForward, PollPart, PollState, Unfinished, arrival, may_pass
from fanfold.risk.protection import Guarded, guard
from fanfold.risk.remaining import remaining
from fanfold.risk.resting_stops import unprotected
from fanfold.risk.standing import Standing, StandingTarget
from fanfold.risk.uneven import BundleProgress
from fanfold.signals.due import due, stepped_series
from fanfold.strategy.contract import EXTERNAL
from risk_service import late_targets
from risk_service.approve import Approver, withdrawal
from risk_service.protect import StopKeeper, StopLedger
from risk_service.reports import DecidedTargets, reports_of

TRIES = 20
# A poll that is this old, and not decided, lacks something that does not come; one this old and decided is the last.
OVERDUE_S = 120


class PollStore(Protocol):
    """The store of polls, and of what decisions carry forward; see fanfold.aws.dynamodb.polls."""

    def read(self, account: str) -> PollState: ...

    def read_all(self, accounts: Sequence[str]) -> Mapping[str, PollState]: ...

    def marked(
        self, account: str, poll: PollPart, marks: dict[str, Mark], version: int, *, idle: bool
    ) -> PollState: ...

    def matched(self, account: str, poll: PollPart) -> PollState: ...

    def targeted(self, account: str, poll: PollPart, targets: Targets) -> PollState: ...

    def note(
        self, account: str, gathered: PollState, carried: CarriedForward, *, rearmed: bool, decided: str
    ) -> None: ...


class UnapprovedDecision(msgspec.Struct, frozen=True):
    """A decision on a book, the targets and protections that it is on, and the bundles to watch with it.

    The targets that are ``waiting`` stand as they are.
    """

    book: AccountSnapshot
    decision: Decision
    guarded: Guarded
    waiting: Standing
    bundles: list[BundleProgress]


class PreTradeRisk:
    """The verb of risk."""

    def __init__(
        self,
        desk: Desk,
        plan: DeskPolicy,
        polls: PollStore,
        ledger: StopLedger,
        clock: Callable[[], datetime],
        backoff: Backoff,
        halted: Callable[[], None] = lambda: None,
    ) -> None:
        """Call ``halted`` with each decision on an account whose trading state is not ACTIVE."""
        self._desk = desk
        self._plan = plan
        self._polls = polls
        self._ledger = ledger
        self._stops = StopKeeper(ledger, clock, backoff)
        self._clock = clock
        self._halted = halted
        self._backoff = backoff
        # Of each account the poll that bars came to last, and its marks.
        self._newest: dict[str, tuple[PollState, dict[str, Mark]]] = {}
        self._stepped = stepped_series(desk)
        self._external = {name for name, instance in desk.strategies.items() if instance.strategy == EXTERNAL}

    def on_bars(self, message: BarsClosed) -> None:
        """Record bars: the last prices of every account at their venue."""
        accounts = [name for name, account in self._desk.accounts.items() if account.venue == message.venue]
        if not accounts:
            return
        timeframe = self._desk.venues[message.venue].timeframe
        closes = own_closes(message.frames, timeframe)

        def gather(account: str) -> None:
            self._decide_complete(account, self._arrived(account, partial(self._mark, account, message, closes)))

        for_each_account(accounts, gather)

    def on_matched(self, message: ExecutionReport) -> None:
        """Record that an account's orders are matched with a part of the bars, or followed at its real venue.

        Where a bundle is uneven, decide at once on the targets that stand.
        """
        if message.uneven:
            account = self._known(message.account)
            self._decide(account, self._polls.read(account), message.at, [])
        if message.matched:
            account, poll = self._known(message.account), _part(message, message.poll_id)
            self._decide_complete(account, self._arrived(account, lambda: self._polls.matched(account, poll)))

    def on_targets(self, message: Targets) -> None:
        """Record targets. Those of the newest poll wait for its other parts; older ones and those of no poll do not."""
        account, poll = self._known(message.account), _part(message, message.poll_id)
        if not message.poll_id:
            self._decide_late(account, self._polls.read(account), message)
            return
        gathered = self._arrived(account, lambda: self._polls.targeted(account, poll, message))
        if gathered.poll_id != message.poll_id:
            age_s_max = self._desk.limits[account].signal_age_s_max
            current = late_targets.current(message, gathered.at, self._clock(), age_s_max)
            self._decide_late(account, gathered, current)
        elif gathered.decided and arrival(message) not in gathered.arrived:
            self._decide_late(account, gathered, message)
        else:
            self._decide_complete(account, gathered)

    def decide_overdue(self) -> int:
        """Decide on accounts whose newest poll is too long ago or lacks a part; return how many there were."""
        now = self._clock()
        polls = self._polls.read_all(list(self._desk.accounts))
        overdue = [account for account, gathered in polls.items() if gathered.at + OVERDUE_S < now.timestamp()]
        for_each_account(overdue, lambda account: self._decide(account, polls[account], now))
        return len(overdue)

    def _mark(self, account: str, message: BarsClosed, closes: Sequence[tuple[str, int, Decimal]]) -> PollState:
        timeframe = self._desk.venues[message.venue].timeframe
        poll = _part(message, message.cause)
        idle = not due(self._stepped[account], message)

        def attempt() -> PollState:
            known, before = self._newest.pop(account) if account in self._newest else self._read(account)
            if known.at >= poll.at and (known.poll_id != poll.poll_id or f"bars/{poll.part}" in known.arrived):
                # What is remembered here may have been decided since.
                return self._polls.read(account)
            marks = marked(before, closes, timeframe)
            gathered = self._polls.marked(account, poll, marks, known.marks_version, idle=idle)
            self._newest[account] = gathered, marks
            return gathered

        return retry_on_conflict(attempt, TRIES, f"the marks of {account}", self._backoff, may_pass)

    def _read(self, account: str) -> tuple[PollState, dict[str, Mark]]:
        gathered = self._polls.read(account)
        return gathered, gathered.marks

    def _arrived(self, account: str, arrive: Callable[[], PollState]) -> PollState:
        """Record an arrival; decide on an unfinished older poll first, with the parts of it that came."""
        for _ in range(TRIES):
            try:
                return arrive()
            except Unfinished as unfinished:
                self._decide(account, unfinished.gathered, _moment(unfinished.gathered.at))
        raise Conflict(f"the polls of {account} changed in {TRIES} tries")

    def _decide_complete(self, account: str, gathered: PollState) -> None:
        """Decide on a poll of which every part has arrived."""
        if gathered.complete:
            self._decide(account, gathered, _moment(gathered.at))

    def _decide_late(self, account: str, gathered: PollState, message: Targets) -> None:
        if message.targets:
            self._decide(account, gathered, message.at, [message])

    def _decide(self, account: str, gathered: PollState, at: datetime, late: Sequence[Targets] | None = None) -> None:
        """Decide, approve, report, and note what is carried forward; decide again where another decision came first.

        The decision is on the gathered poll, which then counts as decided, or apart from it: on ``late`` targets alone,
        or where there are none on all that stands.
        """
        messages = late if late is not None else [] if gathered.decided else gathered.targets
        fresh, decided = standing.of(messages), gathered.poll_id if late is None else ""
        newest: PollState | None = gathered

        def attempt() -> None:
            nonlocal newest
            # What was gathered before the first try is old for the next.
            known, newest = newest or self._polls.read(account), None
            self._decide_once(account, known, fresh, at, decided)

        retry_on_conflict(attempt, TRIES, f"the targets of {account}", self._backoff)

    def _decide_once(
        self, account: str, gathered: PollState, fresh: Sequence[StandingTarget], at: datetime, decided: str
    ) -> None:
        before, approver = gathered.carried, Approver(self._ledger, at)
        bundles, late = before.bundles, [] if decided else late_targets.newer(before.standing, fresh)
        if fresh and not (decided or late):
            return
        proposed: UnapprovedDecision | None = None

        def approve_next() -> tuple[UnapprovedDecision, bool]:
            nonlocal proposed
            proposal = proposed or self._proposal(account, gathered, fresh, bundles, at, late)
            # Where its legs began is noted before a bundle is ordered: a crash after it leaves none unwatched.
            proposed = None if uneven.noted(proposal.bundles, bundles) else proposal
            return proposal, not proposed and approver.approve(
                proposal.book, proposal.decision, proposal.guarded.wanted
            )

        done = False
        while not done:  # A chunk that landed counts as a fresh start.
            proposal, done = retry_on_conflict(approve_next, TRIES, f"the book of {account}", self._backoff)
            if proposed:
                gathered = self._noted_bundles(account, gathered, proposal.bundles)
            bundles = proposal.bundles
        decision, guarded = proposal.decision, proposal.guarded
        book, terms = decision.book, self._plan.terms(account).under(decision.book.rules)
        without_stop = unprotected(guarded, book, terms)
        legs = without_stop, proposal.waiting, sizing.orphans(book, terms)
        reported = self._report(DecidedTargets(account, at, guarded, decision, *legs), before.reported)
        left = remaining(guarded.wanted, decision, approver.ordered, self._external, proposal.waiting)
        carried = CarriedForward(
            targets=list(left.values()),
            protections=guarded.protections,
            bundles=bundles,
            reported=reported,
            peak_equity=book.peak_equity,
            day=book.day,
            day_start_equity=book.day_start_equity,
            last_equity=book.last_equity,
        )
        self._polls.note(account, gathered, carried, rearmed=book.rearmed, decided=decided)
        self._stops.keep(guarded, book, terms, gathered, at)

    def _proposal(
        self,
        account: str,
        gathered: PollState,
        fresh: Sequence[StandingTarget],
        bundles: Sequence[BundleProgress],
        at: datetime,
        late: Collection[StandingTarget],
    ) -> UnapprovedDecision:
        """Decide on the books as they are now; ``bundles`` are those on their way; ``late`` targets are alone."""
        before, book, now = gathered.carried, self._ledger.book(account, gathered), self._clock()
        stood = before.standing
        all_wanted = standing.begin(stood, fresh, book, at)
        wanted = standing.unlapsed(all_wanted, now, self._desk.limits[account].signal_age_s_max)
        terms = self._plan.terms(account).under(book.rules)
        watched = uneven.watch(bundles, before.protections, wanted.keys(), book, terms, at=at, now=now)
        guarded = guard(watched.protections, wanted, stood, book, terms, at)
        waiting = guarded.waiting(late) if late else {}
        tried = [entry for leg, entry in guarded.wanted.items() if leg not in waiting]
        decision = decide_standing(tried, book, self._plan, now=now, stopped_out=guarded.stopped_out)
        begun = watched.bundles
        if decision.bundles:
            begun = uneven.begun(begun, decision, guarded.wanted, book)
            decision = msgspec.structs.replace(decision, approved=uneven.named(decision.approved, begun))
        return UnapprovedDecision(book, decision, guarded, waiting, begun)

    def _noted_bundles(self, account: str, gathered: PollState, bundles: list[BundleProgress]) -> PollState:
        carried = msgspec.structs.replace(gathered.carried, bundles=bundles)
        self._polls.note(account, gathered, carried, rearmed=gathered.rearmed, decided="")
        return gathered.carrying(carried)

    def _report(self, decided: DecidedTargets, reported: Mapping[str, str]) -> dict[str, str]:
        """Report the results of a decision besides its orders; return the codes that are reported from now on."""
        decision = decided.decision
        if decision.book.trading_state is not TradingState.ACTIVE:
            self._halted()
        if bool(decision.breach) != bool(decision.book.breach):
            self._ledger.breach(decided.account, decision.breach)
        codes, messages = reports_of(decided, reported)
        messages += withdrawal(self._ledger, decision, decided.guarded, decided.at)
        if messages:
            self._ledger.publish([], messages)
        return codes

    def _known(self, account: str) -> str:
        if account not in self._desk.accounts:
            raise BadInput(f"account {account!r} is not in the desk; it has {sorted(self._desk.accounts)}")
        return account


def _part(message: BarsClosed | ExecutionReport | Targets, poll_id: str) -> PollPart:
    return PollPart(poll_id=poll_id, at=int(message.at.timestamp()), part=message.part, parts=message.parts)


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
