"""Remove the temporary stages, pr-... and try-..., that have expired.

Example: fanfold stage sweep --dry-run
Example: fanfold stage sweep --kind pr
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fanfold.cli.argument_types import Shared
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer
from fanfold.cli.stage_account import account, done, progress
from fanfold.stages import names
from fanfold.stages.removal import sweep

EXITS = (Exit.NOT_REACHABLE,)

if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[names.KINDS]


def command(
    *,
    options: Shared,
    kind: Annotated[Kind | None, Parameter(metavar="KIND", help="stages of this kind alone")] = None,
    dry_run: Annotated[bool, Parameter(help="say which stages are due, and remove none")] = False,
) -> Answer:
    """Say which ephemeral stages there are, and remove those that are due."""
    kinds = (kind,) if kind else names.KINDS
    due = sweep(account(), datetime.now(UTC).date(), progress(options), remove=not dry_run, kinds=kinds)
    return done({"due": due, "removed": [] if dry_run else due})
