"""Execution's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The topics of execution, the ledger that it shares with risk, and the paper venue's book.

    ``venue_secret`` has the keys of a real venue, and ``live_venue`` is the one, by its name in the desk file, whose
    live accounts trade; both are empty where no orders go to a real one. ``order_plans_machine`` is the state machine
    that keeps the time of slices and bundles, "" where polls and the sweep alone do. ``fills_secret`` signs fills from
    outside, "" where none are accepted.
    """

    executions_topic: str
    ledger_table: str
    paper_book_table: str
    venue_secret: str = ""
    live_venue: str = ""
    venue_origin: str = ""
    order_plans_machine: str = ""
    fills_secret: str = ""
