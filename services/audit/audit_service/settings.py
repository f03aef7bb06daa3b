"""Audit's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The stage, the views, the lake and the chained log of audit, and the key that signs closed days ("" for none).

    The table of alerts is the API's.
    """

    stage: str
    views_table: str
    lake_bucket: str
    audit_bucket: str
    seal_key: str = ""
    alerts_table: str = ""
