"""Responses of risk, research and the system, for the page's tests."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from fanfold.api.risk_schemas import AccountLimits, LimitList, MarkAge, RefusalCount, Refusals
from fanfold.api.system_schemas import (
    Alarm,
    ChainHead,
    ClosedDay,
    DeadLetter,
    OpenAlert,
    QueueDepth,
    Research,
    ResearchRun,
    RunningCode,
    System,
)
from fanfold.risk.limit_use import LimitUse
from support.canned_desk import NOW

D = Decimal


def limit(name: str, used: str | None, most: str, **changed: Any) -> LimitUse:
    """A limit of which so much is used."""
    left = None if used is None else max(D(most) - D(used), D(0))
    share = None if used is None else D(used) / D(most)
    fields: dict[str, Any] = {"unit": "currency", "most": D(most), "left": left, "share": share}
    return LimitUse(limit=name, used=None if used is None else D(used), **fields | changed)


def limits(**changed: Any) -> LimitList:
    """An account with a limit that is free, one that is near, one that is broken, and one that is of each order."""
    fields: dict[str, Any] = {
        "account": "main", "currency": "USDT", "trading_state": "ACTIVE", "breach": "", "equity": D("99500.25"),
        "day": "2026-03-01", "day_start_equity": D(100_000), "peak_equity": D(101_000), "frozen": {},
        "limits": [
            limit("order_notional_max", None, "5000", why="it is compared with each order by itself"),
            limit("orders_per_minute_max", "3", "20", unit="orders"),
            limit("position_notional_max", "8500", "9000", subject="BTC/USDT"),
            limit("drawdown_max", "1500", "1000"),
            limit("bar_age_s_max", None, "180", unit="seconds", why="it is compared with the age of each price"),
        ],
        "marks": [MarkAge(instrument="BTC/USDT", price=D("100.5"), closed_at=NOW)],
    }  # fmt: skip
    return LimitList(accounts=[AccountLimits(**fields | changed)])


def refusals() -> Refusals:
    count = RefusalCount(
        code="ORDER_NOTIONAL", about="The notional is over `order_notional_max`.", count=3, last_at=NOW,
        detail="notional 6000 is over 5000", instance="trend", instrument="BTC/USDT", order_id="o-1",
    )  # fmt: skip
    return Refusals(decided=40, since=NOW - timedelta(hours=2), refusals=[count])


def system(**changed: Any) -> System:
    """A stage with a dead letter, an alarm that rings and a closed day."""
    letter = DeadLetter(
        service="risk", message_id="m-1", reason="BadInput: account '' is not in the desk",
        sent_at=NOW - timedelta(minutes=9), receives=1,
    )  # fmt: skip
    alarm = Alarm(name="fanfold-dev-risk-dead-letters", about="A message was put aside.", state="ALARM", reason="1 > 0",
                  since=NOW)  # fmt: skip
    alert = OpenAlert(key="UNPROTECTED main trend BTC/USDT", severity="critical", count=2, since=NOW,
                      title="main: trend BTC/USDT is UNPROTECTED", text="its venue rejected the stop")  # fmt: skip
    code = RunningCode(service="risk", function="assess", digest="0f" * 32, version="$LATEST", deployed_at=NOW)
    fields: dict[str, Any] = {
        "stage": "dev", "queues": [QueueDepth(service="risk", waiting=4, in_flight=1, dead_letters=1)],
        "dead_letters": [letter], "alarms": [alarm], "alerts": [alert], "functions": [code],
        "chains": [ChainHead(stream="main", records=1640, hash="ab" * 32, in_lake=1600)],
        "closed": ClosedDay(day="2026-02-28", state="closed", sound=True, sealed=True, faults=[]),
        "absent": {"queue_age": "SQS does not say how old a queue's oldest message is"},
    }  # fmt: skip
    return System(**fields | changed)


def research() -> Research:
    """Two back-tests, of which one has a tear sheet."""
    figures: dict[str, Any] = {"total_return": 0.0738, "sharpe": 1.5, "drawdown": 0.021, "round_trips": 42}
    runs = [
        ResearchRun(run=f"back-test-{fast}", kind="back-test", made_at=NOW, strategy="sma_cross", tags=["kept"],
                    params=f'{{"fast":{fast}}}', instruments="BTC/USDT", timeframe="1m", since=NOW, until=NOW,
                    figures=figures | {"sharpe": fast / 10}, sheet="/research/sheets/back-test-8" if fast == 8 else "")
        for fast in (8, 20)
    ]  # fmt: skip
    return Research(place="/srv/research", runs=runs, figures=["sharpe", "drawdown"], costs=["drawdown"])
