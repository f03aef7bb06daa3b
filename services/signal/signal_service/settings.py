"""Signal's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """Where signal publishes, and where it keeps its fold."""

    targets_topic: str
    bars_requested_topic: str
    folds_table: str


class WebhookSettings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The webhook's topic, its table of nonces, and the secret whose values are the signing keys; "" disables it."""

    targets_topic: str
    folds_table: str
    webhook_secret: str = ""
