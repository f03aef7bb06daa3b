"""The summary of a run, read off the audit chain alone: the books are computed again from its fills."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from fanfold.audit import chain
from fanfold.audit.chain import Record
from fanfold.cli.idle_legs import LegReport, Legs
from fanfold.cli.output import moment
from fanfold.codes import Code
from fanfold.desk import Desk
from fanfold.ledger import positions
from fanfold.ledger.positions import Position
from fanfold.market import bars
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Fill,
    LegCode,
    LegStatus,
    Message,
    OrdersApproved,
    OrdersRefused,
    Targets,
    TradingState,
    TradingStateChanged,
)
from fanfold.money import ROUGH, ZERO, exact
from fanfold.performance.measuring import Performance, Traded, measure

Leg = tuple[str, str, str]


class SummaryBooks(msgspec.Struct, frozen=True, kw_only=True):
    """Money in quote units. ``balance``: cash, from fills, and the result, from lots, agree to the last digit."""

    start: Decimal
    cash: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    equity: Decimal
    balance: bool
    ledger_agrees: bool
    total_return: Decimal
    drawdown: Decimal


class AccountSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The results of an account, in its currency."""

    account: str
    currency: str
    fees: Decimal
    equity: Decimal
    total_return: Decimal
    drawdown: Decimal
    books_balance: bool


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A run in figures; latencies are wall-clock milliseconds from the bars' queueing to the orders'.

    Money is the sum of the accounts' where they have one currency, and 0 where they do not: see ``accounts``.
    """

    accounts: list[AccountSummary]

    bars: int
    signals: int
    orders: int
    refused: int
    refusals: dict[str, int]
    refusal_example: str
    fills: int
    fees: Decimal
    equity: Decimal
    total_return: Decimal
    drawdown: Decimal
    realised: Decimal
    unrealised: Decimal
    cash: Decimal
    messages: dict[str, int]
    defects: dict[str, int]
    dead_letters: int
    legs: list[LegReport]
    latency_ms_p50: int | None
    latency_ms_p99: int | None
    audit_records: int
    audit_verified: bool
    books_balance: bool
    timeframe: str
    bars_traded: int
    bars_per_second: float
    minutes: int
    minutes_per_second: float
    first: str
    last: str
    interrupted: bool = False
    halts: list[str] = []
    venue_rules: list[str] = []
    wanted_nothing: dict[str, int] = {}
    short_on_spot: dict[str, int] = {}
    performance: list[Performance] = []


class Tally:
    """Takes the records of every stream, each stream in order, and adds them up."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.messages: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.defects: Counter[str] = Counter()
        self.bars = self.signals = self.orders = 0
        self.example = ""
        # By strategy instance, the orders that would have been short on a spot account.
        self.short_on_spot: Counter[str] = Counter()
        self.legs = Legs(desk)
        self.fills: list[Fill] = []
        self.closes: dict[int, dict[str, Decimal]] = {}
        self.halts: list[str] = []
        # By instrument, the newest rules of a venue that the desk file's did not meet.
        self.venue_rules: dict[str, str] = {}
        self.opened_at: int | None = None
        self._caused: dict[str, str] = {}
        self._sent: dict[str, int] = {}
        self._approved: list[str] = []

    def take(self, record: Record) -> None:
        message = chain.message_of(record)
        self.messages[record.topic] += 1
        self._caused[message.id] = message.cause
        self._sent[message.id] = record.sent_ms
        self._count(message)

    def latencies_ms(self) -> list[int]:
        """From the bars that started it to the approved orders, by the queues' time stamps, sorted."""
        delays = []
        for approved in self._approved:
            start = self._caused.get(self._caused[approved], "")
            if self._sent.get(start) and self._sent[approved]:
                delays.append(self._sent[approved] - self._sent[start])
        return sorted(delays)

    def _count(self, message: Message) -> None:
        match message:
            case BarsClosed():
                self._bars(message)
            case Targets():
                self.signals += len(message.targets)
                self.legs.targets(message)
            case LegStatus():
                self.legs.status(message)
                self.venue_rules |= {
                    state.instrument: state.detail for state in message.statuses if state.code is LegCode.RULES_CHANGED
                }
            case OrdersApproved():
                self.orders += len(message.orders)
                self._approved.append(message.id)
            case OrdersRefused():
                self.refusals.update(refusal.code for refusal in message.refusals)
                self.short_on_spot.update(
                    refusal.order.instance for refusal in message.refusals if refusal.code == Code.SPOT_SHORT
                )
                first = message.refusals[0]
                what = f"{first.order.side} {first.order.instrument} for {first.order.instance}"
                self.example = self.example or f"{what}: {first.code}, {first.detail}"
            case ExecutionReport():
                self.fills += message.fills
            case TradingStateChanged():
                self._trading_state(message)
            case _:
                pass

    def _trading_state(self, message: TradingStateChanged) -> None:
        at = int(message.at.timestamp())
        self.opened_at = at if self.opened_at is None else min(self.opened_at, at)
        if message.state != TradingState.ACTIVE:
            self.halts.append(f"{message.account} {message.state} at {moment(message.at)}: {message.reason}")

    def _bars(self, message: BarsClosed) -> None:
        timeframe = self.desk.venues[message.venue].timeframe
        for defect in message.defects:
            self.defects[f"{defect.instrument} {defect.defect} ({defect.action})"] += defect.count
        for series in bars.unpack(message.frames):
            self.bars += len(series.bars)
            if series.timeframe == timeframe:
                for bar in series.bars:
                    self.closes.setdefault(bar.closes_at_s, {})[series.instrument] = series.price(bar.close)


class _Account:
    """Cash from fills, and positions in lots: two accounts of the same trades."""

    def __init__(self, cash: Decimal) -> None:
        self.cash = cash
        self.held: dict[Leg, Position] = {}
        self._quantities: dict[str, Decimal] = {}
        self._other_fees = ZERO

    def book(self, fill: Fill) -> None:
        leg = fill.account, fill.instance, fill.instrument
        self.held[leg] = positions.apply(self.held.get(leg, positions.FLAT), fill)
        self._quantities[fill.instrument] = self._quantities.get(fill.instrument, ZERO) + positions.received(fill)
        self.cash += positions.cash_flow(fill)
        self._other_fees += positions.other_fee(fill)

    def worth(self, marks: Mapping[str, Decimal]) -> Decimal:
        held = sum((held * marks[name] for name, held in self._quantities.items()), ZERO)
        return self.cash + held - self._other_fees


def books(desk: Desk, tally: Tally, ledger_cash: Mapping[str, Decimal]) -> SummaryBooks:
    """The books of all accounts together; see account_books."""
    return account_books(desk, tally, ledger_cash, list(desk.accounts))


@exact
def account_books(desk: Desk, tally: Tally, ledger_cash: Mapping[str, Decimal], names: Sequence[str]) -> SummaryBooks:
    """Return the books of accounts, computed twice over from the fills, and their worth at every close."""
    start = sum((desk.accounts[name].cash for name in names), ZERO)
    account, marks = _Account(start), dict[str, Decimal]()
    peak, drawdown, worth = start, ZERO, start
    fills: dict[float, list[Fill]] = {}
    for fill in (fill for fill in tally.fills if fill.account in names):
        fills.setdefault(fill.at.timestamp(), []).append(fill)
    for at in sorted(tally.closes.keys() | fills.keys()):
        marks |= tally.closes.get(int(at), {}) if at == int(at) else {}
        for fill in fills.get(at, []):
            account.book(fill)
            # While a desk trades, a fill may be recorded before any bar of its instrument is.
            marks.setdefault(fill.instrument, fill.price)
        worth = account.worth(marks)
        peak = max(peak, worth)
        drawdown = max(drawdown, ROUGH.divide(peak - worth, peak))
    realised = sum((position.realised for position in account.held.values()), ZERO)
    unrealised = sum((position.unrealised(marks[leg[2]]) for leg, position in account.held.items()), ZERO)
    fees = sum((position.fees for position in account.held.values()), ZERO)
    return SummaryBooks(
        start=start,
        cash=account.cash,
        realised=realised,
        unrealised=unrealised,
        fees=fees,
        equity=worth,
        balance=worth == start + realised + unrealised - fees,
        ledger_agrees=sum((ledger_cash[name] for name in names), ZERO) == account.cash,
        total_return=ROUGH.divide(worth - start, start),
        drawdown=drawdown,
    )


def performances(tally: Tally) -> list[Performance]:
    """Return the performance of all accounts of each currency, and of each account where a currency has several."""
    if tally.opened_at is None:
        return []
    desk = tally.desk
    currencies = sorted({account.currency for account in desk.accounts.values()})
    groups = [[name for name, account in desk.accounts.items() if account.currency == each] for each in currencies]
    singles = [[name] for group in groups for name in group if len(group) > 1]
    return [measure(_traded(tally, group), tally.opened_at) for group in [*groups, *singles]]


def _traded(tally: Tally, accounts: list[str]) -> Traded:
    desk = tally.desk
    instances = [instance for instance in desk.strategies.values() if instance.account in accounts]
    return Traded(
        accounts=accounts,
        currency=desk.accounts[accounts[0]].currency,
        cash=sum((desk.accounts[name].cash for name in accounts), ZERO),
        instruments=sorted({name for instance in instances for name in instance.instruments}),
        fills=[fill for fill in tally.fills if fill.account in accounts],
        closes=tally.closes,
    )


def percentile(values: list[int], share: float) -> int | None:
    """The value that this share of the sorted values does not exceed."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else None


def document(summary: Summary) -> dict[str, Any]:
    """Return the summary as a JSON object; money is text."""
    built: dict[str, Any] = msgspec.to_builtins(summary)
    return built
