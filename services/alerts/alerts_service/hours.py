"""The hours of an account: what a report adds to one, and the anomalies that they show."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from alerts_service.daily import StoredHours
from fanfold.alerts import anomalies
from fanfold.alerts.anomalies import BASE_S, HOUR_S, Hour
from fanfold.alerts.entries import Severity
from fanfold.alerts.record import Alert
from fanfold.desk import Desk
from fanfold.market import timeframes
from fanfold.messages import ExecutionReport, OrderState
from fanfold.risk.poll import PollState

FAILED = frozenset({OrderState.REJECTED, OrderState.BLOCKED, OrderState.STALE})
# All that a rule looks at.
KNOWN_S = BASE_S + 6 * HOUR_S


def hour_of(report: ExecutionReport, now: datetime) -> Hour:
    """Return what a report adds to the hour in which it came."""
    latency_ms = max((now - report.at) // timedelta(milliseconds=1), 0)
    states = [update.state for update in report.updates]
    return Hour(
        at_s=int(now.timestamp()),
        filled=states.count(OrderState.FILLED),
        failed=sum(state in FAILED for state in states),
        fills=sum(fill.is_trade for fill in report.fills),
        reports=1,
        latency_ms=latency_ms,
    )


class CountedHours(StoredHours, Protocol):
    """The hours of accounts, which are added to."""

    def add(self, account: str, hour: Hour) -> None: ...


def judged(desk: Desk, polls: Mapping[str, PollState], hours: CountedHours, now_s: int) -> list[Alert]:
    """Note each account's equity in its hour; return all anomalies, and the end of each that there is not."""
    alerts: list[Alert] = []
    for account, poll in polls.items():
        equity = poll.carried.last_equity
        if equity is not None:
            hours.add(account, Hour(at_s=now_s, equity=f"{equity:f}"))
        bar_s = timeframes.seconds(desk.venues[desk.accounts[account].venue].timeframe)
        alerts += anomalies_of(account, hours.since(account, now_s - KNOWN_S), now_s, poll.at, bar_s)
    return alerts


def anomalies_of(account: str, hours: Sequence[Hour], now_s: int, decided_s: int, bar_s: int) -> list[Alert]:
    """Return an alert for each rule: of an anomaly, or of its end."""
    now = f"{account} {now_s}"
    findings: list[tuple[str, Severity, str, str]] = [
        ("success", "critical", "fewer orders fill", anomalies.success_fell(hours, now_s)),
        ("latency", "warning", "reports come late", anomalies.latency_rose(hours, now_s)),
        ("fills", "warning", "fills have stopped", anomalies.fills_stopped(hours, now_s)),
        ("silence", "critical", "nothing is decided", anomalies.fell_silent(decided_s, now_s, bar_s)),
    ]
    return [
        Alert(
            id=f"{rule} {now}",
            key=f"anomaly {rule} {account}",
            severity=severity,
            title=f"{account}: {title}",
            text=text,
            at_s=now_s,
            lasts=True,
            ended=not text,
        )
        for rule, severity, title, text in findings
    ]
