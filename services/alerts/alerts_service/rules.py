"""The alerts that events are: which thing each is of, how bad it is, and which channels asked for it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import singledispatch
from typing import Any

from msgspec import UNSET

from alerts_service.events import AlarmNotice
from fanfold.alerts.entries import Severity
from fanfold.alerts.record import Alert, Channels
from fanfold.codes import Code
from fanfold.messages import (
    ExecutionReport,
    Fill,
    LegCode,
    LegState,
    LegStatus,
    OrdersRefused,
    OrderState,
    OrderUpdate,
    TradingState,
    TradingStateChanged,
)
from fanfold.records import Refusal

# Alarms that say that the desk is slow or short of something, and none that it trades wrongly or not at all.
MILD = ("queue-age", "throttles", "tick-to-order", "bars-requested", "sweeps-failed")
LOSSES = {"DAILY_LOSS", "DRAWDOWN"}
STATES: dict[TradingState, Severity] = {
    TradingState.REDUCE_ONLY: "warning",
    TradingState.HALTED: "critical",
    TradingState.FLATTENING: "critical",
}
# Statuses of legs that need somebody until they are over, and those that are news.
TROUBLES: dict[LegCode, Severity] = {
    LegCode.UNPROTECTED: "critical",
    LegCode.FAULT: "warning",
    LegCode.NO_PRICE: "warning",
    LegCode.RULES_CHANGED: "warning",
    LegCode.ORPHANED: "warning",
}
NEWS: dict[LegCode, Severity] = {
    LegCode.STOPPED_OUT: "warning",
    LegCode.FLAT: "warning",
    LegCode.MISSING_BARS: "info",
    LegCode.STARTED_AFRESH: "info",
    LegCode.BELOW_MINIMUM: "info",
    LegCode.DUST: "info",
}


def alerts_of(event: Any, channels: Channels, now_s: int) -> list[Alert]:
    """Return the alerts of a message or notice; none for what nobody asked for."""
    return list(_alerts(event, channels, now_s))


@singledispatch
def _alerts(_event: object, _channels: Channels, _now_s: int) -> Iterator[Alert]:
    """Yield nothing of a message that no rule is about."""
    yield from ()


@_alerts.register
def _(notice: AlarmNotice, _channels: Channels, now_s: int) -> Iterator[Alert]:
    severity: Severity = "warning" if notice.thing.endswith(MILD) else "critical"
    yield Alert(
        id=notice.id, key=notice.thing, severity=severity, title=notice.thing, text=notice.text,
        at_s=notice.at_s or now_s, kept=notice.lasts,
        lasts=notice.lasts, ended=notice.ended,
    )  # fmt: skip


@_alerts.register
def _(changed: TradingStateChanged, _channels: Channels, _now_s: int) -> Iterator[Alert]:
    yield Alert(
        id=changed.id, key=f"trading-state {changed.account}", severity=STATES.get(changed.state, "warning"),
        title=f"{changed.account} is {changed.state}", text=f"{changed.actor}: {changed.reason}",
        at_s=changed.at.timestamp(), lasts=True, kept=True, ended=changed.state is TradingState.ACTIVE,
    )  # fmt: skip


@_alerts.register
def _(status: LegStatus, _channels: Channels, _now_s: int) -> Iterator[Alert]:
    minor = defaultdict[LegCode, list[LegState]](list)
    for state in status.statuses:
        before = state.was if state.was is not UNSET else LegCode.OK
        if before in TROUBLES and before != state.code:
            yield _of_leg(status, state, before, ended=True)
        if NEWS.get(state.code) == "info":
            minor[state.code].append(state)
        elif state.code in TROUBLES or state.code in NEWS:
            yield _of_leg(status, state, state.code)
    for code, states in minor.items():
        yield _of_legs(status, code, states)


def _of_leg(status: LegStatus, state: LegState, code: LegCode, *, ended: bool = False) -> Alert:
    """Return the alert of a leg that needs somebody."""
    of = _name(state)
    return Alert(
        id=f"{status.id} {of}", key=f"{code} {status.account} {of}", severity=TROUBLES.get(code) or NEWS[code],
        title=f"{status.account}: {of} is {code}", text=state.detail or str(state.code),
        at_s=status.at.timestamp(), lasts=code in TROUBLES, kept=ended, ended=ended,
    )  # fmt: skip


def _of_legs(status: LegStatus, code: LegCode, states: Sequence[LegState]) -> Alert:
    """Return the alert of all legs of a status that nobody need act on: a venue that is silent befalls them at once."""
    first = states[0]
    return Alert(
        id=f"{status.id} {code}", key=f"{code} {status.account}", severity="info",
        title=f"{status.account}: {_name(first)} is {code}{_more(states)}", text=first.detail or str(code),
        at_s=status.at.timestamp(),
    )  # fmt: skip


def _name(state: LegState) -> str:
    """Return the name of a leg; both names of a status of the whole account are ""."""
    return " ".join(filter(None, (state.instance, state.instrument))) or "the whole account"


@_alerts.register
def _(refused: OrdersRefused, channels: Channels, now_s: int) -> Iterator[Alert]:
    by_code = defaultdict[Code, list[Refusal]](list)
    for refusal in refused.refusals:
        by_code[refusal.code].append(refusal)
    for code, refusals in by_code.items():
        asking = tuple(name for name, each in channels.items() if {code, "*"} & set(each.refusals))
        first, order = refusals[0], refusals[0].order
        if asking:
            yield Alert(
                id=f"{refused.id} {code}", key=f"refusal {refused.account} {code}",
                severity="critical" if code in LOSSES else "warning",
                title=f"{refused.account}: refused for {code}",
                text=f"{order.side} {order.quantity:f} {order.instrument} of {order.instance}: {first.detail}"
                f"{_more(refusals)}",
                at_s=now_s, channels=asking,
            )  # fmt: skip


def _more(together: Sequence[object]) -> str:
    """Return what a text about the first of several says of the others."""
    return f", and {len(together) - 1} more" if len(together) > 1 else ""


@_alerts.register
def _(report: ExecutionReport, channels: Channels, now_s: int) -> Iterator[Alert]:
    for update in report.updates:
        yield from _doubt(report, update)
    for fill in report.fills:
        yield from _fill(report, fill, channels, now_s)


def _doubt(report: ExecutionReport, update: OrderUpdate) -> Iterator[Alert]:
    """Yield the alert of an order of which nobody knows what became, and its end once somebody does."""
    doubt = update.doubt if isinstance(update.doubt, str) else ""
    if not doubt and update.state is OrderState.SUBMITTING:
        # It may be of before the doubt: the doubt ends once the order is in another state.
        return
    known = update.doubt_ended is True
    became = f"{doubt}. Its instrument is frozen" if doubt else f"What became of it is known: it is {update.state}"
    yield Alert(
        id=f"{report.id} {update.order_id}", key=f"order {update.order_id}", severity="critical",
        title=f"{report.account}: an order on {update.instrument} is in doubt",
        text=f"{became}; `fanfold why {update.order_id}`",
        at_s=report.at.timestamp(), lasts=True, kept=known, final=known,
        ended=not doubt,
    )  # fmt: skip


def _fill(report: ExecutionReport, fill: Fill, channels: Channels, now_s: int) -> Iterator[Alert]:
    notional = fill.price * fill.quantity
    asking = tuple(name for name, each in channels.items() if Decimal(0) < each.fill_notional_min <= notional)
    if asking:
        yield Alert(
            id=f"fill {fill.venue} {fill.trade_id}", key=f"fill {report.account} {fill.instrument}", severity="info",
            title=f"{report.account}: {fill.side} {fill.quantity:f} {fill.instrument} at {fill.price:f}",
            text=f"{notional:,.2f} of {fill.instance}, fee {fill.fee:f}", at_s=now_s, channels=asking,
        )  # fmt: skip
