"""Every command but ``run``, in the order in which help lists them."""

from fanfold.console.commands import Command, audit, books, desks, doctor, flow, halts, lake, letters, why

COMMANDS: tuple[Command, ...] = (
    *books.COMMANDS,
    *flow.COMMANDS,
    *why.COMMANDS,
    *halts.COMMANDS,
    *lake.COMMANDS,
    *audit.COMMANDS,
    *letters.COMMANDS,
    *doctor.COMMANDS,
    *desks.COMMANDS,
)
