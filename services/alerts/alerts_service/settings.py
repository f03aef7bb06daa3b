"""The environment of alerts."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The table of alerts, and the SecureString with the addresses of channels."""

    alerts_table: str
    channels_parameter: str
