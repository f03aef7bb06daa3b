"""What a run came to, read off the audit chain alone: the books are computed again from its fills."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from fanfold.audit.chain import Record
from fanfold.cli.idle_legs import LegReport, Legs
from fanfold.desk import Desk
from fanfold.ledger import positions
from fanfold.ledger.positions import Position
from fanfold.market import bars
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Fill,
    LegStatus,
    Message,
    OrdersApproved,
    OrdersRefused,
    Targets,
    decode,
)
from fanfold.money import ROUGH, ZERO, exact

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
    """What an account came to, in its currency."""

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


class Tally:
    """Takes the records of every stream, each stream in order, and adds them up."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.messages: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.defects: Counter[str] = Counter()
        self.bars = self.signals = self.orders = 0
        self.example = ""
        self.legs = Legs(desk)
        self.fills: list[Fill] = []
        self.closes: dict[int, dict[str, Decimal]] = {}
        self._caused: dict[str, str] = {}
        self._sent: dict[str, int] = {}
        self._approved: list[str] = []

    def take(self, record: Record) -> None:
        message = decode(msgspec.json.encode(record.message))
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
            case OrdersApproved():
                self.orders += len(message.orders)
                self._approved.append(message.id)
            case OrdersRefused():
                self.refusals.update(refusal.code for refusal in message.refusals)
                first = message.refusals[0]
                what = f"{first.order.side} {first.order.instrument} for {first.order.instance}"
                self.example = self.example or f"{what}: {first.code}, {first.detail}"
            case ExecutionReport():
                self.fills += message.fills
            case _:
                pass

    def _bars(self, message: BarsClosed) -> None:
        timeframe = self._desk.venues[message.venue].timeframe
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

    def book(self, fill: Fill) -> None:
        leg = fill.account, fill.instance, fill.instrument
        self.held[leg] = positions.apply(self.held.get(leg, positions.FLAT), fill)
        self._quantities[fill.instrument] = self._quantities.get(fill.instrument, ZERO) + positions.signed(fill)
        self.cash += positions.cash_flow(fill)

    def worth(self, marks: Mapping[str, Decimal]) -> Decimal:
        return self.cash + sum((held * marks[name] for name, held in self._quantities.items()), ZERO)


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


def percentile(values: list[int], share: float) -> int | None:
    """The value that this share of the sorted values does not exceed."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else None


def lines(summary: Summary) -> Iterator[tuple[str, str]]:
    """The summary as labels and values, for people."""
    span = f", {summary.first} to {summary.last} ({length(summary.minutes)})" if summary.bars_traded else ""
    yield "traded", f"{summary.bars_traded:,} bars of {summary.timeframe}{span}"
    yield "speed", f"{summary.bars_per_second:.1f} bars of {summary.timeframe} a second"
    yield "bars in", f"{summary.bars:,}"
    yield "signals", f"{summary.signals:,}"
    yield "orders", f"{summary.orders:,}"
    yield "refused", f"{summary.refused:,}" + _counts(summary.refusals)
    if summary.refusal_example:
        yield "", f"first: {summary.refusal_example}"
    yield "fills", f"{summary.fills:,}"
    if len({account.currency for account in summary.accounts}) == 1:
        yield "fees", f"{summary.fees:,.2f}"
        yield "equity", f"{summary.equity:,.2f}"
        yield "return", f"{summary.total_return:.2%}"
        yield "drawdown", f"{summary.drawdown:.2%}"
    yield from (("account", _account(account)) for account in summary.accounts if len(summary.accounts) > 1)
    yield "messages", ", ".join(f"{topic} {count:,}" for topic, count in sorted(summary.messages.items()))
    yield "data", "; ".join(f"{what}: {count:,}" for what, count in summary.defects.items()) or "no defects"
    yield "dead letters", f"{summary.dead_letters:,}"
    yield from (("no trade", leg.text) for leg in summary.legs)
    if summary.latency_ms_p50 is not None:
        yield "tick to order", f"p50 {summary.latency_ms_p50} ms, p99 {summary.latency_ms_p99} ms"


def _account(row: AccountSummary) -> str:
    figures = f"equity {cents(row.equity)} {row.currency}, return {row.total_return:.2%}, drawdown {row.drawdown:.2%}"
    return f"{row.account}: {figures}, fees {cents(row.fees)}"


def cents(value: Decimal) -> str:
    """Return an amount to cents, or to eight places where it is small, as in bitcoin."""
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:,.8f}".rstrip("0").rstrip(".")


def length(minutes: int) -> str:
    """A span of market time.

    >>> length(2 * 1_440 + 120), length(1), length(0)
    ('2 days 2 hours', '1 minute', '0 minutes')
    """
    days, rest = divmod(minutes, 1_440)
    parts = [(days, "day"), (rest // 60, "hour"), (rest % 60, "minute")]
    spans = [f"{count:,} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count]
    return " ".join(spans) or "0 minutes"


def _counts(counts: dict[str, int]) -> str:
    return "".join(f", {code} {count:,}" for code, count in sorted(counts.items(), key=lambda pair: -pair[1]))


def document(summary: Summary) -> dict[str, Any]:
    """Return the summary as a JSON object; money is text."""
    built: dict[str, Any] = msgspec.to_builtins(summary)
    return built
