"""Market-data's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """Where bars are published, where the last ones are noted, and where recordings lie for replay."""

    bars_topic: str
    cursors_table: str
    recordings: str = "recordings"
    venue_origin: str = ""
