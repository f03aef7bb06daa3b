"""Signal's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The topics of signal, the tables of its folds and of the webhook's nonces, and the secret that signs webhooks.

    The secret is "" where no webhook is accepted.
    """

    targets_topic: str
    bars_requested_topic: str
    folds_table: str
    webhook_secret: str = ""
