"""The environment of alerts."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The table of alerts, and the SecureStrings with the addresses of channels and with what platforms prove by.

    On a laptop the addresses are in a file, ``alert_addresses``. What one function alone needs is "" elsewhere.
    """

    alerts_table: str
    channels_parameter: str = ""
    alert_addresses: str = ""
    chat_parameter: str = ""
    orders_topic: str = ""
    ledger_table: str = ""
    lake_bucket: str = ""
    stage: str = ""
