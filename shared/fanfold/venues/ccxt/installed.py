"""The installed ccxt, without loading any of it."""

from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from fanfold.errors import BadInput

PINNED = "4.5.90"


def path() -> Path:
    """Return the folder of the package. Raises BadInput where it is not installed."""
    spec = find_spec("ccxt")
    if spec is None or not spec.submodule_search_locations:
        raise BadInput(f"a venue of kind ccxt needs the ccxt package; install ccxt=={PINNED}")
    return Path(spec.submodule_search_locations[0])


def check(exchange_id: str) -> None:
    """Raise BadInput, naming near matches, for an exchange that ccxt does not have."""
    known = sorted(module.stem for module in path().glob("*.py") if not module.stem.startswith("_"))
    if exchange_id not in known:
        near = get_close_matches(exchange_id, known) or known[:5]
        raise BadInput(f"ccxt has no exchange {exchange_id!r}; near it are {', '.join(near)}")
