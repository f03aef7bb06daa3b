"""Risk's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """Where risk publishes orders, and what it says of legs that cannot trade; the ledger that it shares with
    execution; and the path of SSM parameters that tighten limits, such as ``/fanfold/live/limits``, empty for none."""

    orders_topic: str
    targets_topic: str
    ledger_table: str
    limits_path: str = ""
