"""A day is closed whenever a fill is booked, and the report names those that came after their day was closed."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from audit_service.reconcile import BooksDiffer, reconcile
from audit_service.record import Arrival, record
from audit_service.report import Findings, report
from audit_service.verify import verify_one
from fanfold import messages
from fanfold.audit.daily_report import DayReport, markdown
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log
from fanfold.aws.s3.reports import S3Reports
from fanfold.aws.s3.seals import S3Seals
from fanfold.desk import Account
from fanfold.errors import AT_ONCE
from fanfold.ledger import positions
from fanfold.messages import ExecutionReport, Fill, PositionSnapshot
from fanfold.simulation.cloud import MemoryCloud
from support import paper_examples
from support.core_desk import small_desk

ACCOUNT: Account = small_desk().accounts["main"]


def on(day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC)


class Audited:
    """The audit of an account whose fills are booked when a test says so, and whose days are closed at 00:20."""

    def __init__(self) -> None:
        cloud = MemoryCloud()
        for bucket in ("audit", "lake"):
            cloud.call("s3", "CreateBucket", {"Bucket": bucket})
        cloud.table("views")
        self.log, self.views = S3Log(cloud.call, "audit"), DynamoViews(cloud.call, "views")
        self.reports, self.seals = S3Reports(cloud.call, "lake"), S3Seals(cloud.call, "audit")
        self.count, self.cash, self.held = 0, ACCOUNT.cash, Decimal(0)

    def fill(self, at: datetime) -> None:
        """Book a fill that happened at a time, which may have been days ago."""
        self.count += 1
        fill = paper_examples.fill("buy", "0.1", "100", "0.01", f"t{self.count}")
        fill = msgspec.structs.replace(fill, at=at, venue="v", instrument="A")
        self.cash += positions.cash_flow(fill)
        self.held += positions.received(fill)
        self.book([fill])

    def book(self, fills: list[Fill]) -> None:
        holding = PositionSnapshot(
            instance="trend",
            instrument="A",
            quantity=self.held,
            cost=Decimal(0),
            realised=Decimal(0),
            fees=Decimal(0),
            version=self.count,
        )
        message = ExecutionReport(
            id=f"r{self.count}",
            cause="venue",
            at=fills[0].at if fills else on(1),
            account="main",
            venue="v",
            fills=fills,
            positions=[holding],
            cash=self.cash,
            version=self.count,
        )
        raw = msgspec.json.decode(messages.encode(message))
        record([Arrival(message, raw, 1)], self.log, self.views, AT_ONCE)

    def close(self, day: int, *, after: int = 1) -> DayReport:
        """Close a day of June, so many days later."""
        name, today = date(2026, 6, day).isoformat(), date(2026, 6, day) + timedelta(days=after)
        before = self.reports.closings(before=name).get("main")
        verdict = verify_one("main", name, self.log, self.views, self.seals, self.reports, None)
        account = reconcile("main", ACCOUNT, name, today.isoformat(), before, self.views, self.log)
        findings = Findings(
            day=name,
            compacted={"days": 0},
            chains=[msgspec.to_builtins(verdict)],
            accounts=[msgspec.to_builtins(account)],
        )
        return report(findings, self.reports, self.seals, None)


@pytest.fixture
def audited() -> Audited:
    audited = Audited()
    audited.fill(on(1))
    audited.close(1)
    return audited


@pytest.mark.parametrize("happened", [on(1, 23, 54), on(2, 23, 54)])
def test_a_fill_of_a_closed_day_counts_before_the_next_one_and_is_named(audited: Audited, happened: datetime) -> None:
    audited.close(2)
    audited.fill(happened)
    audited.fill(on(3))
    (account,) = (third := audited.close(3)).accounts
    assert [(fill.trade_id, fill.day, fill.cash) for fill in account.late] == [
        ("t2", happened.date().isoformat(), Decimal("-10.01"))
    ]
    assert (account.trades, account.before.cash, account.end.cash) == (1, audited.cash + Decimal("10.01"), audited.cash)
    assert "| main | 2026-06-0" in markdown(third).partition("Recorded after their day was closed")[2]
    for day in range(4, 8):
        audited.fill(on(day))
        (account,) = audited.close(day).accounts
        assert (account.late, account.end.cash) == ([], audited.cash)


def test_a_fill_of_weeks_ago_counts_once_however_many_days_stay_open(audited: Audited) -> None:
    audited.fill(on(9))
    audited.close(9)
    audited.fill(on(1, 13))
    audited.fill(on(12))
    (account,) = audited.close(14, after=6).accounts
    assert ([fill.trade_id for fill in account.late], account.end.cash) == (["t3"], audited.cash)
    assert audited.close(15).accounts[0].end.cash == audited.cash


@pytest.mark.parametrize("again", [lambda audited: audited.fill(on(2, 0, 20)), lambda audited: audited.fill(on(3))])
def test_a_first_fill_of_the_new_day_does_not_hinder_the_close(
    audited: Audited, again: Callable[[Audited], None]
) -> None:
    again(audited)
    assert audited.close(2).accounts[0].late == []
    assert audited.close(3).accounts[0].end.cash == audited.cash


def test_books_that_no_fill_explains_still_differ(audited: Audited) -> None:
    audited.count += 1
    audited.cash -= 1
    audited.book([])
    with pytest.raises(BooksDiffer, match="cash"):
        audited.close(2)


def test_a_report_of_before_says_by_its_chains_what_it_counted(audited: Audited) -> None:
    audited.fill(on(2))
    closed = audited.close(2)
    (account,) = closed.accounts
    old = msgspec.structs.replace(account, before=msgspec.structs.replace(account.before, through=0))
    audited.reports._put(
        "reports/dt=2026-06-02/day.json",
        msgspec.json.encode(msgspec.structs.replace(closed, accounts=[old])),
        "application/json",
    )
    assert audited.reports.closings("2026-06-03")["main"] == account.before
