"""Signal's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """Where signal publishes, where it keeps its folds and the webhook's nonces, and the secret whose values sign the
    webhook's requests; "" where nobody may send any."""

    targets_topic: str
    bars_requested_topic: str
    folds_table: str
    webhook_secret: str = ""
