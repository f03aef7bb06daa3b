"""Risk's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """Where risk publishes, and the ledger that it shares with execution."""

    orders_topic: str
    ledger_table: str
