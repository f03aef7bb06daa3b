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
    Exit.FAILED: "Done, and the answer is bad: the table below says for each command what that is.",
    Exit.WRONG_INPUT: "Wrong usage or wrong input; standard error names what was wrong and what to do.",
    Exit.NOTHING_THERE: "Nothing is there yet: no run in the state directory, no such order.",
    Exit.NOT_REACHABLE: "The desk is not reachable, a deploy or a step of a stage failed, or the desk did not come to "
    "rest.",
    Exit.INTERRUPTED: "Interrupted; what the command had started was stopped.",
}

# What makes the exit code of a command FAILED, by its words.
FAILURES = {
    "alerts": "`alerts test`: a channel did not take the test",
    "audit verify": "a chain differs from what was recorded",
    "chat try": "the command was denied or refused",
    "data check": "bars are missing, jump or are there twice",
    "data doctor": "a file has a defect",
    "doctor": "something needs to be fixed",
    "halt": "`halt --drill`: the halt did not do what it should",
    "parity": "a difference has no reason",
    "reconcile": "after a run at `--exchange box`: books and exchange differed at its end",
    "replay": "a message did not come again as it was recorded",
    "run": "the audit chain is broken, the books do not balance, there are dead letters, or a strategy failed or said "
    "nothing",
    "simulate": "a law was broken",
    "stage scan-images": "an image has a critical finding",
    "status": "the books do not balance",
    "strategies": "a strategy cannot be loaded",
    "strategy check": "the strategy must not trade",
    "tax": "a disposal has no lot, or a transfer no other side",
    "verdict": "a check of the strategy failed",
}

# The exit codes that every command has; a command's file lists its others in EXITS.
EVERY_COMMAND = (Exit.OK, Exit.WRONG_INPUT, Exit.INTERRUPTED)
# The further exit codes of commands that query a desk.
DESK = (Exit.NOTHING_THERE, Exit.NOT_REACHABLE)
