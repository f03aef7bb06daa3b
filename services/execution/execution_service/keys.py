"""The keys of a venue for real orders."""

from collections.abc import Mapping

from fanfold.errors import BadInput

NEEDED = {"apiKey", "secret"}


def check(secret: str, keys: Mapping[str, str]) -> None:
    """Raise BadInput, which names the missing keys, for a secret that cannot sign an order."""
    missing = sorted(NEEDED - keys.keys())
    if missing:
        raise BadInput(f"{secret} has no {missing}: put a JSON object of {sorted(NEEDED)} into it")
