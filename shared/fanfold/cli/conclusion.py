"""The end of a run: verify the chain, compute the books again from it, print the summary."""

import json
from decimal import Decimal
from typing import NamedTuple

from rich.console import Console

from fanfold.audit.verdict import Verdict, describe
from fanfold.audit.verify import records_in, verdicts_of
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log
from fanfold.aws.s3.seals import closed_days
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import write_blocks
from fanfold.cli.report_text import blocks
from fanfold.cli.summary import (
    AccountSummary,
    Summary,
    SummaryBooks,
    Tally,
    account_books,
    books,
    document,
    percentile,
    performances,
)
from fanfold.deployment import STAGE
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.local.driver import DeskRun
from fanfold.local.session import Session, bucket_name, table_name
from fanfold.local.state_directory import SUMMARY
from fanfold.market import timeframes
from fanfold.money import ZERO
from fanfold.performance.texts import moment


class RunSpan(NamedTuple):
    """The traded span: first and last close in epoch seconds, number of bars, timeframe, and bars a second."""

    first: int
    last: int
    bars: int
    timeframe: str
    rate: float
    interrupted: bool = False


def conclude(run: DeskRun, traded: Desk, pace: RunSpan, out: Console, *, as_json: bool, verbose: bool = False) -> Exit:
    """Print the summary; FAILED where books, chain, dead letters or strategies are not as they should be."""
    verdicts, tally = audit(run, traded)
    table = Table(run.call, table_name("ledger", STAGE))
    summary, computed = _summary(tally, table, verdicts, run.dead_letters(), pace)
    encoded = json.dumps(document(summary))
    (run.state / SUMMARY).write_text(encoded)
    if as_json:
        print(encoded)
    else:
        _print(summary, computed, verdicts, out, verbose=verbose)
    sound = summary.books_balance and summary.audit_verified and not summary.dead_letters
    return Exit.OK if sound and not any(leg.failed for leg in summary.legs) else Exit.FAILED


def audit(run: DeskRun, traded: Desk) -> tuple[list[Verdict], Tally]:
    """Return a verdict on every chain, and the tally of their records."""
    tally = Tally(traded)
    log, views = S3Log(run.call, bucket_name("audit", STAGE)), DynamoViews(run.call, table_name("views", STAGE))
    days = closed_days(run.call, bucket_name("audit", STAGE), bucket_name("lake", STAGE), key="")
    return verdicts_of(log, views, days, tally.take), tally


def summary_of(session: Session) -> Summary:
    """Return the summary of a desk that trades, or of a run that did not end, from its records."""
    tally = Tally(session.desk)
    verdicts = verdicts_of(session.log, session.views, None, tally.take)
    closes = [at for at in sorted(tally.closes) if at > (tally.opened_at or 0)]
    first, last = (closes[0], closes[-1]) if closes else (0, 0)
    timeframe = session.desk.shortest_timeframe
    pace = RunSpan(first, last, len(closes), timeframe, 0.0, interrupted=not session.running)
    return _summary(tally, session.ledger, verdicts, 0, pace)[0]


def _account(traded: Desk, name: str, computed: SummaryBooks) -> AccountSummary:
    return AccountSummary(
        account=name,
        currency=traded.accounts[name].currency,
        fees=computed.fees,
        equity=computed.equity,
        total_return=computed.total_return,
        drawdown=computed.drawdown,
        books_balance=computed.balance and computed.ledger_agrees,
    )


def _money(computed: SummaryBooks, accounts: list[AccountSummary]) -> dict[str, Decimal]:
    """Return the accounts' money together, if they have one currency; sums over several mean nothing."""
    names = ("fees", "equity", "total_return", "drawdown", "realised", "unrealised", "cash")
    one_currency = len({account.currency for account in accounts}) == 1
    return {name: getattr(computed, name) if one_currency else ZERO for name in names}


def _summary(
    tally: Tally, table: Table, verdicts: list[Verdict], dead_letters: int, pace: RunSpan
) -> tuple[Summary, SummaryBooks]:
    """Return the summary, and the books of all accounts that it was computed from."""
    traded = tally.desk
    cash = {name: cash_in(table, name) for name in traded.accounts}
    computed = books(traded, tally, cash)
    accounts = [_account(traded, name, account_books(traded, tally, cash, [name])) for name in traded.accounts]
    latencies = tally.latencies_ms()
    minutes = timeframes.seconds(pace.timeframe) // 60
    summary = Summary(
        bars=tally.bars,
        signals=tally.signals,
        orders=tally.orders,
        refused=sum(tally.refusals.values()),
        refusals=dict(tally.refusals),
        refusal_example=tally.example,
        fills=sum(fill.is_trade for fill in tally.fills),
        accounts=accounts,
        **_money(computed, accounts),
        messages=dict(tally.messages),
        defects=dict(tally.defects),
        dead_letters=dead_letters,
        legs=tally.legs.reports(pace.first, pace.last),
        latency_ms_p50=percentile(latencies, 0.5),
        latency_ms_p99=percentile(latencies, 0.99),
        audit_records=records_in(verdicts),
        audit_verified=all(verdict.kind == "sound" and not verdict.pending for verdict in verdicts),
        books_balance=all(account.books_balance for account in accounts),
        timeframe=pace.timeframe,
        bars_traded=pace.bars,
        bars_per_second=round(pace.rate, 2),
        minutes=pace.bars * minutes,
        minutes_per_second=round(pace.rate * minutes, 2),
        first=moment(pace.first),
        last=moment(pace.last),
        interrupted=pace.interrupted,
        halts=tally.halts,
        venue_rules=sorted(tally.venue_rules.values()),
        wanted_nothing=tally.legs.wanted_nothing(),
        short_on_spot=dict(tally.short_on_spot),
        performance=performances(tally),
    )
    return summary, computed


def _print(summary: Summary, computed: SummaryBooks, verdicts: list[Verdict], out: Console, *, verbose: bool) -> None:
    out.print()
    write_blocks(blocks(summary, verbose=verbose), out)
    for verdict in verdicts:
        if verdict.kind != "sound":
            out.print(f"audit chain {describe(verdict)}", soft_wrap=True)
    if summary.audit_verified:
        out.print(f"audit chain verified: {summary.audit_records:,} records", highlight=False)
    if summary.books_balance:
        out.print("books balance", highlight=False)
    else:
        out.print(f"BOOKS DO NOT BALANCE: {computed}", soft_wrap=True)


def cash_in(table: Table, account: str) -> Decimal:
    """Return the cash of an account in a ledger. Raises BadInput for an account that was never opened."""
    stored = ledger.read(table, account).account
    if stored is None:
        raise BadInput(f"account {account!r} was never opened")
    return stored.cash
