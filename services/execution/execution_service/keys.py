"""The keys of a venue where orders are real."""

from fanfold.aws.secrets import Secret
from fanfold.refusals import BadInput

NEEDED = {"apiKey", "secret"}


def check(keys: Secret) -> None:
    """Raises BadInput, which names what is missing, for keys that no order could be signed with."""
    missing = sorted(NEEDED - keys.values().keys())
    if missing:
        raise BadInput(f"{keys} has no {missing}: put a JSON object of {sorted(NEEDED)} into it")
