"""Audit's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """Where audit keeps its views, the lake and the chained log."""

    views_table: str
    lake_bucket: str
    audit_bucket: str
