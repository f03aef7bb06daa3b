"""The keys of a venue where orders are real."""

from collections.abc import Mapping

from fanfold.errors import BadInput

NEEDED = {"apiKey", "secret"}


def check(secret: str, keys: Mapping[str, str]) -> None:
    """Raises BadInput, which names what the secret lacks, for keys that no order could be signed with."""
    missing = sorted(NEEDED - keys.keys())
    if missing:
        raise BadInput(f"{secret} has no {missing}: put a JSON object of {sorted(NEEDED)} into it")
