"""Remove a stage with all that it holds; of paper and live the stacks alone.

Example: fanfold stage remove dev
Example: fanfold stage remove live --confirm live
"""

from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.argument_types import Shared
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.cli.stage_account import Stage, account, checked, done, progress
from fanfold.stages.removal import Removal

EXITS = (Exit.NOT_REACHABLE,)


def command(
    stage: Stage = "dev",
    /,
    *,
    options: Shared,
    confirm: Annotated[
        str, Parameter(metavar="STAGE", help="the stage once more, where it keeps its tables and buckets")
    ] = "",
) -> Answer:
    """Delete the stacks of a stage, and empty its buckets."""
    Removal(checked(stage), account(), progress(options)).run(confirm)
    return done({"stage": stage, "removed": True})
