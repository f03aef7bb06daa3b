"""Execution's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """Where execution publishes, the ledger that it shares with risk, and the paper venue's book."""

    executions_topic: str
    ledger_table: str
    paper_book_table: str
    venue_origin: str = ""
