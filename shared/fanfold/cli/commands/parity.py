"""Compare a traded day with its back-test, and give each difference a reason.

The same strategies, params and limits trade the bars that the desk had, or those of --data, through the services' own
code. What has no reason comes first, and is exit code 1. The report is kept; `fanfold status` shows the newest.
docs/parity.md says what each reason means.

Example: fanfold parity
Example: fanfold parity 2026-01-03 --json
Example: fanfold parity --stage live
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter

from fanfold.audit.parity import ParityReason, ParityReport
from fanfold.cli import parity_reports
from fanfold.cli.argument_types import Columns, Shared, StageName, read_by, read_day
from fanfold.cli.exit_codes import DESK, Exit
from fanfold.cli.output import Answer, Grid, grid
from fanfold.cli.reading import messages_of
from fanfold.importers import columns as column_names
from fanfold.local.launcher import make_services_importable
from fanfold.market.source import Source
from fanfold.money import money
from fanfold.stages.session import reach

EXITS = (Exit.FAILED, *DESK)
SHOWN_MAX = 20

Day = Annotated[
    str | None,
    Parameter(metavar="DAY", converter=read_by(read_day), help="a UTC day such as 2026-01-31 (the newest whole one)"),
]
Data = Annotated[
    list[str] | None,
    Parameter(metavar="FILE", consume_multiple=1, help="the venue's bars of that time, to find those the desk lacked"),
]


def command(
    day: Day = None, /, *, options: Shared, stage: StageName = "", data: Data = None, columns: Columns = ""
) -> Answer:
    """Return the differences of a day; a failure where one has no reason."""
    make_services_importable()
    from fanfold.simulation import parity_run  # noqa: PLC0415 - its modules import those of the services

    history = _history(data, column_names.parse(columns)) if data else None
    with reach(options.state, stage, options.command) as session:
        messages = messages_of(session)
        wanted = date.fromisoformat(day) if day else parity_run.newest_day(messages)
        report = parity_run.parity(session.desk, messages, wanted, history)
        parity_reports.store(session, report)
    document = msgspec.to_builtins(report) | {"unexplained": report.unexplained}
    return Answer(document, _blocks(report), Exit.FAILED if report.unexplained else Exit.OK)


def _history(data: Sequence[str], mapping: dict[str, str]) -> Callable[[str], Source]:
    """Return the bars in files as those of every venue."""
    from fanfold.importers import joining  # noqa: PLC0415 - it loads pyarrow
    from fanfold.market.recordings import Recordings  # noqa: PLC0415 - as above

    recordings = Recordings(file.recording for file in joining.read_all(data, mapping))
    return lambda _venue: recordings


def _blocks(report: ParityReport) -> list[str | Grid]:
    lines = [
        parity_reports.summary(report),
        f"back-test: {report.backtest_orders:,} orders, {report.backtest_fills:,} fills",
    ]
    counts = Counter(difference.reason for difference in report.differences)
    lines += [f"  {reason:<20}{counts[reason]:,}" for reason in ParityReason if counts[reason]]
    if report.unexplained:
        lines.append("the back-test is of the desk file as it is now: if it changed, compare days that began later")
    if report.slippage:
        lines.append(f"slippage against the back-test: {money(report.slippage)}")
    rows = [
        {
            "at": datetime.fromtimestamp(each.at, UTC).strftime("%H:%M"),
            "leg": f"{each.instance} {each.instrument}".strip(),
            "reason": each.reason,
            "desk": each.desk,
            "backtest": each.backtest,
            "cost": f"{each.cost:.4f}" if each.cost else "",
            "detail": each.detail,
        }
        for each in report.differences[:SHOWN_MAX]
    ]
    if not rows:
        return ["\n".join(lines)]
    headings = {"at": "at", "leg": "leg", "reason": "reason", "desk": "desk", "backtest": "back-test", "cost": "cost",
                "detail": "detail"}  # fmt: skip
    more = len(report.differences) - len(rows)
    return ["\n".join(lines), grid("", rows, headings), *([f"{more:,} more; --json has all"] if more else [])]
