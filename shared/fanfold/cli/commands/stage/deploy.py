"""Deploy a stage: the platform, then the five services side by side.

No deploy replaces a table or a bucket that holds something.

Example: fanfold stage deploy dev
Example: fanfold stage deploy pr-123 --remove-after 2026-03-04
Example: fanfold stage deploy dev --service research
"""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.argument_types import Shared, read_by, read_day
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.cli.stage_account import Stack, Stage, account, checked, done, progress
from fanfold.deployment import SERVICES
from fanfold.local.launcher import repository_root
from fanfold.stages import deploy, names
from fanfold.stages.findings import bars_period_s, key_needed, refuse_live, refuse_recordings
from fanfold.stages.removal import PLATFORM

EXITS = (Exit.NOT_REACHABLE,)
# How long an ephemeral stage is there, where nobody says.
DAYS = 3


def command(
    stage: Stage = "dev",
    /,
    *,
    options: Shared,
    service: Annotated[
        Stack | None,
        Parameter(
            metavar="NAME", help="one service, the platform, research, alerts or page; without it, all but those three"
        ),
    ] = None,
    remove_after: Annotated[
        str | None,
        Parameter(
            metavar="DATE",
            converter=read_by(read_day),
            help=f"last day of a temporary stage, pr-... or try-... (in {DAYS} days)",
        ),
    ] = None,
) -> Answer:
    """Deploy to the account that the AWS variables name."""
    checked(stage)
    last = remove_after or str(_today() + timedelta(days=DAYS))
    settings = {"FANFOLD_REMOVE_AFTER": last} if names.EPHEMERAL.fullmatch(stage) else {}
    desk_file = Path(os.environ.get("FANFOLD_DESK") or repository_root() / "desk.toml")
    refuse_recordings(desk_file, os.environ)
    refuse_live(stage, desk_file, os.environ)
    settings["FANFOLD_BARS_PERIOD_S"] = str(bars_period_s(desk_file, os.environ))
    stacks = [service] if service else [PLATFORM, *SERVICES]
    deploy.Stage(stage, account(), settings, progress(options)).deploy(stacks)
    if needed := key_needed(stage, desk_file, os.environ):
        progress(options)(needed)
    return done({"stage": stage, "deployed": stacks, **({"remove_after": last} if settings else {})})


def _today() -> date:
    return datetime.now(UTC).date()
