"""Bring back a service as it was one deploy ago, without a canary.

Example: fanfold stage rollback dev --service signal
"""

from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.argument_types import Shared
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.cli.stage_account import Stack, Stage, account, checked, done, progress
from fanfold.errors import BadInput
from fanfold.stages import deploy

EXITS = (Exit.NOT_REACHABLE,)


def command(
    stage: Stage = "dev",
    /,
    *,
    options: Shared,
    service: Annotated[Stack | None, Parameter(metavar="NAME", help="the service, or the platform")] = None,
) -> Answer:
    """Roll a service back by one deploy."""
    if service is None:
        raise BadInput("name the service to roll back, as in `make rollback STAGE=dev SERVICE=signal`")
    timestamp = deploy.Stage(checked(stage), account(), {}, progress(options)).rollback(service)
    return done({"stage": stage, "service": service, "deployed_at": timestamp})
