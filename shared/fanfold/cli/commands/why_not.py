"""Show why an instrument was not traded at a time, strategy by strategy.

Example: fanfold why-not BTC/USDT 2026-01-03T01:16
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.audit import chain
from fanfold.audit.why_not import LegAnswer, why_not
from fanfold.cli.argument_types import Shared, StageName, read_by, read_moment
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer
from fanfold.cli.reading import instrument_of, minute, records_of
from fanfold.errors import NothingThere
from fanfold.money import amount
from fanfold.stages.session import reach

EXITS = DESK


def command(
    instrument: Annotated[str, Parameter(metavar="INSTRUMENT", help="instrument of the desk")],
    time: Annotated[Any, Parameter(metavar="TIME", converter=read_by(read_moment), help="ISO 8601, in UTC")],
    /,
    *,
    options: Shared,
    stage: StageName = "",
) -> Answer:
    """Return an answer for each strategy instance that trades the instrument."""
    at = datetime.fromtimestamp(time, UTC)
    with reach(options.state, stage, options.command) as session:
        name = instrument_of(session, instrument) or instrument
        desk, records = session.desk, records_of(session)
    answers = why_not(desk, map(chain.message_of, records), name, at)
    if not answers:
        raise NothingThere(f"no strategy of the desk trades {name}")
    document = {"instrument": name, "at": at, "legs": answers}
    return Answer(document, ["\n".join(_text(answer) for answer in answers)])


def _text(answer: LegAnswer) -> str:
    wanted = (
        "no target" if answer.weight is None or not answer.since else f"{answer.weight:g} of {minute(answer.since)}"
    )
    return f"{answer.instance} (holds {amount(answer.quantity)}, wants {wanted}): {answer.why}"
