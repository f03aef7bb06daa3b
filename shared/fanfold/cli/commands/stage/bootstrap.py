"""Prepare an account for a stage, once.

Create image repositories, the deployment bucket, bounds of roles, and the role of the delivery.

Example: fanfold stage bootstrap dev --repository acme/desk
"""

import os
from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.argument_types import Shared
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.cli.stage_account import Stage, account, done, progress
from fanfold.stages import names
from fanfold.stages.bootstrap import Bootstrap

EXITS = (Exit.NOT_REACHABLE,)


def command(
    stage: Stage = "dev",
    /,
    *,
    options: Shared,
    repository: Annotated[
        str, Parameter(metavar="OWNER/NAME", help="the repository on GitHub whose delivery may deploy")
    ] = "",
) -> Answer:
    """Create or update what a stage's account needs; `pr` and `try` stand for all stages of their kind."""
    Bootstrap(account(), progress(options)).run(stage, names.bucket_prefix(stage, os.environ), repository)
    return done({"stage": stage, "bootstrapped": True})
