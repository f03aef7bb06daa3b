"""Show the weight that each strategy instance wants to hold.

Example: fanfold signals
"""

from fanfold.audit.queries import signals_of
from fanfold.cli.argument_types import Account, Shared, StageName
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, grid
from fanfold.cli.reading import leg_text, legs_of
from fanfold.stages.session import reach

EXITS = DESK
_COLUMNS = {
    "at": "at",
    "account": "account",
    "instance": "strategy",
    "instrument": "instrument",
    "timeframe": "bars",
    "weight": "weight",
}


def command(*, options: Shared, stage: StageName = "", account: Account = None) -> Answer:
    """Return the weight that each strategy instance wants now, as a share of its leg's equity."""
    with reach(options.state, stage, options.command) as session:
        names = session.accounts(account)
        rows = [row for name in names for row in signals_of(session.views, session.desk, name)]
        legs = [leg for name in names for leg in legs_of(session, name)]
    idle = [leg_text(leg) for leg in legs]
    columns = {name: text for name, text in _COLUMNS.items() if name != "account" or len(names) > 1}
    text = [grid("", rows, columns)] if rows else ["no signals: no strategy has given a target yet"]
    return Answer({"signals": rows, "not_trading": legs}, [*text, *idle])
