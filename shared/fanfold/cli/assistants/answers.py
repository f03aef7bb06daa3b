"""The answers of the tools. A row may have more fields than its record names; those that are named are always there."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from fanfold.cli.assistants.budget import BudgetLeft
from fanfold.cli.assistants.marking import OutsideText

Text = str | OutsideText


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account; one that was never opened has no books."""

    account: Text
    trading_state: Text
    currency: Text
    cash: Decimal
    books_balance: bool


class QueueAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that wait for a service, and those that it could not handle."""

    service: str
    waiting: int
    dead_letters: int


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The desk's accounts and queues."""

    running: bool
    accounts: list[AccountRow]
    queues: list[QueueAnswer]


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A position of a strategy instance; what has no price yet has no value."""

    account: Text
    instance: Text
    instrument: Text
    quantity: Decimal
    cost: Decimal
    value: Decimal | None
    unrealised: Decimal | None
    realised: Decimal
    fees: Decimal


class PositionsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every position that ever was; flat ones show their profit."""

    positions: list[PositionRow]


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """An order and its outcome."""

    order_id: str
    account: Text
    instance: Text
    instrument: Text
    side: str
    kind: str
    quantity: Decimal
    filled: Decimal
    state: str
    code: str
    reason: Text
    detail: Text


class OrdersAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Orders, and how many there are of the kind that was asked for."""

    orders: list[OrderRow]
    total: int


class WhyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An order, its fills, and the messages from its decision back to the bars."""

    order: OrderRow
    fills: list[dict[str, Any]]
    chain: list[dict[str, Any]]


class WhyNotAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Reasons why there was no order then, a strategy instance each."""

    instrument: Text
    at: datetime
    legs: list[dict[str, Any]]


class TradesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The newest fills of a day, and the days that have some."""

    day: str | None
    days: list[str]
    total: int
    trades: list[dict[str, Any]]


class SignalsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The weight that each strategy instance wants to hold, and the legs that do not trade."""

    signals: list[dict[str, Any]]
    not_trading: list[dict[str, Any]]


class LimitRow(msgspec.Struct, frozen=True, kw_only=True):
    """A limit by its name in the desk file; ``used`` is null where nothing can be summed, and ``why`` says so."""

    limit: str
    unit: Text
    most: Decimal
    used: Decimal | None
    left: Decimal | None
    share: Decimal | None
    subject: Text
    why: Text


class LimitedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account and its limits; ``breach`` is the loss limit that is broken, ``read`` where the limits are from."""

    account: Text
    trading_state: Text
    breach: Text
    limits: list[LimitRow]
    read: Text


class LimitsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of each account, and what is used of them."""

    accounts: list[LimitedAccount]


class RowsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a query; ``cut_off`` says that there are more."""

    columns: list[Text]
    rows: list[dict[str, Any]]
    cut_off: bool
    scanned_bytes: int


class DataAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of files of bars, and what is doubtful in them."""

    instruments: list[dict[str, Any]]
    refused: list[Text]
    apart: list[Text]


class StrategiesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The strategies there are, and those that cannot be loaded, with the reason."""

    strategies: list[dict[str, Any]]
    broken: dict[str, Text]


class CheckAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Faults of a strategy, which keep it from trading, and what is doubtful."""

    name: Text
    lookback: int
    wrong: list[Text]
    doubtful: list[Text]


class BacktestAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Earnings and risk of each account."""

    fidelity: str
    accounts: dict[str, Any]
    notes: list[Text]


class VerdictAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The findings on a strategy's result."""

    summary: Text
    findings: list[dict[str, Any]]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A section of a page of fanfold's own."""

    page: str
    heading: str
    text: str


class DocsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The sections that fit best, the best first."""

    sections: list[Section]


class RunAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A run on paper: its name, for `run` of the other tools, and its report. A dry run has only the check."""

    run: str
    done: bool
    check: dict[str, Any]
    report: dict[str, Any]


class HaltedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account, its trading state before and now, and why it was left as it is, "" where it was not."""

    account: str
    before: str
    now: str
    left: str = ""


class HaltOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts after a halt; after a dry run, as they would be."""

    done: bool
    accounts: list[HaltedAccount]


class ProposalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket; ``approve`` is the command by which a person approves it."""

    done: bool
    ticket: dict[str, Any]
    approve: Text


class TicketsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The tickets, the newest last."""

    tickets: list[dict[str, Any]]


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: its data, whether all is well (false where the command ends with exit code 1), and what is left."""

    data: dict[str, Any]
    good: bool
    note: str
    budget: BudgetLeft


def schema_of(answer: type) -> dict[str, Any]:
    """Return the JSON schema of an envelope with an answer of this kind."""
    envelope, data = _schema(Envelope, answer)
    envelope["properties"]["data"] = data
    return envelope


def schema_of_input(kind: type) -> dict[str, Any]:
    """Return the JSON schema of a tool's input: an object at its root."""
    (whole,) = _schema(kind)
    return whole


def _schema(root: type, *others: type) -> list[dict[str, Any]]:
    """Return the schema of a record, whole and with what it and the others refer to; then those of the others."""
    (first, *rest), known = msgspec.json.schema_components((root, *others), ref_template="#/$defs/{name}")
    whole: dict[str, Any] = known.pop(first["$ref"].rpartition("/")[2])
    return [whole | ({"$defs": known} if known else {}), *rest]
