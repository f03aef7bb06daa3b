"""Signal's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """Where signal publishes, and where it keeps its fold."""

    targets_topic: str
    bars_requested_topic: str
    folds_table: str


class WebhookSettings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """Where the webhook publishes, keeps its nonces, and the secret whose values all sign; "" where nobody may."""

    targets_topic: str
    folds_table: str
    webhook_secret: str = ""
