"""Walk the audit chains and name the first record that is not as it was recorded.

Example: fanfold audit verify
Example: fanfold audit verify --stage live
"""

from fanfold.audit.verdict import Verdict, describe
from fanfold.audit.verify import records_in, verdicts_of
from fanfold.cli.argument_types import Shared, StageName
from fanfold.cli.exit_codes import DESK, Exit
from fanfold.cli.output import Answer, Grid, grid
from fanfold.stages.session import reach

EXITS = (Exit.FAILED, *DESK)


def command(*, options: Shared, stage: StageName = "") -> Answer:
    """Verify every chain; a failure where one is not as it was recorded."""
    with reach(options.state, stage, options.command) as session:
        verdicts = verdicts_of(session.log, session.views, session.days)
    broken = [verdict for verdict in verdicts if verdict.kind != "sound"]
    records = records_in(verdicts)
    document = {"verified": not broken, "records": records, "streams": verdicts}
    if broken:
        return Answer(document, ["\n".join(map(_broken, broken)), _streams(verdicts)], Exit.FAILED)
    return Answer(document, [f"audit chain verified: {records} records", _streams(verdicts)])


def _broken(verdict: Verdict) -> str:
    return f"audit chain BROKEN: {describe(verdict)}"


def _streams(verdicts: list[Verdict]) -> Grid:
    rows = [{name: getattr(verdict, name) for name in ("stream", "kind", "records", "pending")} for verdict in verdicts]
    return grid("", rows, {"stream": "stream", "kind": "verdict", "records": "records", "pending": "pending"})
