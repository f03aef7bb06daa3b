"""Every command but ``run``, in the order in which help lists them."""

from fanfold.console.commands import (
    Command,
    audit,
    books,
    costs,
    desks,
    doctor,
    flow,
    halts,
    lake,
    letters,
    runs,
    serving,
    why,
)

COMMANDS: tuple[Command, ...] = (
    *runs.COMMANDS,
    *books.COMMANDS,
    *flow.COMMANDS,
    *why.COMMANDS,
    *halts.COMMANDS,
    *serving.COMMANDS,
    *lake.COMMANDS,
    *audit.COMMANDS,
    *letters.COMMANDS,
    *doctor.COMMANDS,
    *costs.COMMANDS,
    *desks.COMMANDS,
)
