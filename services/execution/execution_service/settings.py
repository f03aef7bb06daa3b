"""Execution's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The topics of execution, the ledger that it shares with risk, and the paper venue's book.

    ``venue_secret`` has the keys of a real venue; empty where there is none.
    """

    executions_topic: str
    ledger_table: str
    paper_book_table: str
    venue_secret: str = ""
    venue_origin: str = ""
