"""Execution's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """Where execution publishes, the ledger that it shares with risk, the paper venue's book, and the secret with the
    keys of a real venue; empty where there is none."""

    executions_topic: str
    ledger_table: str
    paper_book_table: str
    venue_secret: str = ""
    venue_origin: str = ""
