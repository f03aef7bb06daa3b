"""Market-data's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The topic of bars, the table of cursors, and the folder of recordings that replay reads."""

    bars_topic: str
    cursors_table: str
    recordings: str = "recordings"
    venue_origin: str = ""
