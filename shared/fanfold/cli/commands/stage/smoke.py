"""Trade once in a stage: send a signal, and wait for the fill.

All goes through the stage's own functions.

Example: fanfold stage smoke dev
"""

import os
import time
from datetime import UTC, datetime

from fanfold.cli.argument_types import Shared
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.cli.stage_account import Stage, checked, done, progress
from fanfold.stages.session import StageSession
from fanfold.stages.smoke import Smoke

EXITS = (Exit.NOTHING_THERE, Exit.NOT_REACHABLE)


def command(stage: Stage = "dev", /, *, options: Shared) -> Answer:
    """Run the smoke test of a deployed stage."""
    session = StageSession(checked(stage), os.environ)
    Smoke(session, progress(options), lambda: datetime.now(UTC), time.sleep).run()
    return done({"stage": stage, "filled": True})
