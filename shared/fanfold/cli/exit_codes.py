"""Exit codes of the command line; docs/commands.md is written from them."""

from enum import IntEnum


class Exit(IntEnum):
    """Stable: scripts may rely on them."""

    OK = 0
    FAILED = 1
    WRONG_INPUT = 2
    NOTHING_THERE = 3
    NOT_REACHABLE = 4
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.OK: "Done, and the answer is good.",
    Exit.FAILED: "The answer is a failure: the audit chain is broken, the books do not balance, there are dead letters "
    "after a run, a strategy failed, said nothing, cannot be loaded or failed a check of `verdict`, `data check` saw "
    "bars that are missing, jump or are there twice, `data doctor` saw a defect, `parity` saw a difference without a "
    "reason, `chat try` was denied or refused, an image has a critical finding, or "
    "`doctor` found a problem.",
    Exit.WRONG_INPUT: "Wrong usage or wrong input; standard error names what was wrong and what to do.",
    Exit.NOTHING_THERE: "Nothing is there yet: no run in the state directory, no such order.",
    Exit.NOT_REACHABLE: "The desk is not reachable, a deploy or a step of a stage failed, or the desk did not come to "
    "rest.",
    Exit.INTERRUPTED: "Interrupted; what the command had started was stopped.",
}

# The exit codes that every command has; a command's file lists its others in EXITS.
EVERY_COMMAND = (Exit.OK, Exit.WRONG_INPUT, Exit.INTERRUPTED)
# Those of a command that asks a desk.
DESK = (Exit.NOTHING_THERE, Exit.NOT_REACHABLE)
