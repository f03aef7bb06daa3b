"""Every command but ``run``, in the order in which help lists them."""

from fanfold.cli.commands import (
    audit,
    cost,
    dead_letters,
    desk,
    doctor,
    orders,
    query,
    runs,
    serve,
    status,
    trading_state,
    why,
)
from fanfold.cli.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    *runs.COMMANDS,
    *status.COMMANDS,
    *orders.COMMANDS,
    *why.COMMANDS,
    *trading_state.COMMANDS,
    *serve.COMMANDS,
    *query.COMMANDS,
    *audit.COMMANDS,
    *dead_letters.COMMANDS,
    *doctor.COMMANDS,
    *cost.COMMANDS,
    *desk.COMMANDS,
)
