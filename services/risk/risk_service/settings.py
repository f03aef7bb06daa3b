"""Risk's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The topics of risk, the ledger that it shares with execution, and the path of SSM parameters that tighten limits.

    The path is such as ``/fanfold/live/limits``, empty for none.
    """

    orders_topic: str
    targets_topic: str
    ledger_table: str
    limits_path: str = ""
