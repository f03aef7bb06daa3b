"""Show why an instrument was not traded at a time, strategy by strategy.

Example: fanfold why-not BTC/USDT 2026-01-03T01:16
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from cyclopts import Parameter

from fanfold.audit.why_not import LegAnswer, why_not
from fanfold.cli.argument_types import Shared, StageName, read_by, read_moment
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer
from fanfold.cli.reading import instrument_of, messages_of, minute
from fanfold.errors import NothingThere
from fanfold.market import timeframes
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
        desk, messages = session.desk, messages_of(session)
    answers = why_not(desk, messages, name, at)
    if not answers:
        raise NothingThere(f"no strategy of the desk trades {name}")
    document = {"instrument": name, "at": at, "legs": answers}
    age = _age(answers, at, 2 * timeframes.seconds(desk.shortest_timeframe))
    return Answer(document, ["\n".join([*age, *(_text(answer) for answer in answers)])])


def _age(answers: Sequence[LegAnswer], at: datetime, age_s_max: int) -> Iterator[str]:
    """Yield the close of the last bar by then, where it is older than so many seconds."""
    last = max((answer.last_bar for answer in answers if answer.last_bar), default=at)
    if at - last >= timedelta(seconds=age_s_max):
        yield f"the last bar by then closed at {minute(last)}"


def _text(answer: LegAnswer) -> str:
    wanted = (
        "no target" if answer.weight is None or not answer.since else f"{answer.weight:g} of {minute(answer.since)}"
    )
    return f"{answer.instance} (holds {amount(answer.quantity)}, wants {wanted}): {answer.why}"
