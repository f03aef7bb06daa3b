"""The results of a daily close, and the report made of them."""

from decimal import Decimal
from typing import Literal

import msgspec

from fanfold.audit.verdict import Verdict


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A place where the fills and the published books disagree: cash, or instance and instrument."""

    what: str
    by_fills: Decimal
    published: Decimal


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """An account at the end of a day, by its fills alone; ``held`` has a quantity for each "instance instrument".

    It counts what the first ``through`` records of the account's chain hold.
    """

    day: str
    cash: Decimal
    held: dict[str, Decimal]
    through: int = 0


class LateFill(msgspec.Struct, frozen=True, kw_only=True):
    """A fill that was recorded after the close of the day on which it happened, and what it brought."""

    day: str
    trade_id: str
    instance: str
    instrument: str
    cash: Decimal
    quantity: Decimal


class DayOfAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account's day: its end, and the fills of the day in figures.

    ``before`` is where the day began. It counts the ``late`` fills of days that were closed without them.
    """

    account: str
    currency: str
    before: Closing
    end: Closing
    trades: int
    turnover: Decimal
    fees: Decimal
    late: list[LateFill] = []


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the close that failed, in Step Functions' own words."""

    step: str
    error: str
    cause: str


class DayReport(msgspec.Struct, frozen=True, kw_only=True):
    """A day of the desk. Only a day without faults is closed."""

    day: str
    compacted: int
    chains: list[Verdict]
    accounts: list[DayOfAccount]
    faults: list[Fault]

    @property
    def state(self) -> Literal["closed", "failed"]:
        return "failed" if self.faults else "closed"


def markdown(report: DayReport) -> str:
    """Return the report for people."""
    parts = [
        f"# {report.day}: {report.state}",
        "## Accounts",
        _table(
            ("Account", "Cash", "Change", "Trades", "Turnover", "Fees"),
            [_account(account) for account in report.accounts],
        ),
        "## Positions",
        _table(
            ("Account", "Instance and instrument", "Quantity"),
            [(account.account, *held) for account in report.accounts for held in _held(account.end)],
        ),
        "## Audit chains",
        _table(
            ("Chain", "Verdict", "Records"),
            [(chain.stream, chain.kind, f"{chain.records:,}") for chain in report.chains],
        ),
    ]
    late = [(account.account, *_late(fill)) for account in report.accounts for fill in account.late]
    if late:
        head = ("Account", "Day", "Fill", "Instance and instrument", "Quantity", "Cash")
        parts += ["## Recorded after their day was closed", _table(head, late)]
    if report.faults:
        parts += [
            "## Faults",
            _table(
                ("Step", "Error", "Cause"), [(fault.step, fault.error, fault.cause[:200]) for fault in report.faults]
            ),
        ]
    return "\n\n".join(parts) + "\n"


def _account(account: DayOfAccount) -> tuple[str, ...]:
    change = account.end.cash - account.before.cash
    return (
        account.account,
        f"{account.end.cash:,.2f} {account.currency}",
        f"{change:+,.2f}",
        f"{account.trades:,}",
        f"{account.turnover:,.2f}",
        f"{account.fees:,.2f}",
    )


def _held(closing: Closing) -> list[tuple[str, str]]:
    return [(leg, f"{quantity:f}") for leg, quantity in sorted(closing.held.items())]


def _late(fill: LateFill) -> tuple[str, ...]:
    leg = f"{fill.instance} {fill.instrument}"
    return fill.day, fill.trade_id, leg, f"{fill.quantity:f}", f"{fill.cash:+,.2f}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows] if rows else [("Nothing",), ("---",)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
